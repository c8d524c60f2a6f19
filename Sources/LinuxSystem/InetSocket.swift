// Ordinary UDP, TCP and raw sockets with timeouts: for the lab and for tests, not for the packet path.

internal import CLinux
internal import Glibc

/// An IPv4 socket, in the network namespace of the thread that opened it.
///
/// Addresses and ports are in host byte order. Calls with a timeout take milliseconds: -1 waits for ever, 0 only asks.
public struct InetSocket: ~Copyable, Sendable {
    /// What it carries.
    public enum Kind: Hashable, Sendable {
        case udp
        case tcp
        /// Datagrams of one IP protocol; received with their IP header, sent without it.
        case raw(proto: UInt8)
    }

    /// A received datagram and who sent it.
    public struct Datagram: Hashable, Sendable {
        /// The payload; of a raw socket with the IP header.
        public let bytes: [UInt8]
        /// The sender's address.
        public let address: UInt32
        /// The sender's port; 0 of a raw socket.
        public let port: UInt16

        /// A datagram to compare with.
        public init(bytes: [UInt8], address: UInt32, port: UInt16) {
            self.bytes = bytes
            self.address = address
            self.port = port
        }
    }

    /// The socket itself: non-blocking.
    public let descriptor: Descriptor

    /// Opens a socket.
    public init(_ kind: Kind) throws(SyscallError) {
        let (type, proto): (__socket_type, UInt8) =
            switch kind {
            case .udp: (SOCK_DGRAM, 0)
            case .tcp: (SOCK_STREAM, 0)
            case .raw(let proto): (SOCK_RAW, proto)
            }
        let socket = try Descriptor.socket(AF_INET, type, Int32(proto), nonBlocking: true)
        if kind == .tcp { try socket.setOption(SOL_SOCKET, SO_REUSEADDR, 1, named: "SO_REUSEADDR") }
        descriptor = socket
    }

    private init(descriptor: consuming Descriptor) {
        self.descriptor = descriptor
    }

    /// Binds to a local address; port 0 lets the kernel choose.
    public func bind(_ address: UInt32, port: UInt16 = 0) throws(SyscallError) {
        try descriptor.bind(to: address, port: port)
    }

    /// The port it is bound to.
    public func localPort() throws(SyscallError) -> UInt16 {
        UInt16(bigEndian: try localEnd().sin_port)
    }

    /// Begins to take TCP connections.
    public func listen(backlog: Int32 = 64) throws(SyscallError) {
        try syscall("listen") { Glibc.listen(descriptor.rawValue, backlog) }
    }

    /// Takes the next connection; nil where the time ran out.
    public func accept(timeoutMilliseconds: Int32) throws(SyscallError) -> InetSocket? {
        guard try descriptor.waitReadable(timeoutMilliseconds: timeoutMilliseconds) else { return nil }
        let number = try syscall("accept") { clinux_accept(descriptor.rawValue) }
        return InetSocket(descriptor: Descriptor(owning: number))
    }

    /// Connects, or fixes the peer of a datagram socket.
    ///
    /// - Throws: `ETIMEDOUT` where the time ran out, else the kernel's reason (`ECONNREFUSED`, `EHOSTUNREACH`, …).
    public func connect(_ address: UInt32, port: UInt16 = 0, timeoutMilliseconds: Int32 = -1) throws(SyscallError) {
        var target = socketAddress(address, port: port)
        let name = addressText(address, port: port)
        let number = descriptor.rawValue
        if unsafe withSockaddr(&target, { unsafe Glibc.connect(number, $0, $1) }) == 0 { return }
        let code = errno
        guard code == EINPROGRESS || code == EINTR else {
            throw SyscallError(operation: "connect", object: name, code: code)
        }
        guard try descriptor.waitWritable(timeoutMilliseconds: timeoutMilliseconds) else {
            throw SyscallError(operation: "connect", object: name, code: ETIMEDOUT)
        }
        let outcome = try descriptor.option(SOL_SOCKET, SO_ERROR, named: "SO_ERROR")
        if outcome != 0 { throw SyscallError(operation: "connect", object: name, code: outcome) }
    }

    /// Sends on a connected socket: one datagram, or as much of a stream as there is room for.
    ///
    /// - Returns: how many bytes were taken; 0 where the time ran out.
    public func send(_ bytes: [UInt8], timeoutMilliseconds: Int32 = -1) throws(SyscallError) -> Int {
        guard try descriptor.waitWritable(timeoutMilliseconds: timeoutMilliseconds) else { return 0 }
        return try syscall("send") { unsafe Glibc.send(descriptor.rawValue, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }
    }

    /// Sends one datagram to an address.
    public func send(_ bytes: [UInt8], to address: UInt32, port: UInt16 = 0) throws(SyscallError) {
        var target = socketAddress(address, port: port)
        let number = descriptor.rawValue
        try syscall("sendto", on: addressText(address, port: port)) {
            unsafe withSockaddr(&target) { unsafe sendto(number, bytes, bytes.count, Int32(MSG_NOSIGNAL), $0, $1) }
        }
    }

    /// Receives one datagram or a piece of a stream.
    ///
    /// - Returns: the bytes, empty at a stream's end; nil where the time ran out.
    public func receive(limit: Int = 65536, timeoutMilliseconds: Int32) throws(SyscallError) -> [UInt8]? {
        try receiveDatagram(limit: limit, timeoutMilliseconds: timeoutMilliseconds)?.bytes
    }

    /// Receives one datagram with its sender; nil where the time ran out.
    public func receiveDatagram(
        limit: Int = 65536, timeoutMilliseconds: Int32
    ) throws(SyscallError) -> Datagram? {
        let deadline = Deadline(milliseconds: timeoutMilliseconds)
        var buffer = [UInt8](repeating: 0, count: max(1, limit))
        var source = sockaddr_in()
        while true {
            guard try descriptor.wait(for: Int16(POLLIN), until: deadline) else { return nil }
            let count = unsafe withSockaddr(&source) { pointer, length in
                var length = length
                return unsafe recvfrom(descriptor.rawValue, &buffer, buffer.count, 0, pointer, &length)
            }
            if count >= 0 {
                return Datagram(
                    bytes: Array(buffer[..<count]), address: UInt32(bigEndian: source.sin_addr.s_addr),
                    port: UInt16(bigEndian: source.sin_port))
            }
            let code = errno
            // EAGAIN after poll: a datagram with a bad checksum was thrown away.
            if code != EINTR && code != EAGAIN { throw SyscallError(operation: "recvfrom", code: code) }
        }
    }

    /// Ends the sending side of a stream.
    public func shutdownSending() throws(SyscallError) {
        try syscall("shutdown") { shutdown(descriptor.rawValue, Int32(SHUT_WR)) }
    }

    /// The TTL of what is sent.
    public func setTTL(_ ttl: UInt8) throws(SyscallError) {
        try descriptor.setOption(Int32(IPPROTO_IP), IP_TTL, Int32(ttl), named: "IP_TTL")
    }

    /// DSCP and ECN of what is sent.
    public func setTOS(_ tos: UInt8) throws(SyscallError) {
        try descriptor.setOption(Int32(IPPROTO_IP), IP_TOS, Int32(tos), named: "IP_TOS")
    }

    /// Whether what is sent may not be fragmented (DF, with path MTU discovery).
    public func setDontFragment(_ on: Bool) throws(SyscallError) {
        try descriptor.setOption(
            Int32(IPPROTO_IP), IP_MTU_DISCOVER, on ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT, named: "IP_MTU_DISCOVER")
    }

    /// Sizes the kernel's buffers in bytes (it doubles them), past the system's limit; needs CAP_NET_ADMIN.
    public func forceBuffers(receive: Int32? = nil, send: Int32? = nil) throws(SyscallError) {
        try descriptor.forceBuffers(receive: receive, send: send)
    }

    /// The path MTU that the kernel knows for a connected socket, in bytes.
    public func pathMTU() throws(SyscallError) -> Int {
        Int(try descriptor.option(Int32(IPPROTO_IP), IP_MTU, named: "IP_MTU"))
    }

    /// Whether small pieces of a stream are sent at once.
    public func setNoDelay(_ on: Bool) throws(SyscallError) {
        try descriptor.setOption(Int32(IPPROTO_TCP), TCP_NODELAY, on ? 1 : 0, named: "TCP_NODELAY")
    }
}
