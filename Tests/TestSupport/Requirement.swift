// What a host must offer for some tests: without it they are skipped with the reason, or fail where it was demanded.

internal import BPF
import Foundation
import LinuxSystem
public import Testing

/// Something that not every host has.
public struct Requirement: Sendable {
    /// The word for it in the environment variable `POPLIN_REQUIRE` (several are separated by commas).
    public let name: String
    /// Why it is missing; nil where it is there.
    public let missing: String?

    /// Something that was looked for.
    public init(name: String, missing: String?) {
        self.name = name
        self.missing = missing
    }

    /// Root and network namespaces.
    public static let namespaces = Requirement(name: "netns", missing: whyNoNamespaces())

    /// The kernel's `ipip` driver, loaded already: with it new namespaces may have a `tunl0` from the beginning, which
    /// is nothing that a test should do to a host.
    public static let ipip = Requirement(
        name: "ipip", missing: File.exists("/sys/module/ipip") ? nil : "the ipip driver is not loaded")

    /// Programs for traffic control, and the right to load them.
    public static let bpf = Requirement(name: "bpf", missing: whyNoBPF())

    /// BPF programs linked to a device (tcx, kernel 6.6).
    public static let programLinks = Requirement(name: "tcx", missing: whyNoProgramLinks())

    /// More than one processor, so that threads can be on different ones.
    public static let twoProcessors = Requirement(
        name: "processors", missing: ProcessInfo.processInfo.processorCount > 1 ? nil : "there is one processor")

    /// A packet filter that takes tables of family `ip`, and `nft` to look at it.
    public static let packetFilter = Requirement(name: "nftables", missing: whyNoPacketFilter())

    /// A program of the host's own, as `nft`.
    public static func program(_ name: String) -> Requirement {
        Requirement(name: name, missing: path(of: name) == nil ? "there is no program \(name)" : nil)
    }

    /// Where a program is; nil where it is not installed.
    public static func path(of program: String) -> String? {
        ["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map { "\($0)/\(program)" }.first { File.exists($0) }
    }

    /// Whether a host without it is a failure.
    public var isDemanded: Bool {
        let demanded = ProcessInfo.processInfo.environment["POPLIN_REQUIRE"] ?? ""
        return demanded.split(whereSeparator: { ", ".contains($0) }).contains { $0 == name }
    }

    /// Asked by trying: nf_tables may be there without IPv4.
    private static func whyNoPacketFilter() -> String? {
        guard let nft = path(of: "nft") else { return "there is no program nft" }
        let probe = "poplin-filter-probe-\(Host.processID)"
        do {
            try NetworkNamespace.create(probe)
            defer { try? NetworkNamespace.delete(probe) }
            let result = try ChildProcess.run(nft, ["add", "table", "ip", "probe"], inNamespace: probe)
            return result.status.isSuccess ? nil : "nft cannot make a table of family ip: \(result.errors)"
        } catch {
            return "network namespaces cannot be made: \(error)"
        }
    }

    private static func whyNoBPF() -> String? {
        do throws(BPFError) {
            try BPFFeatures.check()
            return nil
        } catch {
            return "\(error)"
        }
    }

    private static func whyNoProgramLinks() -> String? {
        let numbers = Host.kernelRelease.split(separator: ".").prefix(2).compactMap { Int($0) }
        let isNew = numbers.count == 2 && (numbers[0], numbers[1]) >= (6, 6)
        return isNew ? nil : "kernel \(Host.kernelRelease) links no programs to devices (6.6)"
    }

    /// Asked by trying: a container may have the capabilities and still be refused.
    private static func whyNoNamespaces() -> String? {
        let probe = "poplin-probe-\(Host.processID)"
        do throws(SyscallError) {
            try NetworkNamespace.create(probe)
            try NetworkNamespace.delete(probe)
            return nil
        } catch {
            return "network namespaces cannot be made: \(error)"
        }
    }
}

extension Trait where Self == ConditionTrait {
    /// The tests make network namespaces: where that is not possible but demanded, they fail at their first one.
    public static var needsNamespaces: Self { needs(.namespaces) }

    /// The tests make tables of the packet filter and look at them with `nft`.
    public static var needsPacketFilter: Self { needs(.packetFilter) }

    /// The tests are skipped with the reason where something is missing, unless it is demanded; then they run and fail
    /// where they need it, with the reason that is found there.
    public static func needs(_ requirement: Requirement) -> Self {
        .enabled(
            if: requirement.missing == nil || requirement.isDemanded,
            "needs \(requirement.name): \(requirement.missing ?? "")")
    }

    /// The tests ask the host's own program for something: skipped where it is not installed, unless it is demanded.
    public static func needsProgram(_ name: String) -> Self {
        let requirement = Requirement.program(name)
        return .enabled(if: requirement.missing == nil || requirement.isDemanded, "\(requirement.missing ?? "")")
    }
}
