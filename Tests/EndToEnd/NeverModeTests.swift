// Mode Never sends plain and still takes in: the tunnel device keeps an address, and every peer may tunnel to this node.

import Lab
import LinuxSystem
import Net
import Rtnetlink
import Testing

extension EndToEndTests {
    @Suite("Mode Never")
    struct NeverMode {
        /// Calico takes the tunnel address away with the mode. Here it stays: without any address on the device, even a
        /// loose `rp_filter` drops what peers tunnel to this host.
        @Test func `A node that goes to Never and back keeps its tunnel address all the time`() throws {
            try withLab(Self.specification) { lab in
                let watch = try KernelWatch(try lab.host("n1"))
                for (mode, way) in [(LabMode.never, Way.routed), (.always, .tunnel), (.never, .routed)] {
                    try lab.setMode("n1", mode)
                    try lab.expectRoute("n1", to: "n3", way)
                    #expect(try Self.tunnelAddresses(lab, "n1") == [interface("10.244.1.1/32")])
                    // The host is reached at that address, whoever tunnels.
                    let report = try lab.ping(from: "w3", to: address("10.244.1.1"), count: 3)
                    #expect(report.isComplete, "\(mode.rawValue): \(report.summary)")
                }
                try watch.drain()
                #expect(watch.changes.allSatisfy { $0.contains("route") } && watch.removals == [], "\(watch.changes)")
            }
        }

        @Test func `Without a tunnel address the node's own one stands on the device, in every mode`() throws {
            var specification = Self.specification
            specification.nodes[0].tunnelAddress = nil
            try withLab(specification) { lab in
                for mode in [LabMode.never, .crossSubnet, .never] {
                    try lab.setMode("n1", mode)
                    try lab.expectRoute("n1", to: "n3", mode == .never ? .routed : .tunnel)
                    #expect(try Self.tunnelAddresses(lab, "n1") == [interface("10.0.1.1/32")])
                }
                // One that is given, and taken again, takes its place.
                var node = try lab.node("n1")
                for (given, expected) in [("10.244.1.1", "10.244.1.1/32"), (nil, "10.0.1.1/32")] {
                    node = try lab.node("n1")
                    node.tunnelAddress = given.map { address($0) }
                    try lab.update(node)
                    try waitUntil("\(expected) alone on the device") {
                        try Self.tunnelAddresses(lab, "n1") == [interface(expected)]
                    }
                    // The copy on the tunnel device draws nothing away from the underlay.
                    let report = try lab.ping(from: "n3", to: "n1", count: 3)
                    #expect(report.isComplete, "\(report.summary)")
                }
            }
        }

        @Test(.refusesStrangers(at: "n1"))
        func `It takes in what a peer tunnels as long as there is that peer, and nothing afterwards`() throws {
            var specification = LabSpecification.threeNodes(mode: .never)
            specification.routerKnowsBlocks = true
            specification.nodes[1].ipipMode = .always
            specification.nodes[2].ipipMode = .always
            try withLab(specification) { lab in
                try lab.expectTraffic(from: "n3", to: "n1", forth: .tunnel, back: .routed)
                let inner = ForgedPacket.ping(source: address("10.244.3.2"), destination: address("10.244.1.2"))
                let (n1, n3) = (try lab.underlay("n1"), try lab.underlay("n3"))
                let outer = ForgedPacket.ipip(source: n3, destination: n1, inner: inner)
                var known = try Self.echoRequests(lab, "w1")
                for _ in 0..<3 { try lab.host("n3").sendRaw(outer, to: n1) }
                try waitUntil("three echo requests at w1") { try Self.echoRequests(lab, "w1") == known + 3 }

                // Gone from the cluster, though its host still sends.
                try lab.stopAgent(on: "n3")
                for resource in [
                    LabResource.block(try lab.block(of: "n3"), node: "n3"),
                    .node("n3", address: try lab.node("n3").address),
                ] { try lab.removeResource(resource.name) }
                try lab.waitStatus("n1", "n3 to be forgotten") { $0.ready && $0.peer("n3") == nil }
                known = try Self.echoRequests(lab, "w1")
                let sniffer = try #require(lab.sniffer)
                sniffer.clear()
                for _ in 0..<3 { try lab.host("n3").sendRaw(outer, to: n1) }
                try waitUntil("three packets on their way to n1") { sniffer.counts().ipip(from: n3, to: n1) == 3 }
                // These come in after them, by the same way, and are taken: n2 is a peer still.
                try lab.expectTraffic(from: "n2", to: "n1", forth: .tunnel, back: .direct)
                #expect(try Self.echoRequests(lab, "w1") == known + 3)
            }
        }

        private static var specification: LabSpecification {
            var specification = LabSpecification.twoNodes()
            specification.routerKnowsBlocks = true
            return specification
        }

        private static func tunnelAddresses(_ lab: Lab, _ node: String) throws -> [IPv4InterfaceAddress] {
            let link = try lab.host(node).linkIndex("tunl0")
            return try lab.host(node).netlink { try $0.addresses().filter { $0.link == link }.map(\.address) }
        }

        /// How many echo requests a host's own kernel has taken in.
        private static func echoRequests(_ lab: Lab, _ host: String) throws -> Int {
            // That of the thread, because its namespace differs from the process's.
            let text = try lab.host(host).run { try TextFile.read("/proc/thread-self/net/snmp") }
            let lines = text.split(separator: "\n").filter { $0.hasPrefix("Icmp: ") }.map { $0.split(separator: " ") }
            let names = try #require(lines.first)
            let values = try #require(lines.last)
            let column = try #require(names.firstIndex(of: "InEchos"))
            return try #require(Int(values[column]))
        }
    }
}
