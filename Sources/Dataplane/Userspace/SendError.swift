// Error numbers of the packet path, sorted into the few cases that matter to it.

internal import Glibc
internal import LinuxSystem
internal import Packet

extension DropReason {
    /// Why the socket refused a datagram.
    init(sendError code: Int32) {
        switch code {
        case EMSGSIZE: self = .tooBig
        case EAGAIN, ENOBUFS: self = .socketFull
        default: self = .ioError
        }
    }
}

extension SyscallError {
    /// Whether the TUN device that a queue was attached to has been deleted.
    var meansDeviceIsGone: Bool { code == EBADFD || code == ENODEV }

    /// Fewer descriptors were handed over than the tunnel needs.
    static func noDescriptor(for device: String) -> SyscallError {
        SyscallError(operation: "take over", object: device, code: EBADF)
    }
}
