// Against the running kernel, in namespaces that live as long as a test.

import Net
import TestSupport
import Testing

@testable import Rtnetlink

@Suite(.needsNamespaces)
struct KernelTests {
    /// A namespace with a veth `v0`, 10.99.0.1/24, whose peer `v1` stays in it; both up.
    static func withVeth(_ body: @Sendable (inout NetlinkSocket, Int32) throws -> Void) throws {
        try TestNamespace().run {
            var socket = try NetlinkSocket()
            let index = try makeVeth(&socket)
            try body(&socket, index)
        }
    }

    static func makeVeth(_ socket: inout NetlinkSocket) throws -> Int32 {
        try socket.perform(
            .createLink(LinkSpecification(name: "v0", kind: "veth", isUp: true, peer: .init(name: "v1"))))
        try socket.perform(.setLink(.name("v1"), LinkChange(isUp: true)))
        try socket.perform(.setLink(.name("lo"), LinkChange(isUp: true)))
        let link = try #require(try socket.link(named: "v0"))
        try socket.perform(
            .addAddress(AddressMessage(link: link.index, address: interfaceAddress("10.99.0.1/24"))))
        return link.index
    }

    @Test func `Links are made, changed, renamed, moved and removed`() throws {
        let other = try TestNamespace()
        let otherDescriptor = other.fileDescriptor
        try TestNamespace().run {
            var socket = try NetlinkSocket()
            try socket.perform(.createLink(LinkSpecification(name: "br0", kind: "bridge", isUp: true)))
            let bridge = try #require(try socket.link(named: "br0"))
            #expect(bridge.kind == "bridge")
            #expect(bridge.isUp)
            let peer = LinkSpecification.Peer(name: "far0", mtu: 1300, namespace: otherDescriptor)
            try socket.perform(
                .createLink(LinkSpecification(name: "v0", kind: "veth", mtu: 1400, isUp: true, peer: peer)))
            var link = try #require(try socket.link(named: "v0"))
            #expect(link.mtu == 1400)
            #expect(link.kind == "veth")
            #expect(link.lowerLinkNamespace != nil)
            #expect(link.hardwareAddress.count == 6)
            #expect(!link.isLowerUp)

            try socket.perform(
                .setLink(.index(link.index), LinkChange(isUp: false, mtu: 1480, master: bridge.index)))
            try socket.perform(.renameLink(link.index, to: "w0"))
            link = try #require(try socket.link(index: link.index))
            #expect(link.name == "w0")
            #expect(link.mtu == 1480)
            #expect(link.master == bridge.index)
            #expect(!link.isUp)
            #expect(try socket.link(named: "v0") == nil)
            #expect(try socket.links().map(\.name).sorted() == ["br0", "lo", "w0"])

            try socket.perform(.setLink(.name("w0"), LinkChange(master: 0, namespace: otherDescriptor)))
            #expect(try socket.link(named: "w0") == nil)
            try socket.perform(.deleteLink(.name("br0")))
            #expect(try socket.links().map(\.name) == ["lo"])
        }
        try other.run {
            var socket = try NetlinkSocket()
            let links = try socket.links()
            #expect(links.map(\.name).sorted() == ["far0", "lo", "w0"])
            #expect(links.first { $0.name == "far0" }?.mtu == 1300)
        }
    }

    @Test func `Addresses come and go, with and without a route to their subnet`() throws {
        try Self.withVeth { socket, link in
            let plain = interfaceAddress("10.98.0.1/24")
            try socket.perform(
                .addAddress(AddressMessage(link: link, address: plain, flags: .noPrefixRoute)))
            let found = try #require(try socket.addresses().first { $0.address == plain })
            #expect(found.flags.contains(.noPrefixRoute))
            #expect(found.link == link)
            #expect(found.peer == nil)
            let connected = try socket.routes(filter: RouteFilter(routeProtocol: 2)).map(\.destination)
            #expect(connected == [prefix("10.99.0.0/24")])
            try socket.perform(.replaceAddress(AddressMessage(link: link, address: plain, scope: 0)))
            #expect(failure(of: .addAddress(AddressMessage(link: link, address: plain)), on: &socket)?.code == 17)
            try socket.perform(.deleteAddress(AddressMessage(link: link, address: plain)))
            let pair = AddressMessage(
                link: link, address: interfaceAddress("10.97.0.1/32"), peer: address("10.97.0.2"))
            try socket.perform(.addAddress(pair))
            let left = try socket.addresses().filter { $0.link == link }
            #expect(left.map(\.address) == [interfaceAddress("10.99.0.1/24"), pair.address])
            #expect(left.last?.peer == pair.peer)
        }
    }

    @Test func `Rules are listed with the kernel's own, added and removed`() throws {
        try Self.withVeth { socket, _ in
            #expect(try socket.rules().map(\.priority) == [0, 32766, 32767])
            #expect(try socket.rules().map(\.table) == [255, 254, 253])
            let rule = RuleMessage(
                priority: 100, table: 1000, source: prefix("10.0.0.0/8"), destination: prefix("10.1.0.0/16"),
                mark: 1, markMask: 0xff, inputLink: "v0", isInverted: true, ruleProtocol: 112)
            try socket.perform(.addRule(rule))
            #expect(try socket.rules().first { $0.priority == 100 } == rule)
            try socket.perform(.deleteRule(rule))
            #expect(try socket.rules().count == 3)
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `Routes of any form come back as they were made, and go by their own description`(seed: UInt64) throws {
        try Self.withVeth { socket, link in
            var random = SeededGenerator(seed: seed)
            var wanted: [RouteSpecification] = []
            for number in 0..<300 {
                let address = IPv4Address(rawValue: 0x0A00_0000 | UInt32(number) << 13)
                var route = RouteSpecification(
                    destination: IPv4Prefix(containing: address, length: .random(in: 19...32, using: &random)),
                    metric: Bool.random(using: &random) ? .random(in: 1...UInt32.max, using: &random) : 0,
                    tos: [0, 4, 8, 16].randomElement(using: &random) ?? 0,
                    routeProtocol: .random(in: 112...114, using: &random),
                    table: [254, 77, 70_000].randomElement(using: &random) ?? 254, scope: 0)
                switch Int.random(in: 0..<3, using: &random) {
                case 0:
                    route.kind = [.blackhole, .unreachable, .prohibit].randomElement(using: &random) ?? .blackhole
                case 1:
                    route.link = link
                    route.scope = 253
                    route.source = Bool.random(using: &random) ? vethAddress : .any
                    route.mtu = Bool.random(using: &random) ? .random(in: 600...9000, using: &random) : 0
                default:
                    route.link = link
                    route.isOnlink = Bool.random(using: &random)
                    route.gateway = IPv4Address(rawValue: 0x0A63_0000 | .random(in: 2...200, using: &random))
                }
                wanted.append(route)
            }
            var batch = NetlinkBatch(reservingCapacity: wanted.count)
            for route in wanted { batch.append(.addRoute(route)) }
            #expect(try socket.perform(&batch).allSatisfy { $0 == nil })

            let told = try socket.routes(filter: RouteFilter(table: nil)).filter { $0.routeProtocol >= 112 }
            #expect(told.allSatisfy { !$0.hasForeignDetail })
            #expect(Set(told.map { RouteSpecification($0) }) == Set(wanted))
            for table: UInt32 in [254, 77, 70_000] {
                let filter = RouteFilter(table: table, routeProtocol: 113)
                let kept = try socket.routes(filter: filter).map { RouteSpecification($0) }
                #expect(Set(kept) == Set(wanted.filter { $0.table == table && $0.routeProtocol == 113 }))
            }

            batch.removeAll()
            for route in told.shuffled(using: &random) { batch.append(.deleteRoute(RouteSpecification(route))) }
            #expect(try socket.perform(&batch).failures.isEmpty)
            let left = try socket.routes(filter: RouteFilter(table: nil)).filter { $0.routeProtocol >= 112 }
            #expect(left.isEmpty)
        }
    }

    @Test func `The kernel itself leaves out other protocols`() throws {
        try Self.withVeth { socket, link in
            for (number, routeProtocol) in [(1, 112), (2, 113), (3, 112)] as [(UInt32, UInt8)] {
                try socket.perform(
                    .addRoute(
                        RouteSpecification(
                            destination: IPv4Prefix(host: IPv4Address(rawValue: number << 24)), link: link,
                            routeProtocol: routeProtocol)))
            }
            var request = RequestBuffer()
            RouteFilter(routeProtocol: 112).encode(into: &request)
            let sent = request.chunk(from: 0, byteLimit: .max, countLimit: 1, sequence: 1).bytes
            #expect(socket.endpoint.send(sent) == 0)
            var protocols: [UInt8] = []
            while case .datagram(var messages) = socket.endpoint.receive() {
                while let message = messages.next() {
                    if let route = RouteMessage(message) { protocols.append(route.routeProtocol) }
                }
            }
            #expect(protocols == [112, 112], "as received, before the filter is asked again here")

            var seen: [RouteMessage] = []
            try socket.routes(filter: RouteFilter(routeProtocol: 112), onRestart: { seen = [] }) { seen.append($0) }
            #expect(seen.map(\.destination) == [prefix("1.0.0.0/32"), prefix("3.0.0.0/32")])
        }
    }

    @Test func `A route appended in another's place waits behind it, and takes over when that one goes`() throws {
        try Self.withVeth { socket, link in
            func route(_ gateway: String, _ number: UInt8) -> RouteSpecification {
                RouteSpecification(
                    destination: prefix("10.50.0.0/24"), gateway: address(gateway), link: link, isOnlink: true,
                    routeProtocol: number)
            }
            func numbers(_ socket: inout NetlinkSocket) throws -> [UInt8] {
                try socket.routes().filter { $0.destination == prefix("10.50.0.0/24") }.map(\.routeProtocol)
            }
            try socket.perform(.addRoute(route("10.99.0.7", 12)))
            try socket.perform(.appendRoute(route("10.99.0.8", 112)))
            #expect(try numbers(&socket) == [12, 112])
            #expect(try socket.routeGet(address("10.50.0.1"))?.gateway == address("10.99.0.7"))
            #expect(failure(of: .appendRoute(route("10.99.0.8", 112)), on: &socket)?.code == 17)
            // By its own description: one of another number, gateway or device is not taken for it.
            #expect(failure(of: .deleteRoute(route("10.99.0.7", 80)), on: &socket)?.code == 3)
            #expect(failure(of: .deleteRoute(route("10.99.0.9", 12)), on: &socket)?.code == 3)
            try socket.perform(.deleteRoute(route("10.99.0.7", 12)))
            #expect(try numbers(&socket) == [112])
            #expect(try socket.routeGet(address("10.50.0.1"))?.gateway == address("10.99.0.8"))
        }
    }

    @Test func `A table that does not exist has no routes`() throws {
        try TestNamespace().run {
            var socket = try NetlinkSocket()
            #expect(try socket.routes(filter: RouteFilter(table: 4711)).isEmpty)
            #expect(try socket.routes().isEmpty)
        }
    }

    @Test func `Every request of a batch has its own answer, in its place`() throws {
        try Self.withVeth { socket, link in
            func route(_ text: String) -> RouteSpecification {
                RouteSpecification(
                    destination: prefix(text), gateway: address("10.99.0.2"), link: link, routeProtocol: 112)
            }
            var unreachable = route("10.3.0.0/24")
            unreachable.gateway = address("192.0.2.1")
            var batch = NetlinkBatch()
            batch.append(.addRoute(route("10.1.0.0/24")))
            batch.append(.addRoute(route("10.1.0.0/24")))
            batch.append(.deleteRoute(route("10.2.0.0/24")))
            batch.append(.addRoute(unreachable))
            batch.append(.deleteLink(.name("none")))
            batch.append(.addRoute(route("10.4.0.0/24")))
            let results = try socket.perform(&batch)
            #expect(results.map { $0?.code ?? 0 } == [0, 17, 3, 101, 19, 0])
            #expect(results[1]?.object == "route 10.1.0.0/24 via 10.99.0.2 dev v0")
            #expect(results[1]?.operation == "add route")
            #expect(results[2]?.operation == "delete route")
            #expect(
                results[3]?.description
                    == "route 10.3.0.0/24 via 192.0.2.1 dev v0: Network is unreachable: "
                    + "Nexthop has invalid gateway (add route)")
            #expect(results[4]?.description == "link none: No such device (delete link)")
            #expect(
                try socket.routes(filter: RouteFilter(routeProtocol: 112)).map(\.destination)
                    == [prefix("10.1.0.0/24"), prefix("10.4.0.0/24")])
        }
    }

    @Test func `A batch of several sends keeps its order to the last failure`() throws {
        try TestNamespace().run {
            var socket = try NetlinkSocket()
            let count = 5000
            func blackhole(_ number: Int) -> NetlinkRequest {
                .addRoute(
                    RouteSpecification(
                        destination: IPv4Prefix(host: IPv4Address(rawValue: 0x0A00_0000 + UInt32(number))),
                        kind: .blackhole, routeProtocol: 112))
            }
            var batch = NetlinkBatch()
            for number in stride(from: 0, to: count, by: 3) { batch.append(blackhole(number)) }
            #expect(try socket.perform(&batch).failures.isEmpty)
            batch.removeAll()
            for number in 0..<count { batch.append(blackhole(number)) }
            let results = try socket.perform(&batch)
            #expect(results.count == count)
            #expect(results.failures.map(\.index) == Array(stride(from: 0, to: count, by: 3)))
            #expect(results.failures.allSatisfy { $0.error.code == 17 })
            #expect(results.failures.last?.error.object == "route 10.0.19.134/32 blackhole")
            #expect(try socket.routes(filter: RouteFilter(routeProtocol: 112)).count == count)
        }
    }

    @Test func `Names too long for the kernel are refused by it, not cut`() throws {
        try TestNamespace().run {
            var socket = try NetlinkSocket()
            let name = String(repeating: "n", count: 200)
            let error = failure(of: .createLink(LinkSpecification(name: name, kind: "bridge")), on: &socket)
            #expect(error?.code == 34)
            #expect(error?.message.isEmpty == false)
            #expect(error?.offset == 32)
            #expect(try socket.links().count == 1)
        }
    }

    @Test func `A lookup tells the route that a packet would take, or the route of the table`() throws {
        try Self.withVeth { socket, link in
            try socket.perform(
                .addRoute(
                    RouteSpecification(
                        destination: prefix("10.5.0.0/16"), gateway: address("10.99.0.9"), link: link,
                        routeProtocol: 112)))
            let match = try #require(try socket.routeGet(address("10.5.6.7"), fibMatch: true))
            #expect(match.destination == prefix("10.5.0.0/16"))
            #expect(match.routeProtocol == 112)
            let answer = try #require(try socket.routeGet(address("10.5.6.7")))
            #expect(answer.destination == prefix("10.5.6.7/32"))
            #expect(answer.gateway == address("10.99.0.9"))
            #expect(answer.source == address("10.99.0.1"))
            #expect(try socket.routeGet(address("192.0.2.1")) == nil)
        }
    }
}

/// The address of the veth in ``KernelTests``.
private let vethAddress = address("10.99.0.1")
