// Raw IPv4 datagrams of one protocol, with the header written by us, one at a time or in batches.

internal import CLinux
internal import Glibc

/// A raw IPv4 socket with IP_HDRINCL: non-blocking, in the network namespace of the thread that opened it.
///
/// Whole datagrams go in and out. On sending, the kernel fills in checksum and total length, the identification where
/// it is 0, and the source where it is 0; it does not fragment (`EMSGSIZE`). Addresses are in host byte order.
public struct RawIPv4Socket: ~Copyable, Sendable {
    /// Readable while there is a datagram.
    public let descriptor: Descriptor

    /// Opens a socket for one IP protocol number (4 for IP-in-IP, 1 for ICMP).
    ///
    /// - Throws: `EPERM` without CAP_NET_RAW.
    public init(proto: UInt8) throws(SyscallError) {
        let socket = try Descriptor.socket(AF_INET, SOCK_RAW, Int32(proto), nonBlocking: true)
        try socket.setOption(Int32(IPPROTO_IP), IP_HDRINCL, 1, named: "IP_HDRINCL")
        descriptor = socket
    }

    /// Takes over a socket that another process has made as ``init(proto:)`` does, and passed on.
    public init(adopting descriptor: consuming Descriptor) {
        self.descriptor = descriptor
    }

    /// Takes only datagrams for this local address, and sends from it where the source field is 0.
    ///
    /// - Throws: `EADDRNOTAVAIL` where the host does not have the address.
    public func bind(to address: UInt32) throws(SyscallError) {
        try descriptor.bind(to: address)
    }

    /// Sizes the kernel's buffers in bytes (it doubles them), past the system's limit; needs CAP_NET_ADMIN.
    public func forceBuffers(receive: Int32? = nil, send: Int32? = nil) throws(SyscallError) {
        try descriptor.forceBuffers(receive: receive, send: send)
    }

    /// How many datagrams the kernel has dropped since the socket was made, because its receive queue was full; goes
    /// round at 2³² (`SO_MEMINFO`, `SK_MEMINFO_DROPS` of include/uapi/linux/sock_diag.h).
    public func droppedCount() throws(SyscallError) -> UInt32 {
        let number = descriptor.rawValue
        var values = [UInt32](repeating: 0, count: 9)
        var length = socklen_t(values.count * MemoryLayout<UInt32>.size)
        try syscall("getsockopt", on: "SO_MEMINFO") {
            unsafe getsockopt(number, SOL_SOCKET, SO_MEMINFO, &values, &length)
        }
        return values[8]
    }

    /// Sends one datagram, header included.
    ///
    /// - Returns: false where the kernel has no room now.
    /// - Throws: `EMSGSIZE` over the path's MTU, `ENETUNREACH` or `EHOSTUNREACH` without a way, `EPERM` where a
    ///   filter forbids it.
    public func send(_ packet: UnsafeRawBufferPointer, to address: UInt32) throws(SyscallError) -> Bool {
        var target = socketAddress(address)
        while true {
            let count = unsafe withSockaddr(&target) {
                unsafe sendto(descriptor.rawValue, packet.baseAddress, packet.count, 0, $0, $1)
            }
            if count >= 0 { return true }
            let code = errno
            if code == EINTR { continue }
            if code == EAGAIN || code == ENOBUFS { return false }
            throw SyscallError(operation: "sendto", object: addressText(address), code: code)
        }
    }

    /// Takes one datagram, header included.
    ///
    /// - Returns: its length on the wire, which is more than the buffer's where it was cut off; nil where there is
    ///   none now.
    public func receive(into buffer: UnsafeMutableRawBufferPointer) throws(SyscallError) -> Int? {
        while true {
            let count = unsafe recv(descriptor.rawValue, buffer.baseAddress, buffer.count, Int32(MSG_TRUNC))
            if count >= 0 { return count }
            let code = errno
            if code == EINTR { continue }
            if code == EAGAIN { return nil }
            throw SyscallError(operation: "recv", object: "raw socket", code: code)
        }
    }

    /// Takes as many datagrams as are there and fit into the batch, replacing what it held. Allocates nothing.
    ///
    /// - Returns: how many; 0 where there is none now.
    public func receive(into batch: inout ReceiveBatch) throws(SyscallError) -> Int {
        try batch.fill(from: descriptor.rawValue)
    }

    /// Sends what the batch holds. Allocates nothing and throws nothing: a datagram that cannot be sent is passed
    /// over, and the caller goes on with the same batch until it is ``SendBatch/Outcome/done(sent:)``.
    public func send(_ batch: inout SendBatch) -> SendBatch.Outcome {
        batch.flush(to: descriptor.rawValue)
    }
}
