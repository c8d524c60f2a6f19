// The ICMP errors about what this host sends, and none of its other ICMP: the kernel filters, so nobody is woken in vain.

internal import CLinux
internal import Glibc

/// A raw ICMP socket, non-blocking, in the network namespace of the thread that opened it.
///
/// It hears destination unreachable and time exceeded (the types 3 and 11) that quote a packet of one protocol from one
/// source address.
public struct ICMPErrorSocket: ~Copyable, Sendable {
    private let socket: RawIPv4Socket

    /// Opens a socket.
    ///
    /// - Parameters:
    ///   - proto: the IP protocol number of the quoted packet.
    ///   - source: its source address, in host byte order.
    /// - Throws: `EPERM` without CAP_NET_RAW.
    public init(about proto: UInt8, sentFrom source: UInt32) throws(SyscallError) {
        let socket = try RawIPv4Socket(proto: UInt8(IPPROTO_ICMP))
        try socket.descriptor.attach(Self.filter(proto, source))
        self.socket = socket
    }

    /// A load beyond the packet's end ends the program with 0: the packet is not taken.
    private static func filter(_ proto: UInt8, _ source: UInt32) -> [sock_filter] {
        [
            // X is the length of the packet's own header, which a raw socket's filter sees too.
            .init(BPF_LDX | BPF_B | BPF_MSH, 0),
            .init(BPF_LD | BPF_B | BPF_IND, 0),
            // Destination unreachable, time exceeded.
            .init(BPF_JMP | BPF_JEQ | BPF_K, 3, 1, 0),
            .init(BPF_JMP | BPF_JEQ | BPF_K, 11, 0, 5),
            // The quoted header comes after the 8 bytes of ICMP: its protocol, then its source.
            .init(BPF_LD | BPF_B | BPF_IND, 8 + 9),
            .init(BPF_JMP | BPF_JEQ | BPF_K, UInt32(proto), 0, 3),
            .init(BPF_LD | BPF_W | BPF_IND, 8 + 12),
            .init(BPF_JMP | BPF_JEQ | BPF_K, source, 0, 1),
            .init(BPF_RET | BPF_K, .max),
            .init(BPF_RET | BPF_K, 0),
        ]
    }

    /// The descriptor's number; readable while there is a message.
    public var fileDescriptor: Int32 { socket.descriptor.rawValue }

    /// Takes one message with its IP header; as ``RawIPv4Socket/receive(into:)-swift.method``.
    ///
    /// Neither the message's checksum nor anything quoted in it has been checked, and the first ones can be of any kind:
    /// they came before the filter.
    public func receive(into buffer: UnsafeMutableRawBufferPointer) throws(SyscallError) -> Int? {
        try unsafe socket.receive(into: buffer)
    }
}
