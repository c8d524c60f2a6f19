// What this kernel lets this process do with BPF, found out by trying.

internal import CBpf
internal import Glibc
internal import LinuxSystem

/// Questions to the kernel.
public enum BPFFeatures {
    /// Functions of the kernel that programs call, by the names that it knows them by.
    public enum Helper: String, CaseIterable, Sendable {
        case mapLookup = "map_lookup_elem"
        case storeBytes = "skb_store_bytes"
        case replaceChecksum = "l3_csum_replace"
        case redirect = "redirect"
        case pullData = "skb_pull_data"
        case changeHead = "skb_change_head"
        case adjustRoom = "skb_adjust_room"
        case lookUpRoute = "fib_lookup"
        case redirectToNeighbour = "redirect_neigh"

        var number: bpf_func_id {
            switch self {
            case .mapLookup: BPF_FUNC_map_lookup_elem
            case .storeBytes: BPF_FUNC_skb_store_bytes
            case .replaceChecksum: BPF_FUNC_l3_csum_replace
            case .redirect: BPF_FUNC_redirect
            case .pullData: BPF_FUNC_skb_pull_data
            case .changeHead: BPF_FUNC_skb_change_head
            case .adjustRoom: BPF_FUNC_skb_adjust_room
            case .lookUpRoute: BPF_FUNC_fib_lookup
            case .redirectToNeighbour: BPF_FUNC_redirect_neigh
            }
        }
    }

    /// Loads the smallest program for traffic control.
    ///
    /// - Throws: `ENOSYS` where the kernel has no BPF, `EPERM` where this process may not, `EINVAL` where it has none for
    ///   traffic control.
    public static func check() throws(BPFError) {
        _ = try load([.move(register: 0, 0), .exit])
    }

    /// Whether programs for traffic control may call a function here.
    public static func has(_ helper: Helper) throws(BPFError) -> Bool {
        try attempt("probe", on: "helper bpf_\(helper.rawValue)") {
            libbpf_probe_bpf_helper(BPF_PROG_TYPE_SCHED_CLS, helper.number, nil)
        } == 1
    }

    /// Whether `bpf_skb_adjust_room` can be told that a tunnel's IPv4 header goes (`BPF_F_ADJ_ROOM_DECAP_L3_IPV4`, 6.3):
    /// tried on a packet, since a program that calls it is loaded everywhere.
    public static func hasDecapsulationFlag() throws(BPFError) -> Bool {
        let flag: Int32 = 1 << 7
        let program = try Program(
            load([
                .move(register: 2, -20), .move(register: 3, Int32(BPF_ADJ_ROOM_MAC.rawValue)),
                .move(register: 4, flag), .call(Helper.adjustRoom.number), .exit,
            ]), name: "probe")
        // A frame without addresses whose 40 bytes after its header are IPv4 in IPv4.
        var frame = [UInt8](repeating: 0, count: 14 + 40)
        frame[12] = 0x08
        frame[14] = 0x45
        frame[14 + 9] = 4
        frame[34] = 0x45
        return try program.run(on: frame).result == 0
    }

    /// Whether programs run as machine code (`net.core.bpf_jit_enable`); nil where the kernel does not say.
    public static var isJustInTimeCompiled: Bool? {
        guard let text = try? TextFile.read("/proc/sys/net/core/bpf_jit_enable") else { return nil }
        return text.first != "0"
    }

    private static func load(_ program: [bpf_insn]) throws(BPFError) -> Descriptor {
        let number = try attempt("load", on: "a program for traffic control") {
            unsafe bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "probe", "GPL", program, program.count, nil)
        }
        return Descriptor(owning: number)
    }
}

extension bpf_insn {
    /// 64-bit, sign-extended.
    fileprivate static func move(register: UInt8, _ value: Int32) -> bpf_insn {
        bpf_insn(code: UInt8(BPF_ALU64 | BPF_MOV | BPF_K), dst_reg: register, src_reg: 0, off: 0, imm: value)
    }

    /// The context, which it takes first, is in register 1 from the beginning.
    fileprivate static func call(_ function: bpf_func_id) -> bpf_insn {
        bpf_insn(code: UInt8(BPF_JMP | BPF_CALL), dst_reg: 0, src_reg: 0, off: 0, imm: Int32(function.rawValue))
    }

    fileprivate static var exit: bpf_insn {
        bpf_insn(code: UInt8(BPF_JMP | BPF_EXIT), dst_reg: 0, src_reg: 0, off: 0, imm: 0)
    }
}
