// The socket that hears ICMP errors wakes for those about our own packets and for nothing else.

import Glibc
import LinuxSystem
import TestSupport
import Testing

@Suite(.needsNamespaces) struct ICMPErrorSocketTests {
    private static let ours: UInt32 = 0x0a00_0101

    private static func message(type: UInt8, quoting quoted: [UInt8]) -> [UInt8] {
        var message: [UInt8] = [type, 1, 0, 0, 0, 0, 0, 0] + quoted
        let sum = checksum(message)
        message[2] = UInt8(sum >> 8)
        message[3] = UInt8(sum & 255)
        return datagram(proto: UInt8(IPPROTO_ICMP), from: loopback, to: loopback, message)
    }

    private static func quoted(proto: UInt8 = 4, from source: UInt32 = ours) -> [UInt8] {
        datagram(proto: proto, from: source, to: 0x0a00_0201, [1, 2, 3, 4, 5, 6, 7, 8])
    }

    @Test func `only unreachable and time exceeded about our own protocol and address are heard`() throws {
        try withNamespace { name in
            try NetworkNamespace.run(in: name) {
                let socket = try ICMPErrorSocket(about: 4, sentFrom: Self.ours)
                let sender = try RawIPv4Socket(proto: 255)
                let heard = [
                    Self.message(type: 3, quoting: Self.quoted()), Self.message(type: 11, quoting: Self.quoted()),
                    Self.message(type: 3, quoting: Array(Self.quoted().prefix(20))),
                ]
                let unheard = [
                    Self.message(type: 8, quoting: Self.quoted()), Self.message(type: 5, quoting: Self.quoted()),
                    Self.message(type: 12, quoting: Self.quoted()), Self.message(type: 40, quoting: Self.quoted()),
                    Self.message(type: 3, quoting: Self.quoted(proto: 17)),
                    Self.message(type: 3, quoting: Self.quoted(from: Self.ours + 1)),
                    Self.message(type: 3, quoting: Array(Self.quoted().prefix(15))),
                    Self.message(type: 3, quoting: []),
                ]
                for packet in unheard + heard {
                    let isSent = try packet.withUnsafeBytes { try sender.send($0, to: loopback) }
                    #expect(isSent)
                }
                // Loopback's softirq thread may have the turn before they are there.
                var queue = PollSet([socket.fileDescriptor])
                try queue.wait(timeoutMilliseconds: 10_000)
                var buffer = [UInt8](repeating: 0, count: 256)
                for expected in heard {
                    let length = try buffer.withUnsafeMutableBytes { try socket.receive(into: $0) }
                    try #require(length == expected.count)
                    #expect(buffer[20] == expected[20] && Array(buffer[28..<expected.count]) == Array(expected[28...]))
                }
                let rest = try buffer.withUnsafeMutableBytes { try socket.receive(into: $0) }
                #expect(rest == nil)
            }
        }
    }
}
