// Which tier the nodes of a lab run, as the environment says, and which tests are of some tiers alone.

import Foundation
import Lab
import TestSupport
import Testing

/// The tiers that one run of these suites is about.
enum Tiers: String, CaseIterable, Sendable {
    case userspace
    case kernel
    /// The kernel's driver on all nodes but n3, which runs the userspace tier: mixed in both directions.
    case mixed
    case bpf
    /// Programs on all nodes but n3, which runs the userspace tier.
    case bpfMixed
    /// The kernel's driver on all nodes but n3, which runs programs.
    case bpfKernel

    /// The value of `POPLIN_TEST_TIERS`; userspace, which every kernel has, where that is not set.
    static let current: Tiers = {
        guard let name = ProcessInfo.processInfo.environment["POPLIN_TEST_TIERS"] else { return .userspace }
        guard let tiers = Tiers(rawValue: name) else {
            preconditionFailure("POPLIN_TEST_TIERS is '\(name)' and not one of \(allCases.map(\.rawValue))")
        }
        return tiers
    }()

    /// Whether every node counts packets by peer; the driver leaves that to the host's packet filter.
    var countPeers: Bool { !haveDriver || Requirement.packetFilter.missing == nil }

    /// Whether some nodes run the kernel's driver.
    private var haveDriver: Bool {
        switch self {
        case .kernel, .mixed, .bpfKernel: true
        case .userspace, .bpf, .bpfMixed: false
        }
    }

    /// Whether a node takes packets of its peers alone; the driver leaves that to the host's packet filter as well.
    func refuseStrangers(at node: String) -> Bool {
        let filter = Requirement.packetFilter
        return dataplane(of: node) != Tiers.kernel.rawValue || filter.missing == nil || filter.isDemanded
    }

    /// A node's tier, in the words of its config.
    func dataplane(of node: String) -> String {
        switch self {
        case .userspace, .kernel, .bpf: rawValue
        case .mixed: (node == "n3" ? Tiers.userspace : .kernel).rawValue
        case .bpfMixed: (node == "n3" ? Tiers.userspace : .bpf).rawValue
        case .bpfKernel: (node == "n3" ? Tiers.bpf : .kernel).rawValue
        }
    }
}

extension NodeSpecification {
    /// As it is, with its tier in this run where it does not ask for one.
    var withTier: NodeSpecification {
        var node = self
        if node.dataplane == "auto" { node.dataplane = Tiers.current.dataplane(of: name) }
        return node
    }
}

extension LabSpecification {
    /// As it is, with the tiers of this run.
    var withTiers: LabSpecification {
        var specification = self
        specification.nodes = nodes.map(\.withTier)
        return specification
    }
}

extension AgentStatus {
    /// What it warns of, but for what it says on any host of such a kernel: that nothing keeps strangers from the
    /// driver's device where there is no packet filter.
    var ownWarnings: [AgentStatus.Notice]? {
        Requirement.packetFilter.missing == nil ? warnings : warnings?.filter { $0.code != "anybodyMaySend" }
    }
}

extension Trait where Self == ConditionTrait {
    /// The tests are about whom a node takes packets from, where somebody on it asks.
    static func refusesStrangers(at node: String) -> Self {
        .enabled(
            if: Tiers.current.refuseStrangers(at: node),
            "n/a for \(Tiers.current.rawValue) here: the driver takes them from anybody, and no packet filter is there")
    }

    /// The tests say something of these tiers that is not so of others: there they do not apply.
    ///
    /// - Parameter reason: what it is that the other tiers do not have, or do in another way.
    static func tiers(_ tiers: Tiers..., because reason: String) -> Self {
        .enabled(if: tiers.contains(.current), "n/a for \(Tiers.current.rawValue): \(reason)")
    }
}
