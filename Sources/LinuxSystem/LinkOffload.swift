// What the kernel leaves to a device, or does for it in one go (`ethtool -K`), in the caller's namespace.

internal import CLinux
internal import Glibc

/// Something that a device may do for the kernel, or the kernel later than it might.
public enum LinkOffload: Hashable, Sendable, CaseIterable {
    /// `tx`: checksums of what is sent.
    case transmitChecksum
    /// `tso`: pieces of TCP that are larger than a packet go to the device as they are.
    case tcpSegmentation
    /// `gso`: such pieces of any kind are cut by the kernel, as late as it can.
    case genericSegmentation
    /// `gro`: received packets of a flow are put together.
    case genericReceive

    /// Whether it is on.
    public func isOn(_ device: String) throws(SyscallError) -> Bool {
        let socket = try Descriptor.socket(AF_INET, SOCK_DGRAM, 0, nonBlocking: true)
        let number = socket.rawValue
        var on: Int32 = 0
        try syscall("read offload \(name)", on: device) { unsafe clinux_offload(number, device, kind, &on) }
        return on != 0
    }

    /// Turns it on or off; needs CAP_NET_ADMIN.
    ///
    /// - Throws: `EOPNOTSUPP` where the device has no such thing.
    public func set(_ device: String, isOn: Bool) throws(SyscallError) {
        let socket = try Descriptor.socket(AF_INET, SOCK_DGRAM, 0, nonBlocking: true)
        let number = socket.rawValue
        try syscall("set offload \(name)", on: device) {
            unsafe clinux_set_offload(number, device, kind, isOn ? 1 : 0)
        }
    }

    /// As ethtool names it.
    private var name: String {
        switch self {
        case .transmitChecksum: "tx"
        case .tcpSegmentation: "tso"
        case .genericSegmentation: "gso"
        case .genericReceive: "gro"
        }
    }

    private var kind: clinux_offload_kind {
        switch self {
        case .transmitChecksum: clinux_transmit_checksum
        case .tcpSegmentation: clinux_tcp_segmentation
        case .genericSegmentation: clinux_generic_segmentation
        case .genericReceive: clinux_generic_receive
        }
    }
}
