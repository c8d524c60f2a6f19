// Whether this host has the TUN driver, asked without making a device.

internal import Glibc

extension TunDevice {
    /// Opens the driver's file and closes it again.
    ///
    /// - Throws: `ENOENT` or `ENODEV` where the kernel has no TUN driver, `EACCES` or `EPERM` where it may not be used.
    public static func probe() throws(SyscallError) {
        _ = try Descriptor.open("/dev/net/tun", O_RDWR)
        guard Host.hasCapability(.netAdmin) else {
            throw SyscallError(operation: "TUNSETIFF", object: "/dev/net/tun", code: EPERM)
        }
    }
}
