// A packet socket that leaves out what one host sends, so that rare packets are seen beside a full load.

internal import CLinux
internal import Glibc

extension PacketSocket {
    /// Takes only IPv4 packets from other sources than this one; for ``Layer/network``.
    ///
    /// - Parameter source: in host byte order.
    public func leaveOut(source: UInt32) throws(SyscallError) {
        // Classic BPF: load the source, compare, take nothing or all (Documentation/networking/filter.rst).
        let load = UInt16(BPF_LD | BPF_W | BPF_ABS)
        let compare = UInt16(BPF_JMP | BPF_JEQ | BPF_K)
        let take = UInt16(BPF_RET | BPF_K)
        var program = [
            sock_filter(code: load, jt: 0, jf: 0, k: 12), sock_filter(code: compare, jt: 0, jf: 1, k: source),
            sock_filter(code: take, jt: 0, jf: 0, k: 0), sock_filter(code: take, jt: 0, jf: 0, k: .max),
        ]
        let number = descriptor.rawValue
        let length = UInt16(program.count)
        try syscall("setsockopt", on: "SO_ATTACH_FILTER") {
            unsafe program.withUnsafeMutableBufferPointer { instructions in
                var header = unsafe sock_fprog(len: length, filter: instructions.baseAddress)
                return unsafe setsockopt(
                    number, SOL_SOCKET, SO_ATTACH_FILTER, &header, socklen_t(MemoryLayout<sock_fprog>.size))
            }
        }
    }
}
