// Whether the bpf tier can work here, and what exactly is missing: found out by trying.

internal import BPF
internal import Glibc
internal import LinuxSystem
internal import Net
internal import Rtnetlink

/// The bpf tier's judgement of a host.
enum BPFProbe {
    static func judge(by method: ProbeMethod) -> Availability {
        // What programs leave alone takes that way.
        guard case .available = UserspaceTunnel.probe() else { return UserspaceTunnel.probe() }
        let lacking = [(Host.Capability.bpf, "CAP_BPF"), (.perfmon, "CAP_PERFMON")].filter { !Host.hasCapability($0.0) }
        guard lacking.isEmpty else {
            let names = lacking.map(\.1).joined(separator: " and ")
            return .unavailable(because: "not permitted: \(names) needed, beside CAP_NET_ADMIN")
        }
        do throws(BPFError) {
            try BPFFeatures.check()
        } catch {
            return .unavailable(because: whyNoPrograms(error))
        }
        do throws(BPFError) {
            var missing: [String] = []
            for helper in BPFFeatures.Helper.allCases where try !BPFFeatures.has(helper) {
                missing.append(helper.rawValue)
            }
            guard missing.isEmpty else { return .unavailable(because: whyNoHelper(missing)) }
            // The whole of them, as they will be used; they are gone at once.
            _ = try TunnelPrograms(TunnelSettings(localAddress: .any), link: 0)
            if method == .trying { try attach() }
        } catch {
            return .unavailable(because: whyNot(error))
        }
        return .available
    }

    /// Attaches a program to a device that no packet meets, and that goes again with its only descriptor.
    private static func attach() throws(BPFError) {
        // What keeps such a device from being made will keep the tunnel device from it too, which is told then.
        guard let device = try? TunDevice.open("poplin-\(Host.processID)", multiQueue: false),
            var netlink = try? NetlinkSocket(), let link = try? netlink.link(named: device.name)?.index
        else { return }
        try TunnelPrograms(TunnelSettings(localAddress: .any), link: link).attachOutward()
        _ = consume device
    }

    /// The judgement from the kernel's refusal of the smallest program.
    static func whyNoPrograms(_ refusal: BPFError) -> String {
        switch refusal.code {
        case ENOSYS: "this kernel (\(Host.kernelRelease)) has no BPF (CONFIG_BPF_SYSCALL)"
        case EPERM:
            "not permitted: CAP_BPF counts in the host's own user namespace alone, and not where BPF is locked down"
        default: "the kernel (\(Host.kernelRelease)) refuses a program for traffic control: \(refusal.line)"
        }
    }

    /// The judgement from the refusal of the programs, or of a place for them.
    static func whyNot(_ refusal: BPFError) -> String {
        if refusal.operation == "make clsact" {
            return
                "the kernel (\(Host.kernelRelease)) has no clsact for programs (CONFIG_NET_SCH_INGRESS): \(refusal.line)"
        }
        if refusal.operation.hasPrefix("attach") {
            return
                "the kernel (\(Host.kernelRelease)) has no filters that are programs (CONFIG_NET_CLS_BPF): \(refusal.line)"
        }
        return "the kernel (\(Host.kernelRelease)) refuses the programs: \(refusal.line)"
    }

    /// The judgement where functions are missing that the programs call.
    static func whyNoHelper(_ names: [String]) -> String {
        "this kernel (\(Host.kernelRelease)) has no \(names.map { "bpf_\($0)" }.joined(separator: ", "))"
    }
}

extension BPFError {
    /// In one line: of what libbpf and the verifier said, the last that is not their count of what they did.
    fileprivate var line: String {
        let words = log.split(separator: "\n").map { $0.drop { $0 == " " } }
        let last = words.last { !$0.isEmpty && !$0.hasPrefix("processed ") && !$0.hasPrefix("-- END") }
        return "\(object): \(reason)" + (last.map { " (\($0))" } ?? "")
    }
}
