// What a host must offer for these tests: without it they are skipped with the reason, or fail where it was demanded.

import FoundationEssentials
import Lab
import LinuxSystem
import Testing

/// Something that not every host has.
struct Requirement: Sendable {
    /// The word for it in the environment variable `POPLIN_REQUIRE` (several are separated by commas).
    let name: String
    /// Why it is missing; nil where it is there.
    let missing: String?

    /// Root and network namespaces.
    static let namespaces = Requirement(name: "netns", missing: whyNoNamespaces())

    /// Whether a host without it is a failure.
    var isDemanded: Bool {
        let demanded = ProcessInfo.processInfo.environment["POPLIN_REQUIRE"] ?? ""
        return demanded.split(whereSeparator: { ", ".contains($0) }).contains { $0 == name }
    }

    private static func whyNoNamespaces() -> String? {
        do throws(LabError) {
            try Lab.checkPermissions()
        } catch {
            return "\(error)"
        }
        // Capabilities alone do not tell: a container may have them and still be refused.
        let probe = "poplin-e2eprobe\(Host.processID)"
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
    /// The tests make network namespaces: skipped with the reason where that is not possible, unless it is demanded;
    /// then they run, and fail at their lab with the same reason.
    static var needsNamespaces: Self {
        let requirement = Requirement.namespaces
        return .enabled(
            if: requirement.missing == nil || requirement.isDemanded,
            "needs \(requirement.name): \(requirement.missing ?? "")")
    }
}
