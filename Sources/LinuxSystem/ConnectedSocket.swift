// What a connection knows of its two ends, and how it notices or makes its end.

internal import CLinux
internal import Glibc

extension InetSocket {
    /// The address of its own end, in host byte order.
    public func localAddress() throws(SyscallError) -> UInt32 {
        UInt32(bigEndian: try localEnd().sin_addr.s_addr)
    }

    func localEnd() throws(SyscallError) -> sockaddr_in {
        unsafe try end("getsockname") { unsafe getsockname($0, $1, $2) }
    }

    /// The address that it is connected to, in host byte order.
    public func peerAddress() throws(SyscallError) -> UInt32 {
        UInt32(bigEndian: unsafe try end("getpeername") { unsafe getpeername($0, $1, $2) }.sin_addr.s_addr)
    }

    private func end(
        _ operation: String, _ ask: (Int32, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
    ) throws(SyscallError) -> sockaddr_in {
        let number = descriptor.rawValue
        var address = sockaddr_in()
        try syscall(operation) {
            unsafe withSockaddr(&address) { pointer, length in
                var length = length
                return unsafe ask(number, pointer, &length)
            }
        }
        return address
    }

    /// Makes closing a TCP connection reset it (RFC 9293 section 3.10.5), so that it leaves no TIME-WAIT behind.
    public func setResetOnClose() throws(SyscallError) {
        let number = descriptor.rawValue
        var option = linger(l_onoff: 1, l_linger: 0)
        try syscall("setsockopt", on: "SO_LINGER") {
            unsafe setsockopt(number, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        }
    }

    /// Makes a TCP connection fail with `ETIMEDOUT` once its peer has been silent for this long, idle or not.
    public func setPeerTimeout(seconds: Int32) throws(SyscallError) {
        let seconds = max(2, seconds)
        for (option, value, name) in [
            (TCP_KEEPIDLE, 1, "TCP_KEEPIDLE"), (TCP_KEEPINTVL, 1, "TCP_KEEPINTVL"),
            (TCP_KEEPCNT, seconds - 1, "TCP_KEEPCNT"), (TCP_USER_TIMEOUT, seconds * 1000, "TCP_USER_TIMEOUT"),
        ] {
            try descriptor.setOption(Int32(IPPROTO_TCP), option, value, named: name)
        }
        try descriptor.setOption(SOL_SOCKET, SO_KEEPALIVE, 1, named: "SO_KEEPALIVE")
    }
}
