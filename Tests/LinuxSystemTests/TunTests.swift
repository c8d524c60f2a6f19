// TUN devices: packets both ways, and the rules of attaching.

import Glibc
import LinuxSystem
import TestSupport
import Testing

private let hostAddress: UInt32 = 0x0a63_0001
private let farAddress: UInt32 = 0x0a63_0002

@Suite(.needsNamespaces) struct TunTests {
    /// Opens a device in a namespace, up, with 10.99.0.1/24.
    private func device(_ namespace: String, _ open: @Sendable () throws -> TunDevice) throws -> TunDevice {
        let device = try NetworkNamespace.run(in: namespace) { try open() }
        try ip(in: namespace, "addr", "add", "10.99.0.1/24", "dev", device.name)
        try ip(in: namespace, "link", "set", device.name, "up")
        return device
    }

    /// The next IPv4 packet; the kernel also sends IPv6 of its own.
    private func nextPacket(_ device: borrowing TunDevice, prefix: Int = 0) throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let ready = try device.descriptor.waitReadable(timeoutMilliseconds: 10_000)
            try #require(ready, "no packet came")
            let length = try buffer.withUnsafeMutableBytes { try device.read(into: $0) }
            if let length, buffer[prefix] >> 4 == 4 { return Array(buffer[..<length]) }
        }
    }

    @Test func `a packet routed into the device is read, an answer written to it arrives`() throws {
        try withNamespace { name in
            let tun = try device(name) { try TunDevice.open("ptun%d", multiQueue: false) }
            #expect(tun.name == "ptun0")
            let socket = try NetworkNamespace.run(in: name) {
                let socket = try InetSocket(.udp)
                try socket.bind(hostAddress, port: 5000)
                try socket.send([1, 2, 3], to: farAddress, port: 6000)
                return socket
            }
            let packet = try nextPacket(tun)
            #expect(packet.count == 31 && packet[9] == 17 && packet[28...] == [1, 2, 3])
            // UDP without a checksum, from 6000 to 5000.
            let answer = datagram(
                proto: 17, from: farAddress, to: hostAddress, [0x17, 0x70, 0x13, 0x88, 0, 10, 0, 0, 8, 9])
            #expect(try answer.withUnsafeBytes { try tun.write($0) })
            let received = try socket.receiveDatagram(timeoutMilliseconds: 10_000)
            #expect(received == .init(bytes: [8, 9], address: farAddress, port: 6000))
        }
    }

    @Test func `a packet in pieces arrives as one, and a list takes no more than it holds`() throws {
        try withNamespace { name in
            let tun = try device(name) { try TunDevice.open("ptun%d", multiQueue: false) }
            let socket = try NetworkNamespace.run(in: name) {
                let socket = try InetSocket(.udp)
                try socket.bind(hostAddress, port: 5000)
                return socket
            }
            let packet = datagram(
                proto: 17, from: farAddress, to: hostAddress, [0x17, 0x70, 0x13, 0x88, 0, 12, 0, 0, 1, 2, 3, 4])
            for round in 0..<2 {
                var pieces = GatherList(capacity: 3)
                let taken = try packet.withUnsafeBytes { bytes in
                    var taken: [Bool] = []
                    for range in [0..<20, 20..<29, 29..<32, 0..<1] {
                        taken.append(pieces.append(UnsafeRawBufferPointer(rebasing: bytes[range])))
                    }
                    let isWritten = try tun.write(pieces)
                    #expect(isWritten)
                    return taken
                }
                #expect(taken == [true, true, true, false], "round \(round)")
                pieces.removeAll()
                #expect(pieces.count == 0)
                let received = try socket.receiveDatagram(timeoutMilliseconds: 10_000)
                #expect(received?.bytes == [1, 2, 3, 4])
            }
        }
    }

    @Test func `with a virtio header, packets have ten bytes before them in both directions`() throws {
        try withNamespace { name in
            let tun = try device(name) { try TunDevice.open("ptun0", multiQueue: true, vnetHeader: true) }
            try tun.setOffload([.checksum, .tso4])
            let socket = try NetworkNamespace.run(in: name) {
                let socket = try InetSocket(.udp)
                try socket.bind(hostAddress, port: 5000)
                try socket.send([1, 2, 3], to: farAddress, port: 6000)
                return socket
            }
            #expect(try nextPacket(tun, prefix: 10).count == 41)
            let header = [UInt8](repeating: 0, count: 10)
            let answer = datagram(
                proto: 17, from: farAddress, to: hostAddress, [0x17, 0x70, 0x13, 0x88, 0, 10, 0, 0, 8, 9])
            #expect(try (header + answer).withUnsafeBytes { try tun.write($0) })
            #expect(try socket.receive(timeoutMilliseconds: 10_000) == [8, 9])
        }
    }

    @Test func `nothing to read is nil, nonsense is EINVAL`() throws {
        try withNamespace { name in
            let tun = try NetworkNamespace.run(in: name) { try TunDevice.open("ptun0", multiQueue: false) }
            var buffer = [UInt8](repeating: 0, count: 100)
            #expect(try buffer.withUnsafeMutableBytes { try tun.read(into: $0) } == nil)
            let error = #expect(throws: SyscallError.self) {
                _ = try [UInt8](repeating: 0xff, count: 40).withUnsafeBytes { try tun.write($0) }
            }
            #expect(error?.object == "ptun0")
        }
    }

    @Test func `a persistent multi-queue device outlives its process and takes a successor beside it`() throws {
        try withNamespace { name in
            try NetworkNamespace.run(in: name) {
                _ = try TunDevice.open("ptun0", multiQueue: true, persistent: true)
            }
            #expect(try ip(in: name, "-o", "link").contains("ptun0"))
            try NetworkNamespace.run(in: name) {
                let first = try TunDevice.open("ptun0", multiQueue: true)
                _ = try TunDevice.open("ptun0", multiQueue: true)
                let single = #expect(throws: SyscallError.self) { _ = try TunDevice.open("ptun0", multiQueue: false) }
                #expect(single?.code == EINVAL && single?.object == "ptun0" && single?.operation == "TUNSETIFF")
                try first.setPersistent(false)
            }
            #expect(try !ip(in: name, "-o", "link").contains("ptun0"))
        }
    }

    @Test func `a single-queue device in use is busy, and other devices are not taken`() throws {
        try withNamespace { name in
            try ip(in: name, "link", "add", "other0", "type", "veth", "peer", "name", "other1")
            try NetworkNamespace.run(in: name) {
                let tun = try TunDevice.open("ptun0", multiQueue: false)
                let busy = #expect(throws: SyscallError.self) { _ = try TunDevice.open("ptun0", multiQueue: false) }
                #expect(busy?.code == EBUSY)
                let other = #expect(throws: SyscallError.self) { _ = try TunDevice.open("other0", multiQueue: true) }
                #expect(other?.code == EINVAL)
                let long = #expect(throws: SyscallError.self) {
                    _ = try TunDevice.open("a-name-too-long0", multiQueue: true)
                }
                #expect(long?.code == EINVAL)
                #expect(tun.name == "ptun0")
            }
        }
    }

    @Test func `reading from a deleted device is EBADFD`() throws {
        try withNamespace { name in
            let tun = try device(name) { try TunDevice.open("ptun0", multiQueue: true) }
            try ip(in: name, "link", "del", "ptun0")
            var buffer = [UInt8](repeating: 0, count: 100)
            let error = #expect(throws: SyscallError.self) {
                _ = try buffer.withUnsafeMutableBytes { try tun.read(into: $0) }
            }
            #expect(error == SyscallError(operation: "read", object: "ptun0", code: EBADFD))
        }
    }
}
