// A program linked to a hook (tcx): there packets meet it before all filters, which costs less than a filter does.

internal import CBpf
internal import LinuxSystem
internal import Rtnetlink

/// A program at a hook for as long as this lives; when the process ends, however it does, the kernel takes it away.
///
/// So it is no place for a program that shall stay, but a shorter way to one whose filter hangs at the same hook: a
/// packet that it redirects or drops does not come to the filter, and one that it leaves alone the filter leaves alone.
public final class TrafficLink {
    public let hook: TrafficHook
    /// The kernel's number of the program.
    public let program: UInt32
    private let descriptor: Descriptor

    /// Links a program to a hook, in the calling thread's network namespace, behind others that are linked there.
    ///
    /// - Throws: `EINVAL` where the kernel has no such links (before 6.6).
    public init(_ program: borrowing Program, at hook: TrafficHook) throws(BPFError) {
        let number = program.descriptor.rawValue
        let link = try attempt("link \(program.name)", on: "\(hook)") {
            bpf_link_create(number, hook.link, hook.side.attachType, nil)
        }
        self.hook = hook
        self.program = program.id
        descriptor = Descriptor(owning: link)
    }
}

extension TrafficSide {
    /// `BPF_TCX_INGRESS` and `BPF_TCX_EGRESS` of linux/bpf.h, whose older versions do not have them.
    fileprivate var attachType: bpf_attach_type {
        switch self {
        case .ingress: bpf_attach_type(rawValue: 46)
        case .egress: bpf_attach_type(rawValue: 47)
        }
    }
}
