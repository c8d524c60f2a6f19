// The one place where Never, Always and CrossSubnet are decided. Everything else carries the answer out or shows it.

public import Net

/// What happens to packets for a destination.
public enum Verdict: String, Hashable, Sendable, BitwiseCopyable {
    case direct, tunnel, local, unrouted
}

/// Why; the first that holds, in this order.
public enum Reason: String, Hashable, Sendable, CaseIterable, BitwiseCopyable {
    /// No pool, no block or no such node; or the underlay has no route to the peer.
    case noRoute
    /// The block is this node's.
    case ownBlock
    case modeNever
    case modeAlways
    /// One of the two addresses is a `/32`: no subnet to compare.
    case hostPrefix
    /// Neither prefix contains the other's address.
    case differentSubnet
    /// Only one of the two prefixes contains the other's address.
    case asymmetricPrefix
    /// The prefixes agree, but the kernel reaches the peer through a gateway or another device.
    case notOnLink
    case sameSubnet
}

/// What exactly is missing behind ``Reason/noRoute``.
public enum Obstacle: String, Hashable, Sendable, BitwiseCopyable {
    case noPool, noBlock, noNode, noUnderlayRoute
    /// The peer claims this node's own underlay address, or one that another node holds already.
    case duplicateAddress
    /// The block contains this node's own address: a route would lead to oneself, and even the blackhole of an own
    /// block would cut off the underlay around that address.
    case containsOwnAddress
    /// The block contains the underlay address of its node or of another: a route would draw the tunnel's own packets
    /// to that node into the block.
    case containsPeerAddress
}

/// How this host's kernel reaches an address when our own routes are left out.
public struct UnderlayPath: Hashable, Sendable, BitwiseCopyable {
    /// Nil where the address is on the link.
    public var gateway: IPv4Address?
    /// The outgoing device.
    public var link: Int32
    /// The gateway is reached without a connected route (`RTNH_F_ONLINK`), so our routes through it must say so too.
    public var gatewayIsOnlink: Bool
    /// The next hop is no IPv4 address (`RTA_VIA`): good for outer packets, but no route of ours can name it.
    public var hasOtherGateway: Bool
    /// The route's own MTU in bytes; 0 where it has none.
    public var mtu: UInt32
    /// The route has several next hops, or something else that only the kernel's own lookup takes into account.
    public var hasDetail: Bool

    /// A path through `link`, by way of `gateway` where there is one.
    public init(
        gateway: IPv4Address? = nil, link: Int32, gatewayIsOnlink: Bool = false, hasOtherGateway: Bool = false,
        mtu: UInt32 = 0, hasDetail: Bool = false
    ) {
        self.gateway = gateway
        self.link = link
        self.gatewayIsOnlink = gatewayIsOnlink
        self.hasOtherGateway = hasOtherGateway
        self.mtu = mtu
        self.hasDetail = hasDetail
    }
}

/// A verdict with all that it was taken from.
public struct Decision: Hashable, Sendable, BitwiseCopyable {
    public var verdict: Verdict
    public var reason: Reason
    /// Set exactly when `reason` is ``Reason/noRoute``.
    public var obstacle: Obstacle?
    public var path: UnderlayPath?
    /// The two halves of CrossSubnet, and the kernel's own view; nil where they were not asked.
    public var localPrefixContainsPeer: Bool?
    public var peerPrefixContainsLocal: Bool?
    public var isOnLink: Bool?

    /// A decision for ``Reason/noRoute``.
    public static func unrouted(_ obstacle: Obstacle) -> Decision {
        Decision(verdict: .unrouted, reason: .noRoute, obstacle: obstacle)
    }

    init(verdict: Verdict, reason: Reason, obstacle: Obstacle? = nil, path: UnderlayPath? = nil) {
        self.verdict = verdict
        self.reason = reason
        self.obstacle = obstacle
        self.path = path
    }

    /// Decides how packets for a block of `peer` travel.
    ///
    /// The answer is symmetric in the two nodes but for `notOnLink`, which is a fact of one host's kernel.
    ///
    /// - Parameters:
    ///   - local: this node.
    ///   - peer: the node that owns the block.
    ///   - mode: the node's own mode, else the pool's.
    ///   - path: how the underlay reaches the peer; nil where it does not.
    ///   - underlayLink: the device that carries `local.address`.
    public static func decide(
        local: LocalNode, peer: Node, mode: IPIPMode, path: UnderlayPath?, underlayLink: Int32?
    ) -> Decision {
        if peer.name == local.name { return Decision(verdict: .local, reason: .ownBlock) }
        if peer.address.address == local.address.address { return .unrouted(.duplicateAddress) }
        guard let path else { return .unrouted(.noUnderlayRoute) }
        switch mode {
        case .never:
            guard !path.hasOtherGateway else { return .unrouted(.noUnderlayRoute) }
            return Decision(verdict: .direct, reason: .modeNever, path: path)
        case .always: return Decision(verdict: .tunnel, reason: .modeAlways, path: path)
        case .crossSubnet: break
        }
        let localContains = local.address.prefix.contains(peer.address.address)
        let peerContains = peer.address.prefix.contains(local.address.address)
        let onLink = path.gateway == nil && !path.hasOtherGateway && path.link == underlayLink
        let reason: Reason =
            if local.address.prefixLength == 32 || peer.address.prefixLength == 32 {
                .hostPrefix
            } else if !localContains && !peerContains {
                .differentSubnet
            } else if localContains != peerContains {
                .asymmetricPrefix
            } else if !onLink {
                .notOnLink
            } else {
                .sameSubnet
            }
        var decision = Decision(verdict: reason == .sameSubnet ? .direct : .tunnel, reason: reason, path: path)
        decision.localPrefixContainsPeer = localContains
        decision.peerPrefixContainsLocal = peerContains
        decision.isOnLink = onLink
        return decision
    }
}
