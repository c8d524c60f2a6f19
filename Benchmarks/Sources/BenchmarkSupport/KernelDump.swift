// The floor under every reading of routes: the kernel's dump, received and thrown away.

private import Glibc
private import LinuxSystem

/// A bare netlink socket that asks for the main table.
public struct KernelDump: ~Copyable {
    // `NETLINK_ROUTE`, `SOL_NETLINK` and `NETLINK_GET_STRICT_CHK`, which Glibc's module does not have.
    private static let routeFamily: Int32 = 0
    private static let netlinkLevel: Int32 = 270
    private static let strictChecking: Int32 = 12

    private let socket: Descriptor
    private let request: [UInt8]
    private var buffer = [UInt8](repeating: 0, count: 65536)

    /// Opens a socket in the calling thread's namespace.
    public init() throws {
        let number = Glibc.socket(AF_NETLINK, Int32(SOCK_RAW.rawValue), Self.routeFamily)
        guard number >= 0 else { throw BenchmarkFailure("socket: errno \(errno)") }
        socket = Descriptor(owning: number)
        // As Poplin asks: the kernel leaves out the other tables.
        var on: Int32 = 1
        _ = setsockopt(number, Self.netlinkLevel, Self.strictChecking, &on, 4)
        // struct nlmsghdr: length 28, RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP; struct rtmsg: AF_INET, table 254.
        request = [
            28, 0, 0, 0, 26, 0, 0x01, 0x03, 1, 0, 0, 0, 0, 0, 0, 0,
            2, 0, 0, 0, 254, 0, 0, 0, 0, 0, 0, 0,
        ]
    }

    /// Receives one dump; gives the bytes received.
    public mutating func receive() throws -> Int {
        guard send(socket.rawValue, request, request.count, 0) == request.count else {
            throw BenchmarkFailure("send: errno \(errno)")
        }
        var total = 0
        while true {
            let count = recv(socket.rawValue, &buffer, buffer.count, 0)
            guard count > 0 else { throw BenchmarkFailure("recv: errno \(errno)") }
            total += count
            // NLMSG_DONE, 20 bytes, ends the last datagram; nothing else in it is looked at.
            if count >= 20, buffer[count - 20] == 20, buffer[count - 16] == 3, buffer[count - 15] == 0,
                buffer[count - 19] == 0
            {
                return total
            }
        }
    }
}
