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
        let number = socket.descriptor.rawValue
        try syscall("setsockopt", on: "SO_ATTACH_FILTER") { clinux_keep_icmp_errors(number, proto, source) }
        self.socket = socket
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
