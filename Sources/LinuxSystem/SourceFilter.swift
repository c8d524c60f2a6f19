// A packet socket that leaves out what one host sends, so that rare packets are seen beside a full load.

internal import CLinux
internal import Glibc

extension PacketSocket {
    /// Takes only IPv4 packets from other sources than this one; for ``Layer/network``.
    ///
    /// - Parameter source: in host byte order.
    public func leaveOut(source: UInt32) throws(SyscallError) {
        try descriptor.attach([
            .init(BPF_LD | BPF_W | BPF_ABS, 12),
            .init(BPF_JMP | BPF_JEQ | BPF_K, source, 0, 1),
            .init(BPF_RET | BPF_K, 0),
            .init(BPF_RET | BPF_K, .max),
        ])
    }
}
