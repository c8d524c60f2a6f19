// Which tier carries the packets: chosen once at start, and always with the reason.

internal import LinuxSystem

/// A tier with the reason for which it was chosen.
public struct TierChoice: Hashable, Sendable {
    public let tier: Tier
    public let reason: String

    /// How a host is brought to another tier than the one that has made its tunnel device, from or to the kernel tier.
    public static let change =
        "a change of tier takes a break: stop the agent, `poplin clean`, start it; "
        + "or `poplin set tunnel.device=poplin0` and restart it"

    /// A choice that was made elsewhere, by the running agent, say.
    public init(tier: Tier, reason: String) {
        self.tier = tier
        self.reason = reason
    }

    /// What each tier says of this host, in the order of preference.
    ///
    /// - Parameter device: the tunnel device's name.
    public static func survey(device: String, by method: ProbeMethod) -> [(tier: Tier, availability: Availability)] {
        Tier.allCases.map { tier in
            switch tier {
            case .kernel: (tier, KernelTunnel.probe(device: device, by: method))
            case .bpf: (tier, BPFTunnel.probe(by: method))
            case .userspace: (tier, UserspaceTunnel.probe())
            }
        }
    }

    /// Chooses.
    ///
    /// - Parameter requested: nil takes the first that is available.
    /// - Throws: ``TierUnavailable`` with the reason.
    public static func choose(
        _ requested: Tier?, device: String, by method: ProbeMethod
    ) throws(TierUnavailable) -> TierChoice {
        try choose(requested, among: survey(device: device, by: method))
    }

    /// Chooses among tiers that have been judged.
    static func choose(
        _ requested: Tier?, among survey: [(tier: Tier, availability: Availability)]
    ) throws(TierUnavailable) -> TierChoice {
        guard let requested else {
            var passedOver: [String] = []
            for (tier, availability) in survey {
                switch availability {
                case .available:
                    return TierChoice(tier: tier, reason: (["auto"] + passedOver).joined(separator: "; "))
                case .unavailable(let because):
                    passedOver.append("\(tier.rawValue): \(because)")
                }
            }
            throw TierUnavailable(message: "no tier is available: \(passedOver.joined(separator: "; "))")
        }
        for (tier, availability) in survey where tier == requested {
            if case .unavailable(let because) = availability {
                throw TierUnavailable(
                    message: "dataplane \(tier.rawValue) is not available: \(because); use 'dataplane: auto'")
            }
        }
        return TierChoice(tier: requested, reason: "configured")
    }
}

/// The wanted tier cannot work here.
public struct TierUnavailable: Error, Hashable, Sendable, CustomStringConvertible {
    public let message: String
    public var description: String { message }
}
