// Routes of other programs are never touched, whatever the agent goes through; those of an earlier agent are taken over.

import Lab
import LinuxSystem
import Net
import Rtnetlink
import Testing

extension EndToEndTests {
    @Suite("Routes of others and of an earlier agent")
    struct ForeignRoutes {
        @Test("Routes of other protocols stay untouched through start, resync, repair, other modes, restart and crash")
        func foreign() throws {
            var specification = LabSpecification.threeNodes()
            specification.routerKnowsBlocks = true
            try withIdleLab(specification) { lab in
                let node = try lab.host("n1")
                try node.perform(try Self.foreignRoutes(lab).map { .addRoute($0) })
                let before = try Self.others(node)
                let watch = try KernelWatch(node)
                try lab.startAgents()
                for name in ["n1", "n2", "n3"] { try lab.waitForRest(name) }
                for event in Event.allCases {
                    try event.happen(lab)
                    try lab.waitForRest("n1")
                    let after = try Self.others(node)
                    #expect(after == before, "\(event.rawValue)")
                }
                // One that was taken away for some microseconds would be the same again.
                try watch.drain()
                #expect(watch.foreignChanges == [])
                let status = try lab.waitReady("n1")
                #expect(status.routes?.conflicts == [])
                try lab.expectTraffic(from: "n1", to: "n3", forth: .tunnel, back: .tunnel)
                try lab.expectTraffic(from: "n1", to: "n2", forth: .direct, back: .direct)
            }
        }

        @Test(
            "In the very place of ours they stay as well, through resync and restart, until their owner takes them away"
        )
        func inTheWay() throws {
            try withIdleLab(.threeNodes()) { lab in
                let node = try lab.host("n1")
                let link = try node.linkIndex("eth0")
                // As BIRD and Felix would have them.
                let holders = [("n2", "10.0.1.2", birdRoute), ("n3", "10.0.1.254", felixRoute)]
                let routes = try holders.map { peer, gateway, owner in
                    RouteSpecification(
                        destination: try lab.block(of: peer), gateway: address(gateway), link: link,
                        routeProtocol: owner)
                }
                try node.perform(routes.map { .addRoute($0) })
                let before = try Self.others(node)
                let watch = try KernelWatch(node)
                try lab.startAgents()
                for moment in ["started", "told to look again", "started again"] {
                    if moment == "told to look again" { try lab.agent("n1")?.terminate(Signals.hangup) }
                    if moment == "started again" {
                        try lab.killAgent(on: "n1")
                        try lab.startAgent(on: "n1")
                    }
                    let status = try lab.waitStatus("n1", "two conflicts") { $0.routes?.conflicts.count == 2 }
                    #expect(!status.ready, "\(moment)")
                    #expect(try Self.others(node) == before, "\(moment)")
                }
                try watch.drain()
                #expect(watch.foreignChanges == [])
                try node.perform(routes.map { .deleteRoute($0) })
                try lab.expectRoute("n1", to: "n2", .direct)
                try lab.expectRoute("n1", to: "n3", .tunnel)
                try lab.waitReady("n1")
            }
        }

        /// What the agent may know of the cluster at first.
        enum Knowledge: String, CaseIterable, CustomTestStringConvertible {
            case nothing = "the datastore cannot be read"
            case part = "one file of the datastore cannot be read"

            var testDescription: String { rawValue }
        }

        @Test(
            "Routes of an earlier agent: the right ones are kept, the wrong one made right, the rest goes when all is known",
            arguments: Knowledge.allCases)
        func earlierAgent(knowledge: Knowledge) throws {
            try withIdleLab(.threeNodes()) { lab in
                let node = try lab.host("n1")
                let (link, blackhole) = (try node.linkIndex("eth0"), UInt32(0x7FFF_0000))
                func route(_ destination: String, via gateway: String, metric: UInt32 = 0) -> RouteSpecification {
                    RouteSpecification(
                        destination: prefix(destination), gateway: address(gateway), link: link, metric: metric,
                        routeProtocol: poplinRoute)
                }
                let own = RouteSpecification(
                    destination: prefix("10.244.1.0/26"), kind: .blackhole, metric: blackhole,
                    routeProtocol: poplinRoute)
                // Of n3 when it was plainly routed, of nodes and blocks that are gone, and one that was doubled.
                let wrong = route("10.244.3.0/26", via: "10.0.1.254")
                let stale = [
                    route("10.244.77.0/26", via: "10.0.1.2"), route("10.244.2.0/26", via: "10.0.1.254", metric: 77),
                    RouteSpecification(
                        destination: prefix("10.244.78.0/26"), kind: .blackhole, metric: blackhole,
                        routeProtocol: poplinRoute),
                ]
                let right = [own, route("10.244.2.0/26", via: "10.0.1.2")]
                try node.perform((right + [wrong] + stale).map { .addRoute($0) })
                let left = try lab.ownRoutes("n1")
                let watch = try KernelWatch(node)
                let away = lab.clusterDirectory + ".away"
                switch knowledge {
                case .nothing: try Files.move(lab.clusterDirectory, to: away)
                case .part: try TextFile.replace("\(lab.clusterDirectory)/broken.yaml", with: "apiVersion: [\n")
                }
                try lab.startAgent(on: "n1")
                try lab.waitStatus("n1", "removals to be on hold") {
                    $0.warnings?.contains { $0.code == "removalsOnHold" } == true
                }
                if knowledge == .part { try lab.expectRoute("n1", to: "n3", .tunnel) }
                let kept = try lab.ownRoutes("n1").filter { $0.destination != wrong.destination }
                #expect(kept == left.filter { $0.destination != wrong.destination })
                try watch.drain()
                #expect(watch.removals == [])

                switch knowledge {
                case .nothing: try Files.move(away, to: lab.clusterDirectory)
                case .part: try Directory.removeFile("\(lab.clusterDirectory)/broken.yaml")
                }
                try waitUntil("three routes, and no more") { try lab.ownRoutes("n1").count == 3 }
                try lab.waitReady("n1")
                try lab.expectRoute("n1", to: "n2", .direct)
                try lab.expectRoute("n1", to: "n3", .tunnel)
                try watch.drain()
                // The wrong one was replaced in its place, and the right ones nobody has touched.
                #expect(watch.removals.count == stale.count, "\(watch.removals)")
                let changed = watch.changes.filter { $0.contains("route") }
                #expect(changed.count == stale.count + 1, "\(changed)")
            }
        }

        /// What an agent goes through.
        enum Event: String, CaseIterable {
            case resync = "told to look again"
            case never = "mode Never"
            case always = "mode Always"
            case crossSubnet = "mode CrossSubnet"
            case repair = "all its own routes deleted"
            case block = "a block comes and goes"
            case restart = "ended and started again"
            case crash = "killed and started again"

            func happen(_ lab: Lab) throws {
                switch self {
                case .resync: try lab.agent("n1")?.terminate(Signals.hangup)
                case .never, .always, .crossSubnet:
                    let mode = self == .never ? LabMode.never : self == .always ? .always : .crossSubnet
                    try lab.setMode("n1", mode)
                    try lab.expectRoute("n1", to: "n3", self == .never ? .routed : .tunnel)
                    try lab.expectRoute("n1", to: "n2", self == .always ? .tunnel : .direct)
                case .repair:
                    let own = try lab.ownRoutes("n1")
                    try lab.host("n1").perform(own.map { .deleteRoute(RouteSpecification($0)) })
                    try waitUntil("our routes") { try lab.ownRoutes("n1").count == own.count }
                case .block:
                    let block = prefix("10.244.90.0/26")
                    try lab.write([.block(block, node: "n3")])
                    try waitUntil("its route") { try lab.ownRoute("n1", to: block) != nil }
                    try lab.removeResource(LabResource.block(block, node: "n3").name)
                    try waitUntil("no route") { try lab.ownRoute("n1", to: block) == nil }
                case .restart, .crash:
                    if self == .restart { try lab.stopAgent(on: "n1") } else { try lab.killAgent(on: "n1") }
                    try lab.startAgent(on: "n1")
                }
            }
        }

        /// Routes as other programs make them, in the pool and beside it, around and inside of ours.
        private static func foreignRoutes(_ lab: Lab) throws -> [RouteSpecification] {
            let node = try lab.host("n1")
            let (cable, workload) = (try node.linkIndex("eth0"), try node.linkIndex("caliw1"))
            func via(
                _ destination: String, _ owner: UInt8, metric: UInt32 = 0, tos: UInt8 = 0, table: UInt32 = 254
            ) -> RouteSpecification {
                RouteSpecification(
                    destination: prefix(destination), gateway: address("10.0.1.254"), link: cable, metric: metric,
                    tos: tos, routeProtocol: owner, table: table)
            }
            return [
                via("10.244.99.0/24", 4), via("10.244.98.0/26", birdRoute), via("10.244.97.0/26", felixRoute),
                via("192.0.2.0/24", dhcpRoute, metric: 1024), via("198.51.100.0/24", 2), via("10.244.0.0/16", 4),
                // The destinations of ours, and yet other routes: by metric, by TOS, by table.
                via("10.244.3.0/26", birdRoute, metric: 500), via("10.244.3.0/26", 4, tos: 8),
                via("10.244.3.0/26", poplinRoute, table: 100),
                RouteSpecification(destination: prefix("10.244.1.0/26"), kind: .blackhole, routeProtocol: birdRoute),
                RouteSpecification(destination: prefix("10.244.96.0/26"), kind: .unreachable, routeProtocol: 188),
                RouteSpecification(destination: prefix("10.244.3.50/32"), link: workload, routeProtocol: 3),
            ]
        }

        /// All routes of a host but those that are ours to change, and the kernel's own ones to its addresses.
        private static func others(_ node: LabHost) throws -> [RouteMessage] {
            try node.routes(filter: RouteFilter(table: nil)).filter { route in
                route.table != 255 && (route.table != 254 || route.routeProtocol != poplinRoute)
            }
        }
    }
}

/// `RTPROT_BIRD`.
let birdRoute: UInt8 = 12
/// The `rtm_protocol` of Felix's routes.
let felixRoute: UInt8 = 80
