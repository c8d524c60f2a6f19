// Connecting over TCP with a look at whether anybody still wants it.

internal import LinuxSystem
internal import Net

extension InetSocket {
    /// Connects.
    ///
    /// - Returns: false where it was not wanted any more.
    /// - Throws: `ETIMEDOUT` where the time ran out, else the kernel's reason.
    borrowing func connect(
        _ address: IPv4Address, _ port: UInt16, within milliseconds: Int, while isWanted: () -> Bool
    ) throws(SyscallError) -> Bool {
        do throws(SyscallError) {
            try connect(address.rawValue, port: port, timeoutMilliseconds: 0)
            return true
        } catch {
            if error.code != ErrorNumber.timedOut { throw error }
        }
        let deadline = Monotonic.now + UInt64(milliseconds) * 1_000_000
        while isWanted() {
            if try descriptor.waitWritable(timeoutMilliseconds: LoadThreads.lookMilliseconds) {
                // A second call says what became of the first.
                try connect(address.rawValue, port: port)
                return true
            }
            if Monotonic.now > deadline {
                throw SyscallError(operation: "connect", object: "\(address):\(port)", code: ErrorNumber.timedOut)
            }
        }
        return false
    }
}
