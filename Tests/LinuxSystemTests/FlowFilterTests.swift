// Several raw sockets that share the datagrams of one protocol.

import LinuxSystem
import TestSupport
import Testing

@Suite(.needsNamespaces) struct FlowFilterTests {
    private struct Sent {
        var what: String
        var flow: Int
        var payload: [UInt8]
    }

    private func inner(
        from source: UInt32, proto: UInt8, ports: [UInt8], fragment: UInt16 = 0, headerWords: UInt8 = 5
    ) -> [UInt8] {
        var packet = datagram(proto: proto, from: source, to: 0x0af4_0302, ports + [UInt8](repeating: 7, count: 8))
        packet[0] = 0x40 | headerWords
        packet[6] = UInt8(fragment >> 8)
        packet[7] = UInt8(fragment & 255)
        return packet
    }

    /// Fifty flows of TCP with two packets each; then fragments, other protocols and what is cut short.
    private var traffic: [Sent] {
        var list: [Sent] = []
        for flow in 0..<50 {
            for _ in 0..<2 {
                let ports: [UInt8] = [0x80, UInt8(flow), 0, 80]
                list.append(
                    Sent(what: "tcp", flow: flow, payload: inner(from: 0x0af4_0102, proto: 6, ports: ports)))
            }
        }
        for (offset, ports) in [(0x2000, [0x80, 1, 0, 53]), (0x2010, [1, 2, 3, 4]), (0x0020, [9, 9, 9, 9])]
            as [(UInt16, [UInt8])]
        {
            let packet = inner(from: 0x0af4_0105, proto: 17, ports: ports, fragment: offset)
            list.append(Sent(what: "fragment", flow: 100, payload: packet))
        }
        for ports in [[1, 2, 3, 4], [5, 6, 7, 8]] as [[UInt8]] {
            list.append(Sent(what: "gre", flow: 101, payload: inner(from: 0x0af4_0106, proto: 47, ports: ports)))
        }
        for length in [0, 1, 19, 20, 23] {
            list.append(Sent(what: "short", flow: 102, payload: [UInt8](repeating: 0x45, count: length)))
        }
        // A header of 60 bytes of which 32 are there.
        let long = inner(from: 0x0af4_0107, proto: 6, ports: [1, 1, 1, 1], headerWords: 15)
        list.append(Sent(what: "long header", flow: 103, payload: long))
        return list
    }

    @Test(arguments: [1, 2, 3, 7])
    func `every datagram reaches exactly one socket, and a flow always the same`(count: Int) throws {
        try withNamespace { name in
            var owner: [Int: Int] = [:]
            var deliveries = [Int](repeating: 0, count: traffic.count)
            var used: Set<Int> = []
            // It gets a copy of each datagram, so it tells when the others have theirs.
            let witness = try NetworkNamespace.run(in: name) { try RawIPv4Socket(proto: 4) }
            for index in 0..<count {
                let socket = try NetworkNamespace.run(in: name) { try RawIPv4Socket(proto: 4) }
                try socket.takeFlows(index, of: count)
                for (position, sent) in traffic.enumerated() {
                    let packet = datagram(proto: 4, from: loopback, to: loopback, sent.payload)
                    #expect(try packet.withUnsafeBytes { try socket.send($0, to: loopback) })
                    var buffer = [UInt8](repeating: 0, count: 200)
                    let deadline = Monotonic.now + 10_000_000_000
                    while try buffer.withUnsafeMutableBytes({ try witness.receive(into: $0) }) == nil {
                        try #require(Monotonic.now < deadline, "\(sent.what) is lost")
                        Monotonic.sleep(milliseconds: 1)
                    }
                    guard let length = try buffer.withUnsafeMutableBytes({ try socket.receive(into: $0) }) else {
                        continue
                    }
                    #expect(Array(buffer[20..<length]) == sent.payload)
                    deliveries[position] += 1
                    used.insert(index)
                    #expect(owner[sent.flow, default: index] == index, "\(sent.what) is split")
                    owner[sent.flow] = index
                }
            }
            #expect(deliveries.allSatisfy { $0 == 1 })
            #expect(used.count == count, "fifty flows leave no socket without any")
        }
    }
}
