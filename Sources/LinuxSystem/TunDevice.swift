// A TUN device's queue: whole IP packets in and out, one per call, never blocking.

internal import CLinux
internal import Glibc

/// One queue of a TUN device, in the network namespace of the thread that opened it.
///
/// Packets have no prefix (IFF_NO_PI) unless the device was opened with the virtio header.
public struct TunDevice: ~Copyable, Sendable {
    /// What the device may hand over unfinished to this program (`TUNSETOFFLOAD`).
    public struct Offload: OptionSet, Sendable {
        public let rawValue: UInt32
        public init(rawValue: UInt32) { self.rawValue = rawValue }

        /// Packets whose checksum is still to be computed; the others need it.
        public static let checksum = Offload(rawValue: clinux_tun_offload_checksum)
        /// TCP segments over IPv4 of up to 64 KB.
        public static let tso4 = Offload(rawValue: clinux_tun_offload_tso4)
    }

    /// Readable while the kernel has a packet for us; hung up once the device is deleted.
    public let descriptor: Descriptor
    /// The device's name, as the kernel gave it.
    public let name: String

    /// Attaches to a TUN device of this name, and makes it where there is none.
    ///
    /// - Parameters:
    ///   - name: at most 15 bytes; `tun%d` lets the kernel choose the number.
    ///   - multiQueue: each further open of the same name is one more queue; must match how the device was made.
    ///   - vnetHeader: a `virtio_net_hdr` stands before each packet.
    ///   - persistent: the device stays when the last descriptor is closed; false leaves an existing device as it is.
    /// - Throws: `EBUSY` where another process is attached to a single-queue device, `EINVAL` where a device of this
    ///   name is not a TUN device or was made with other flags, `ENOENT` or `ENODEV` where there is no TUN driver.
    public static func open(
        _ name: String, multiQueue: Bool, vnetHeader: Bool = false, persistent: Bool = false
    ) throws(SyscallError) -> TunDevice {
        guard !name.isEmpty, name.utf8.count <= 15, !name.utf8.contains(0) else {
            throw SyscallError(operation: "TUNSETIFF", object: name, code: EINVAL)
        }
        let descriptor = try Descriptor.open("/dev/net/tun", O_RDWR | O_NONBLOCK)
        let number = descriptor.rawValue
        var flags: UInt16 = 0
        if multiQueue { flags |= clinux_tun_multi_queue }
        if vnetHeader { flags |= clinux_tun_vnet_header }
        var given = name.utf8.map { CChar(bitPattern: $0) } + [CChar](repeating: 0, count: 16 - name.utf8.count)
        try syscall("TUNSETIFF", on: name) { unsafe clinux_tun_attach(number, &given, flags) }
        let actual = String(decoding: given.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let device = TunDevice(descriptor: descriptor, name: actual)
        if persistent { try device.setPersistent(true) }
        return device
    }

    /// Takes a queue over that another process has opened and passed on.
    ///
    /// - Throws: `ENODEV` where it is a queue of another device, `EBADFD` where that device was deleted, `ENOTTY`
    ///   or `EINVAL` where it is no queue.
    public static func adopt(
        _ descriptor: consuming Descriptor, named name: String
    ) throws(SyscallError) -> TunDevice {
        let number = descriptor.rawValue
        var given = [CChar](repeating: 0, count: 16)
        try syscall("TUNGETIFF", on: name) { unsafe clinux_tun_name(number, &given) }
        let actual = String(decoding: given.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard actual == name else {
            throw SyscallError(operation: "TUNGETIFF of \(actual)", object: name, code: ENODEV)
        }
        return TunDevice(descriptor: descriptor, name: name)
    }

    private init(descriptor: consuming Descriptor, name: String) {
        self.descriptor = descriptor
        self.name = name
    }

    /// Whether the device stays when the last descriptor is closed.
    public func setPersistent(_ persistent: Bool) throws(SyscallError) {
        try syscall("TUNSETPERSIST", on: name) { clinux_tun_set_persistent(descriptor.rawValue, persistent ? 1 : 0) }
    }

    /// Chooses what the kernel may hand over unfinished; only with the virtio header.
    public func setOffload(_ offload: Offload) throws(SyscallError) {
        try syscall("TUNSETOFFLOAD", on: name) { clinux_tun_set_offload(descriptor.rawValue, offload.rawValue) }
    }

    /// Sets how many packets may wait to be read (500 where nobody sets it); what comes on top is dropped unseen.
    public func setQueueLength(_ packets: Int32) throws(SyscallError) {
        let socket = try Descriptor.socket(AF_INET, SOCK_DGRAM, 0, nonBlocking: true)
        let number = socket.rawValue
        try syscall("SIOCSIFTXQLEN", on: name) { unsafe clinux_set_transmit_queue_length(number, name, packets) }
    }

    /// Takes one packet that the kernel routed into the device; what does not fit is cut off.
    ///
    /// - Returns: its length with any virtio header; nil where there is none now.
    /// - Throws: `EBADFD` once the device was deleted, `EIO` while it is down.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(SyscallError) -> Int? {
        while true {
            let count = unsafe Glibc.read(descriptor.rawValue, buffer.baseAddress, buffer.count)
            if count >= 0 { return count }
            let code = errno
            if code == EINTR { continue }
            if code == EAGAIN { return nil }
            throw SyscallError(operation: "read", object: name, code: code)
        }
    }

    /// Hands over one packet that lies in several pieces, as ``write(_:)-(UnsafeRawBufferPointer)`` does.
    public func write(_ pieces: borrowing GatherList) throws(SyscallError) -> Bool {
        while true {
            if unsafe writev(descriptor.rawValue, pieces.vectors, Int32(pieces.count)) >= 0 { return true }
            let code = errno
            if code == EINTR { continue }
            if code == EAGAIN { return false }
            throw SyscallError(operation: "writev", object: name, code: code)
        }
    }

    /// Hands one packet to the kernel, as if it had been received by the device.
    ///
    /// - Returns: false where the kernel has no room now.
    /// - Throws: `EINVAL` for what is not an IP packet, `EIO` while the device is down, `EBADFD` once it was deleted.
    public func write(_ packet: UnsafeRawBufferPointer) throws(SyscallError) -> Bool {
        while true {
            if unsafe Glibc.write(descriptor.rawValue, packet.baseAddress, packet.count) >= 0 { return true }
            let code = errno
            if code == EINTR { continue }
            if code == EAGAIN { return false }
            throw SyscallError(operation: "write", object: name, code: code)
        }
    }
}
