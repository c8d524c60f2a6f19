// Raw, packet and ordinary sockets over the loopback device of a namespace.

import Glibc
import LinuxSystem
import TestSupport
import Testing

/// For experiments (RFC 3692).
private let proto: UInt8 = 253

@Suite(.needsNamespaces) struct SocketTests {
    private func rawSocket(_ namespace: String) throws -> RawIPv4Socket {
        try NetworkNamespace.run(in: namespace) {
            let socket = try RawIPv4Socket(proto: proto)
            try socket.bind(to: loopback)
            try socket.forceBuffers(receive: 4 << 20, send: 4 << 20)
            return socket
        }
    }

    private func packet(_ payload: [UInt8]) -> [UInt8] {
        datagram(proto: proto, from: loopback, to: loopback, payload)
    }

    @Test func `a datagram with our header arrives whole, and a cut one tells its length`() throws {
        try withNamespace { name in
            let socket = try rawSocket(name)
            var buffer = [UInt8](repeating: 0, count: 64)
            #expect(try buffer.withUnsafeMutableBytes { try socket.receive(into: $0) } == nil)
            for size in [4, 1000] {
                let sent = try packet([UInt8](repeating: 9, count: size)).withUnsafeBytes {
                    try socket.send($0, to: loopback)
                }
                #expect(sent)
                #expect(try socket.descriptor.waitReadable(timeoutMilliseconds: 10_000))
                #expect(try buffer.withUnsafeMutableBytes { try socket.receive(into: $0) } == size + 20)
                #expect(buffer[9] == proto && buffer[20] == 9)
            }
        }
    }

    @Test func `a batch goes out and comes in, from scratch space and pieces`() throws {
        try withNamespace { name in
            let socket = try rawSocket(name)
            var out = SendBatch(slots: 8, scratchSize: 32)
            var incoming = ReceiveBatch(slots: 4, slotSize: 2048)
            #expect(try socket.receive(into: &incoming) == 0)
            let payload: [UInt8] = Array(0..<100)
            payload.withUnsafeBytes { payload in
                for index in 1...8 {
                    let piece = UnsafeRawBufferPointer(rebasing: payload[..<(index * 10)])
                    let header = packet(Array(piece)).prefix(20)
                    let scratch = UnsafeMutableRawBufferPointer(rebasing: out.nextScratch[..<20])
                    scratch.copyBytes(from: header)
                    #expect(out.append(to: loopback, UnsafeRawBufferPointer(scratch), piece) == true)
                }
                #expect(out.isFull == true)
                #expect(out.append(to: loopback, payload) == false)
                #expect(socket.send(&out) == .done(sent: 8))
            }
            #expect(out.count == 0)
            var lengths: [Int] = []
            while lengths.count < 8 {
                try #require(try socket.descriptor.waitReadable(timeoutMilliseconds: 10_000))
                let count = try socket.receive(into: &incoming)
                #expect(count <= 4 && incoming.count == count)
                for index in 0..<count {
                    let bytes = incoming.bytes(index)
                    #expect(Array(bytes[20...]) == Array(payload[..<(bytes.count - 20)]))
                    lengths.append(incoming.length(index))
                }
            }
            #expect(lengths == (1...8).map { 20 + $0 * 10 })
            #expect(try socket.receive(into: &incoming) == 0)
        }
    }

    @Test func `a datagram that is refused does not hold up the others`() throws {
        try withNamespace { name in
            try ip(in: name, "link", "set", "lo", "mtu", "1500")
            let socket = try rawSocket(name)
            var batch = SendBatch(slots: 4)
            let good = packet([1])
            let large = packet([UInt8](repeating: 0, count: 2000))
            let nowhere: UInt32 = 0x0a63_0001
            good.withUnsafeBytes { good in
                large.withUnsafeBytes { large in
                    #expect(batch.append(to: loopback, good) == true)
                    #expect(batch.append(to: loopback, large) == true)
                    #expect(batch.append(to: nowhere, good) == true)
                    #expect(batch.append(to: loopback, good) == true)
                    #expect(socket.send(&batch) == .refused(sent: 1, index: 1, code: EMSGSIZE))
                    #expect(socket.send(&batch) == .refused(sent: 0, index: 2, code: ENETUNREACH))
                    #expect(socket.send(&batch) == .done(sent: 1))
                }
            }
            let error = #expect(throws: SyscallError.self) {
                _ = try large.withUnsafeBytes { try socket.send($0, to: loopback) }
            }
            #expect(error?.code == EMSGSIZE && error?.object == "127.0.0.1")
        }
    }

    @Test func `a cut datagram in a batch shows its length and only the bytes there are`() throws {
        try withNamespace { name in
            let socket = try rawSocket(name)
            var incoming = ReceiveBatch(slots: 2, slotSize: 100)
            #expect(try packet([UInt8](repeating: 5, count: 500)).withUnsafeBytes { try socket.send($0, to: loopback) })
            try #require(try socket.descriptor.waitReadable(timeoutMilliseconds: 10_000))
            #expect(try socket.receive(into: &incoming) == 1)
            #expect(incoming.length(0) == 520 && incoming.bytes(0).count == 100)
        }
    }

    @Test func `a raw socket cannot be bound to an address the host has not`() throws {
        try withNamespace { name in
            let error = #expect(throws: SyscallError.self) {
                try NetworkNamespace.run(in: name) { try RawIPv4Socket(proto: 4).bind(to: 0x0a63_0001) }
            }
            #expect(error == SyscallError(operation: "bind", object: "10.99.0.1", code: EADDRNOTAVAIL))
        }
    }

    @Test func `a packet socket sees what passes a device and in which direction`() throws {
        try withNamespace { name in
            try NetworkNamespace.run(in: name) {
                let index = Int32(if_nametoindex("lo"))
                let socket = try PacketSocket(.network, .all, interfaceIndex: index)
                try InetSocket(.udp).send([7], to: loopback, port: 9)
                var seen: [PacketSocket.Direction] = []
                var buffer = [UInt8](repeating: 0, count: 20)
                while seen.count < 2 {
                    try #require(try socket.descriptor.waitReadable(timeoutMilliseconds: 10_000))
                    let info = try #require(try buffer.withUnsafeMutableBytes { try socket.receive(into: $0) })
                    guard info.etherType == 0x0800, buffer[9] == 17 else { continue }
                    #expect(info.length == 29 && info.interfaceIndex == index)
                    seen.append(try #require(info.direction))
                }
                #expect(seen == [.outgoing, .host])
            }
        }
    }

    @Test func `a finished frame goes out of the device it is given`() throws {
        try withNamespace { name in
            try ip(in: name, "link", "add", "a0", "type", "veth", "peer", "name", "b0")
            try ip(in: name, "link", "set", "a0", "up")
            try ip(in: name, "link", "set", "b0", "up")
            try NetworkNamespace.run(in: name) {
                let watcher = try PacketSocket(.link, .ipv4, interfaceIndex: Int32(if_nametoindex("b0")))
                let sender = try PacketSocket(.link, .none)
                try sender.bypassQueueing()
                let frame = [UInt8](repeating: 0xff, count: 12) + [0x08, 0x00] + packet([1, 2, 3, 4])
                let index = Int32(if_nametoindex("a0"))
                #expect(try frame.withUnsafeBytes { try sender.send($0, interfaceIndex: index) })
                try #require(try watcher.descriptor.waitReadable(timeoutMilliseconds: 10_000))
                var buffer = [UInt8](repeating: 0, count: 100)
                let info = try buffer.withUnsafeMutableBytes { try watcher.receive(into: $0) }
                #expect(info?.length == frame.count && info?.direction == .broadcast)
                #expect(Array(buffer[..<frame.count]) == frame)
                let error = #expect(throws: SyscallError.self) {
                    _ = try PacketSocket(.link, .all, interfaceIndex: 99_999)
                }
                #expect(error?.code == ENODEV)
            }
        }
    }

    @Test func `a batch of finished frames goes out, and one for a device that is gone is passed over`() throws {
        try withNamespace { name in
            try ip(in: name, "link", "add", "a0", "type", "veth", "peer", "name", "b0")
            try ip(in: name, "link", "set", "a0", "up")
            try ip(in: name, "link", "set", "b0", "up")
            try NetworkNamespace.run(in: name) {
                let watcher = try PacketSocket(.link, .ipv4, interfaceIndex: Int32(if_nametoindex("b0")))
                let sender = try PacketSocket(.link, .none)
                try sender.bypassQueueing()
                let index = Int32(if_nametoindex("a0"))
                let header = [UInt8](repeating: 0xff, count: 12) + [0x08, 0x00]
                var batch = SendBatch(slots: 3)
                let (first, second) = header.withUnsafeBytes { header in
                    packet([1, 2, 3, 4]).withUnsafeBytes { body in
                        #expect(batch.append(toLink: index, header, body) == true)
                        #expect(batch.append(toLink: 99_999, header, body) == true)
                        #expect(batch.append(toLink: index, header, body) == true)
                        return (sender.send(&batch), sender.send(&batch))
                    }
                }
                #expect(first == .refused(sent: 1, index: 1, code: ENXIO))
                #expect(second == .done(sent: 1))
                var buffer = [UInt8](repeating: 0, count: 100)
                for _ in 0..<2 {
                    try #require(try watcher.descriptor.waitReadable(timeoutMilliseconds: 10_000))
                    let info = try buffer.withUnsafeMutableBytes { try watcher.receive(into: $0) }
                    #expect(info?.length == 38 && Array(buffer[..<14]) == header)
                }
            }
        }
    }

    @Test func `a TCP connection carries bytes both ways`() throws {
        try withNamespace { name in
            try NetworkNamespace.run(in: name) {
                let listener = try InetSocket(.tcp)
                try listener.bind(loopback)
                try listener.listen()
                let early = try listener.accept(timeoutMilliseconds: 0) != nil
                #expect(!early)
                let client = try InetSocket(.tcp)
                try client.setNoDelay(true)
                try client.connect(loopback, port: listener.localPort(), timeoutMilliseconds: 10_000)
                let server = try unwrap(try listener.accept(timeoutMilliseconds: 10_000))
                #expect(try client.send([1, 2]) == 2)
                #expect(try server.receive(timeoutMilliseconds: 10_000) == [1, 2])
                #expect(try server.receive(timeoutMilliseconds: 1) == nil)
                try client.shutdownSending()
                #expect(try server.receive(timeoutMilliseconds: 10_000) == [])
                #expect(try client.pathMTU() == 65535)
                let error = #expect(throws: SyscallError.self) {
                    try InetSocket(.tcp).connect(loopback, port: 1, timeoutMilliseconds: 10_000)
                }
                #expect(error?.code == ECONNREFUSED)
            }
        }
    }

    @Test func `TTL, TOS and DF are what was asked for`() throws {
        try withNamespace { name in
            try NetworkNamespace.run(in: name) {
                let raw = try InetSocket(.raw(proto: 17))
                let socket = try InetSocket(.udp)
                try socket.setTTL(3)
                try socket.setTOS(0x29)
                try socket.setDontFragment(true)
                try socket.send([1], to: loopback, port: 9)
                let bytes = try #require(try raw.receive(timeoutMilliseconds: 10_000))
                #expect(bytes[8] == 3 && bytes[1] == 0x29 && bytes[6] & 0x40 != 0)
            }
        }
    }
}
