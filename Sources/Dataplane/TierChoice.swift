// Which tier carries the packets: chosen once at start, and always with the reason.

internal import LinuxSystem

/// A tier with the reason for which it was chosen.
public struct TierChoice: Hashable, Sendable {
    public let tier: Tier
    public let reason: String

    /// What each tier says of this host, in the order of preference.
    public static func survey() -> [(tier: Tier, availability: Availability)] {
        Tier.allCases.map { tier in
            switch tier {
            case .kernel, .bpf:
                (tier, .unavailable(because: "not in this version of Poplin yet"))
            case .userspace: (tier, UserspaceTunnel.probe())
            }
        }
    }

    /// Chooses.
    ///
    /// - Parameter requested: nil takes the first that is available.
    /// - Throws: ``TierUnavailable`` with the reason.
    public static func choose(_ requested: Tier?) throws(TierUnavailable) -> TierChoice {
        let survey = survey()
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
