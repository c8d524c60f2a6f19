// Deals the datagrams of one protocol out to several raw sockets, since the kernel gives every socket a copy of each.

internal import CLinux
internal import Glibc

extension RawIPv4Socket {
    /// Takes only every `count`th flow inside IP-in-IP datagrams, the one numbered `index`, so that `count` sockets
    /// with the numbers from 0 share the datagrams, each flow always at the same socket.
    ///
    /// A flow is told by the inner addresses, protocol and, where there are any, ports. What is too short to tell goes
    /// to socket 0.
    public func takeFlows(_ index: Int, of count: Int) throws(SyscallError) {
        try descriptor.attach(
            FlowFilter.program(index: UInt32(clamping: index), count: UInt32(clamping: max(1, count))))
    }

    /// Takes every flow again.
    public func takeAllFlows() throws(SyscallError) {
        do throws(SyscallError) {
            try descriptor.setOption(SOL_SOCKET, SO_DETACH_FILTER, 0, named: "SO_DETACH_FILTER")
        } catch {
            // It has taken all of them already.
            if error.code != ENOENT { throw error }
        }
    }
}

/// The filter; a raw socket's filter sees the IP header first.
private enum FlowFilter {
    static func program(index: UInt32, count: UInt32) -> [sock_filter] {
        [
            // X = outer header length; what is too short for an inner header and ports is told by nothing but that.
            .init(BPF_LDX | BPF_B | BPF_MSH, 0),
            .init(BPF_LD | BPF_W | BPF_LEN, 0),
            .init(BPF_ALU | BPF_SUB | BPF_X, 0),
            .init(BPF_JMP | BPF_JGE | BPF_K, 24, 1, 0),
            .init(BPF_RET | BPF_K, index == 0 ? .max : 0),
            // M[0] = source ^ destination * odd number
            .init(BPF_LD | BPF_W | BPF_IND, 12),
            .init(BPF_ST, 0),
            .init(BPF_LD | BPF_W | BPF_IND, 16),
            .init(BPF_ALU | BPF_MUL | BPF_K, 0x9E37_79B1),
            .init(BPF_ST, 1),
            // Ports only of whole TCP and UDP packets.
            .init(BPF_LD | BPF_H | BPF_IND, 6),
            .init(BPF_JMP | BPF_JSET | BPF_K, 0x3FFF, 14, 0),
            .init(BPF_LD | BPF_B | BPF_IND, 9),
            .init(BPF_JMP | BPF_JEQ | BPF_K, 6, 1, 0),
            .init(BPF_JMP | BPF_JEQ | BPF_K, 17, 0, 11),
            .init(BPF_LD | BPF_B | BPF_IND, 0),
            .init(BPF_ALU | BPF_AND | BPF_K, 0xF),
            .init(BPF_ALU | BPF_LSH | BPF_K, 2),
            .init(BPF_ALU | BPF_ADD | BPF_X, 0),
            .init(BPF_MISC | BPF_TAX, 0),
            .init(BPF_LD | BPF_W | BPF_LEN, 0),
            .init(BPF_ALU | BPF_SUB | BPF_X, 0),
            .init(BPF_JMP | BPF_JGE | BPF_K, 4, 0, 3),
            // The difference is below zero where the inner header is longer than the packet.
            .init(BPF_JMP | BPF_JGT | BPF_K, 0xFFFF, 2, 0),
            .init(BPF_LD | BPF_W | BPF_IND, 0),
            .init(BPF_JMP | BPF_JA, 1),
            .init(BPF_LD | BPF_IMM, 0),
            // A = ports or 0; the rest mixes the addresses in.
            .init(BPF_LDX | BPF_MEM, 0),
            .init(BPF_ALU | BPF_XOR | BPF_X, 0),
            .init(BPF_LDX | BPF_MEM, 1),
            .init(BPF_ALU | BPF_XOR | BPF_X, 0),
            .init(BPF_ALU | BPF_MUL | BPF_K, 0x85EB_CA6B),
            .init(BPF_ALU | BPF_RSH | BPF_K, 16),
            .init(BPF_ALU | BPF_MOD | BPF_K, count),
            .init(BPF_JMP | BPF_JEQ | BPF_K, index, 0, 1),
            .init(BPF_RET | BPF_K, .max),
            .init(BPF_RET | BPF_K, 0),
        ]
    }
}
