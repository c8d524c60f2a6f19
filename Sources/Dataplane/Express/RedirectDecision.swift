// For which peers programs in the kernel may send outer packets, and over which device each is reached.

public import Net
public import Overlay
internal import Packet
internal import Rtnetlink

/// Decides for every peer from one reading of the host.
///
/// A program asks the kernel's own routing for every packet, rules and all, and hands it to the device's queueing
/// discipline. So what has to be certain is less than for a frame: that nothing in the kernel's IP output is to change
/// the packet, and that it is Ethernet over which the peer's packets come and go.
public struct RedirectDecider: Sendable {
    private let underlay: Underlay
    private let links: [Int32: LinkMessage]
    private let ipsecPolicies: Int

    /// Takes the facts.
    public init(underlay: Underlay, facts: ExpressFacts) {
        self.underlay = underlay
        links = Dictionary(facts.links.map { ($0.index, $0) }, uniquingKeysWith: { first, _ in first })
        ipsecPolicies = facts.ipsecPolicies
    }

    /// How outer packets to the peer with this outer address leave.
    public func decide(_ peer: IPv4Address) -> OuterDecision {
        guard ipsecPolicies == 0 else {
            return .socket(.ipsecPolicies, "\(ipsecPolicies) IPsec policies for what this host sends")
        }
        guard let path = underlay.path(to: peer), let link = links[path.link] else {
            return .socket(.noPath, "no route to \(peer)")
        }
        guard !path.hasOtherGateway else {
            return .socket(.routeDetail, "the route to \(peer) has a gateway of another family")
        }
        guard link.isEthernet else { return .socket(.notEthernet, "\(link.name) is no Ethernet device") }
        return OuterDecision(way: .redirect(link: link.index), reason: .program, detail: link.name)
    }
}
