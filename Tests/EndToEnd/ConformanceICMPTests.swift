// What the underlay says about the tunnel's packets, as the inner sender hears it; and what no liar can do with it.

import Lab
import LinuxSystem
import Net
import Packet
import Rtnetlink
import Testing

extension EndToEndTests {
    @Suite("ICMP from the underlay")
    struct ConformanceICMP {
        /// RFC 792's codes of destination unreachable.
        private static let (network, host): (UInt8, UInt8) = (0, 1)

        @Test("E5: network and host unreachable, and what forbids the way, reach the inner sender")
        func unreachable() throws {
            try withLab(.twoNodes()) { lab in
                let sender = try InnerSender(lab)
                let peer = IPv4Prefix(host: InnerSender.peer)
                // Without a route behind it, `throw` is the router's "network unreachable".
                for (kind, code) in [
                    (RouteKind.unreachable, Self.host), (.throw, Self.network), (.prohibit, Self.host),
                ] {
                    try lab.router.setRoute(peer, kind: kind)
                    try sender.send(InnerSender.ping())
                    let told = try #require(try sender.nextError(), "\(kind)")
                    #expect(told.type == 3 && told.code == code && told.source == address("10.244.1.1"), "\(kind)")
                    #expect(told.quoted[12..<20] == InnerSender.ping()[12..<20])
                    // The whole inner packet is in the router's quotation, its ICMP header too, which names the socket.
                    #expect(told.quoted.count == 84 && told.quoted[20] == 8)
                    try lab.router.removeRoute(peer, kind: kind)
                }
                #expect(try sender.count("relayed") == 3 && sender.routeMTU() == 0)
                let report = try lab.ping(from: "w1", to: "w3")
                #expect(report.isComplete, "\(report.summary)")
            }
        }

        @Test("E5: a connection that is begun in a workload, or on the host, is told that the host is unreachable")
        func connections() throws {
            try withLab(.twoNodes()) { lab in
                let sender = try InnerSender(lab)
                try lab.router.setRoute(IPv4Prefix(host: InnerSender.peer), kind: .unreachable)
                for host in ["w1", "n1"] {
                    let socket = try lab.host(host).run { try InetSocket(.tcp) }
                    let error = #expect(throws: SyscallError.self) {
                        try socket.connect(InnerSender.there.rawValue, port: 9, timeoutMilliseconds: 10_000)
                    }
                    #expect(error?.code == 113, "EHOSTUNREACH at \(host), not \(error.map { "\($0)" } ?? "nothing")")
                }
                #expect(try sender.count("relayed") >= 2)
            }
        }

        @Test(
            "E5: of a far node without an agent the second protocol unreachable becomes host unreachable",
            .tiers(
                .userspace, .bpfMixed,
                because: "driver and programs go on without an agent; where the driver is loaded no kernel says so"))
        func protocolUnreachable() throws {
            try withLab(.twoNodes()) { lab in
                let sender = try InnerSender(lab)
                try lab.stopAgent(on: "n3")
                try sender.send(InnerSender.ping())
                try waitUntil("the first") { try sender.count("ignored") == 1 }
                #expect(try sender.count("relayed") == 0, "it could be a full queue's")
                try sender.send(InnerSender.ping())
                let told = try #require(try sender.nextError())
                #expect(told.type == 3 && told.code == Self.host)
            }
        }

        @Test("Where the outer TTL is the inner one, time exceeded in the tunnel is that of the inner packet")
        func inheritedTimeExceeded() throws {
            var specification = LabSpecification.twoNodes()
            specification.nodes[0].extraConfig = "tunnel: {ttl: inherit}"
            try withLab(specification) { lab in
                let socket = try lab.host("w1").run { try InetSocket(.raw(proto: IPProtocol.icmp)) }
                // One hop to n1, one to the router.
                try lab.host("w1").sendRaw(
                    ForgedPacket.ping(
                        source: InnerSender.here, destination: InnerSender.there, timeToLive: 2),
                    to: InnerSender.there)
                let answer = try #require(try socket.receive(timeoutMilliseconds: 10_000))
                #expect(Array(answer[20..<22]) == [11, 0])
            }
        }

        @Test("E6: time exceeded in the tunnel becomes host unreachable")
        func timeExceeded() throws {
            var specification = LabSpecification.twoNodes()
            specification.nodes[0].extraConfig = "tunnel: {ttl: 1}"
            try withLab(specification) { lab in
                // Nothing that w1 sends gets as far as n3.
                let socket = try lab.host("w1").run { try InetSocket(.raw(proto: IPProtocol.icmp)) }
                try lab.host("w1").sendRaw(InnerSender.ping(), to: InnerSender.there)
                let answer = try #require(try socket.receive(timeoutMilliseconds: 10_000))
                #expect(Array(answer[20..<22]) == [3, Self.host])
            }
        }

        @Test(
            "E5, E6: port unreachable, source route failed, redirect, quench, parameter problem are told to nobody",
            .tiers(
                .userspace, .kernel, .bpf, .bpfMixed, .bpfKernel,
                because: "a far kernel that has the driver tells of each packet that the agent there takes"))
        func notRelayed() throws {
            try withLab(.twoNodes()) { lab in
                let sender = try InnerSender(lab)
                for (type, code) in [(3, 3), (3, 5), (5, 1), (4, 0), (12, 0)] as [(UInt8, UInt8)] {
                    try sender.forge(type: type, code: code)
                }
                try sender.forge(type: 3, code: Self.network)
                let told = try #require(try sender.nextError())
                #expect(told.code == Self.network, "the first that is told is the last that was sent")
                #expect(try sender.count("relayed") == 1 && sender.count("ignored") == 2)
            }
        }

        @Test(
            "E4, E5: a forged error changes nothing: it must quote what this node sends, to a peer, for that peer",
            .tiers(
                .userspace, .kernel, .bpf, .bpfMixed, .bpfKernel,
                because: "a far kernel that has the driver tells of each packet that the agent there takes"))
        func forged() throws {
            try withLab(.threeNodes()) { lab in
                let sender = try InnerSender(lab)
                let stranger = address("192.0.2.1")
                func inner(to destination: IPv4Address) -> [UInt8] {
                    ForgedPacket.ping(
                        source: InnerSender.here, destination: destination, payloadBytes: 1400, dontFragment: true)
                }
                let unheard = [InnerSender.tunnelled(from: stranger), InnerSender.ping(bytes: 1480)]
                let ignored = [
                    InnerSender.tunnelled(to: stranger), InnerSender.tunnelled(inner(to: address("10.244.2.2"))),
                    InnerSender.tunnelled(inner(to: stranger)), InnerSender.tunnelled(InnerSender.ping(bytes: 600)),
                ]
                for packet in unheard + ignored {
                    try sender.forge(type: 3, code: 4, mtu: 700, about: packet)
                }
                for packet in unheard + ignored.dropLast() {
                    try sender.forge(type: 3, code: Self.host, about: packet)
                }
                var damaged = ForgedPacket.icmpError(
                    type: 3, code: 4, mtu: 700, source: InnerSender.router, destination: InnerSender.node,
                    about: InnerSender.tunnelled())
                damaged[22] ^= 0xFF
                try lab.router.sendRaw(damaged, to: InnerSender.node)
                try sender.forge(type: 3, code: Self.network)
                let told = try #require(try sender.nextError())
                #expect(told.code == Self.network, "the first that is told is the last that was sent")
                #expect(try sender.count("relayed") == 1 && sender.count("ignored") == 8)
                #expect(try sender.count("learnt") == 0 && sender.pathMTU() == nil && sender.routeMTU() == 0)
            }
        }

        @Test("E11: nobody is told about an ICMP error, a later fragment or a source of many; the path is learnt")
        func silence() throws {
            try withLab(.twoNodes()) { lab in
                let sender = try InnerSender(lab)
                let error = ForgedPacket.icmpError(
                    type: 3, code: 3, source: InnerSender.here, destination: InnerSender.there,
                    about: InnerSender.ping(bytes: 1400), quotedBytes: 1400)
                var fragment = InnerSender.ping(bytes: 1400)
                fragment[7] = 100
                let multicast = ForgedPacket.ping(
                    source: address("224.0.0.1"), destination: InnerSender.there, payloadBytes: 1400)
                for (index, inner) in [error, fragment, multicast].enumerated() {
                    try sender.forge(type: 3, code: Self.host, about: InnerSender.tunnelled(inner))
                    try sender.forge(
                        type: 3, code: 4, mtu: UInt16(1300 - index), about: InnerSender.tunnelled(inner))
                }
                try sender.forge(type: 3, code: Self.network)
                let told = try #require(try sender.nextError())
                #expect(told.code == Self.network, "the first that is told is the last that was sent")
                #expect(try sender.count("relayed") == 1 && sender.count("learnt") == 3)
            }
        }

        @Test("E11: a flood of errors comes to a few messages for the inner sender, and the agent goes on")
        func rateLimit() throws {
            try withLab(.twoNodes()) { lab in
                let sender = try InnerSender(lab)
                let begin = Monotonic.now
                for _ in 0..<100 { try sender.forge(type: 3, code: Self.host) }
                try waitUntil("all have been taken") { try sender.count("relayed") + sender.count("limited") == 100 }
                // Six at once and one a second.
                let allowed = 7 + (Monotonic.now - begin) / 1_000_000_000
                let relayed = try sender.count("relayed")
                #expect(relayed >= 6 && relayed <= allowed, "\(relayed) of at most \(allowed)")
                var received: UInt64 = 0
                while received < relayed, try sender.nextError() != nil { received += 1 }
                #expect(received == relayed)
                #expect(try sender.nextError(timeoutMilliseconds: 0) == nil)
                try lab.waitReady("n1")
            }
        }
    }
}
