// What this kernel lets this process do with BPF, found out by trying.

internal import CBpf
internal import Glibc
internal import LinuxSystem

/// Questions to the kernel.
public enum BPFFeatures {
    /// Functions of the kernel that the tunnel's programs call, by the names that it knows them by.
    public enum Helper: String, CaseIterable, Sendable {
        case mapLookup = "map_lookup_elem"
        case loadBytes = "skb_load_bytes"
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
            case .loadBytes: BPF_FUNC_skb_load_bytes
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
        // r0 = 0; exit
        let program = [
            bpf_insn(code: UInt8(BPF_ALU64 | BPF_MOV | BPF_K), dst_reg: 0, src_reg: 0, off: 0, imm: 0),
            bpf_insn(code: UInt8(BPF_JMP | BPF_EXIT), dst_reg: 0, src_reg: 0, off: 0, imm: 0),
        ]
        let number = try attempt("load", on: "a program for traffic control") {
            unsafe bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "probe", "GPL", program, program.count, nil)
        }
        _ = Descriptor(owning: number)
    }

    /// Whether programs for traffic control may call a function here.
    public static func has(_ helper: Helper) throws(BPFError) -> Bool {
        try attempt("probe", on: "helper bpf_\(helper.rawValue)") {
            libbpf_probe_bpf_helper(BPF_PROG_TYPE_SCHED_CLS, helper.number, nil)
        } == 1
    }
}
