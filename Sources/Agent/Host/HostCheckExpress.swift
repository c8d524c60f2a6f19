// Which way outer packets take to the nodes that this one tunnels to, and what would have to change for the other.

internal import Dataplane
internal import Net
internal import Overlay
internal import Packet
internal import Rtnetlink

/// Findings about the express path.
struct HostCheckExpress {
    let choice: ExpressChoice
    /// Whether programs send, and no frames are made.
    let usesPrograms: Bool
    /// The outer addresses of the nodes that are tunnelled to.
    let peers: [IPv4Address]
    let underlay: Underlay

    /// One finding for each reason there is.
    func findings() -> [HostFinding] {
        guard !peers.isEmpty else { return [HostFinding("express", .ok, "nothing is tunnelled to any node")] }
        guard choice != .never else { return findings { _ in .socket(.configured) } }
        do throws(NetlinkError) {
            var netlink = try NetlinkSocket()
            if usesPrograms { return findings(try ExpressFacts.readForPrograms(&netlink)) }
            let carriers = Set(peers.compactMap { underlay.path(to: $0)?.link })
            return findings(try ExpressFacts.read(&netlink, carriers: carriers))
        } catch {
            return [
                HostFinding("express", .warn, "not looked at: \(error)", remedy: "run poplin check as root")
            ]
        }
    }

    /// The same from facts already read.
    func findings(_ facts: ExpressFacts) -> [HostFinding] {
        if usesPrograms { return findings(RedirectDecider(underlay: underlay, facts: facts).decide) }
        return findings(OuterDecider(underlay: underlay, facts: facts, skipsOutput: choice == .always).decide)
    }

    private func findings(_ decide: (IPv4Address) -> OuterDecision) -> [HostFinding] {
        var groups: [OuterReason: [OuterDecision]] = [:]
        for decision in peers.map(decide) { groups[decision.reason, default: []].append(decision) }
        return OuterReason.allCases.compactMap { reason in groups[reason].map { finding(reason, $0) } }
    }

    private func finding(_ reason: OuterReason, _ decisions: [OuterDecision]) -> HostFinding {
        let details = Set(decisions.map(\.detail)).sorted()
        let shown = details.prefix(3).joined(separator: "; ") + (details.count > 3 ? "; …" : "")
        let nodes = "outer packets to \(decisions.count) node\(decisions.count == 1 ? "" : "s")"
        switch reason {
        case .neighbourReachable, .neighbourStale, .neighbourProbed:
            return HostFinding(
                "express", .ok, "\(nodes) leave as finished frames, past this host's IP output (\(shown))")
        case .program:
            return HostFinding(
                "express", .ok,
                "\(nodes) are sent and taken by programs, past this host's packet filter for them (\(shown)); "
                    + "it sees the packets within, on the tunnel device")
        default:
            let (why, remedy) = HostCheckExpress.words(reason, shown)
            let way = usesPrograms ? "pass the agent and the kernel's IP output" : "take the kernel's IP output"
            return HostFinding("express", .ok, "\(nodes) \(way): \(why)", remedy: remedy)
        }
    }

    /// Why it is the socket, and what would make it frames.
    private static func words(_ reason: OuterReason, _ detail: String) -> (String, remedy: String) {
        switch reason {
        case .configured: ("tunnel.express is never", "poplin set tunnel.express=auto for the faster way")
        case .routingRules:
            ("\(detail) may route them past the table main", "see `ip rule`; without it they could leave as frames")
        case .ipsecPolicies: ("there are \(detail)", "see `ip xfrm policy`")
        case .outputRules:
            (
                "\(detail) must see them",
                "poplin set tunnel.express=always sends them past it, where no rule concerns protocol 4"
            )
        case .queueingDiscipline:
            (
                "they have to pass \(detail)",
                "poplin set tunnel.express=always sends them past it, where it need not shape or filter them"
            )
        case .noNeighbour:
            ("the kernel does not know the address of \(detail) now", "none needed: the first packet makes it ask")
        case .linkDown, .notEthernet, .noPath, .routeDetail, .unknown, .neighbourReachable, .neighbourStale,
            .neighbourProbed, .program, .noProgram:
            (detail, "")
        }
    }
}
