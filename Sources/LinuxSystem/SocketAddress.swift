// Socket addresses and the few socket calls that all socket types share.

internal import CLinux
internal import Glibc

/// An IPv4 socket address; both numbers in host byte order.
func socketAddress(_ address: UInt32, port: UInt16 = 0) -> sockaddr_in {
    var result = sockaddr_in()
    result.sin_family = sa_family_t(AF_INET)
    result.sin_port = port.bigEndian
    result.sin_addr.s_addr = address.bigEndian
    return result
}

/// The address of a device for a packet socket; the EtherType in host byte order.
func linkAddress(_ interfaceIndex: Int32, _ etherType: UInt16) -> sockaddr_ll {
    var result = sockaddr_ll()
    result.sll_family = UInt16(AF_PACKET)
    result.sll_protocol = etherType.bigEndian
    result.sll_ifindex = interfaceIndex
    return result
}

/// `10.0.1.1`, or `10.0.1.1:80` where there is a port, for error messages.
func addressText(_ address: UInt32, port: UInt16 = 0) -> String {
    let text = "\(address >> 24).\(address >> 16 & 255).\(address >> 8 & 255).\(address & 255)"
    return port == 0 ? text : "\(text):\(port)"
}

extension Descriptor {
    /// A socket that is closed on exec.
    static func socket(
        _ family: Int32, _ type: __socket_type, _ proto: Int32 = 0, nonBlocking: Bool
    ) throws(SyscallError) -> Descriptor {
        let flags = SOCK_CLOEXEC.rawValue | (nonBlocking ? SOCK_NONBLOCK.rawValue : 0)
        return Descriptor(
            owning: try syscall("socket") { Glibc.socket(family, Int32(type.rawValue | flags), proto) })
    }

    /// Sets an integer socket option.
    borrowing func setOption(
        _ level: Int32, _ option: Int32, _ value: Int32, named name: String
    ) throws(SyscallError) {
        let number = rawValue
        var value = value
        try syscall("setsockopt", on: name) {
            unsafe setsockopt(number, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
        }
    }

    /// Reads an integer socket option.
    borrowing func option(_ level: Int32, _ option: Int32, named name: String) throws(SyscallError) -> Int32 {
        let number = rawValue
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        try syscall("getsockopt", on: name) { unsafe getsockopt(number, level, option, &value, &length) }
        return value
    }

    /// Binds to an IPv4 address, in host byte order.
    borrowing func bind(to address: UInt32, port: UInt16 = 0) throws(SyscallError) {
        let number = rawValue
        var target = socketAddress(address, port: port)
        try syscall("bind", on: addressText(address, port: port)) {
            unsafe withSockaddr(&target) { unsafe Glibc.bind(number, $0, $1) }
        }
    }

    /// Sizes the kernel's buffers past the limits for ordinary users (needs CAP_NET_ADMIN).
    borrowing func forceBuffers(receive: Int32?, send: Int32?) throws(SyscallError) {
        if let receive { try setOption(SOL_SOCKET, SO_RCVBUFFORCE, receive, named: "SO_RCVBUFFORCE") }
        if let send { try setOption(SOL_SOCKET, SO_SNDBUFFORCE, send, named: "SO_SNDBUFFORCE") }
    }
}

/// Passes any socket address structure as the generic one that the calls take.
@unsafe func withSockaddr<Address, Result>(
    _ address: inout Address, _ body: (UnsafeMutablePointer<sockaddr>, socklen_t) -> Result
) -> Result {
    let length = socklen_t(MemoryLayout<Address>.size)
    return unsafe withUnsafeMutablePointer(to: &address) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, length) }
    }
}
