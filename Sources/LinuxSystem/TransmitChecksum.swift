// Whether the kernel leaves checksums to a device that sends (`ethtool -K DEVICE tx`), in the caller's namespace.

internal import CLinux
internal import Glibc

/// The transmit checksum offload of a device.
public enum TransmitChecksum {
    /// Whether it is on.
    public static func isOn(_ device: String) throws(SyscallError) -> Bool {
        let socket = try Descriptor.socket(AF_INET, SOCK_DGRAM, 0, nonBlocking: true)
        let number = socket.rawValue
        var on: Int32 = 0
        try syscall("ETHTOOL_GTXCSUM", on: device) { unsafe clinux_transmit_checksum(number, device, &on) }
        return on != 0
    }

    /// Turns it on or off; needs CAP_NET_ADMIN.
    ///
    /// - Throws: `EOPNOTSUPP` where the device has no such thing.
    public static func set(_ device: String, isOn: Bool) throws(SyscallError) {
        let socket = try Descriptor.socket(AF_INET, SOCK_DGRAM, 0, nonBlocking: true)
        let number = socket.rawValue
        try syscall("ETHTOOL_STXCSUM", on: device) {
            unsafe clinux_set_transmit_checksum(number, device, isOn ? 1 : 0)
        }
    }
}
