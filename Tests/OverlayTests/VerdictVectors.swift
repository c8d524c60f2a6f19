// Every reason of `explain`, and for each pair that can meet, which of them comes first. Whatever carries verdicts out
// (each tier, the lab) can be held to the same table.

import Net
import Overlay
import Testing

/// One cluster of this node `n1` and a peer `n2` with one block, and what must come of it on `n1`.
struct VerdictVector: Sendable, CustomTestStringConvertible {
    var name: String
    var local: IPv4InterfaceAddress = "10.0.1.1/24"
    var peer: IPv4InterfaceAddress = "10.0.1.2/24"
    var mode: IPIPMode = .crossSubnet
    var pool: IPv4Prefix = "10.244.0.0/16"
    var block: IPv4Prefix = "10.244.3.0/26"
    var owner = "n2"
    /// All underlay routes; nil for the connected route and a default route.
    var routes: [UnderlayRoute]?
    var adding: [UnderlayRoute] = []

    var verdict: Verdict
    var reason: Reason
    var obstacle: Obstacle?
    /// The route that must come of it; nil for none.
    var route: Route?
    /// Exactly these, in this order.
    var warnings: [String] = []

    var testDescription: String { name }

    var localNode: LocalNode { LocalNode(name: "n1", address: local, ipipMode: mode) }
    var facts: HostFacts { Host.facts(local, routes: routes, adding: adding) }
    var cluster: ClusterState {
        ClusterState(
            nodes: [Node(name: "n1", address: local), Node(name: "n2", address: peer)],
            pools: [Pool(name: "pods", prefix: pool)], blocks: [Block(prefix: block, node: owner)])
    }
}

extension VerdictVector {
    private static let block: IPv4Prefix = "10.244.3.0/26"

    private static func tunnel(_ via: IPv4Address) -> Route {
        Route(destination: block, gateway: via, link: Route.tunnelLink, flags: .onlink)
    }

    private static func direct(_ via: IPv4Address, _ link: Link = Host.eth0) -> Route {
        Route(destination: block, gateway: via, link: link.index)
    }

    private static let blackhole = Route(destination: block, kind: .blackhole, metric: Route.blackholeMetric)

    static let all: [VerdictVector] = unrouted + own + byMode + crossSubnet

    /// `noRoute` comes before everything else.
    static let unrouted: [VerdictVector] = [
        VerdictVector(
            name: "a block in no pool", pool: "10.245.0.0/16",
            verdict: .unrouted, reason: .noRoute, obstacle: .noPool, warnings: ["blockOutsidePools"]),
        VerdictVector(
            name: "an own block in no pool", pool: "10.245.0.0/16", owner: "n1",
            verdict: .unrouted, reason: .noRoute, obstacle: .noPool, warnings: ["blockOutsidePools"]),
        VerdictVector(
            name: "a block wider than its pool", pool: "10.244.3.0/27",
            verdict: .unrouted, reason: .noRoute, obstacle: .noPool, warnings: ["blockOutsidePools"]),
        VerdictVector(
            name: "a block of an unknown node", owner: "ghost",
            verdict: .unrouted, reason: .noRoute, obstacle: .noNode, warnings: ["unknownNode"]),
        VerdictVector(
            name: "no underlay route, mode Never", peer: "10.0.2.1/24", mode: .never,
            routes: [Host.connected("10.0.1.0/24")],
            verdict: .unrouted, reason: .noRoute, obstacle: .noUnderlayRoute, warnings: ["noUnderlayRoute"]),
        VerdictVector(
            name: "no underlay route, mode Always", peer: "10.0.2.1/24", mode: .always,
            routes: [Host.connected("10.0.1.0/24")],
            verdict: .unrouted, reason: .noRoute, obstacle: .noUnderlayRoute, warnings: ["noUnderlayRoute"]),
        VerdictVector(
            name: "a blackhole towards the peer", peer: "10.0.2.1/24",
            adding: [UnderlayRoute(destination: "10.0.2.0/24", link: 0, isUsable: false)],
            verdict: .unrouted, reason: .noRoute, obstacle: .noUnderlayRoute, warnings: ["noUnderlayRoute"]),
        VerdictVector(
            name: "a peer reached only through the tunnel itself", peer: "10.0.2.1/24",
            routes: [
                Host.connected("10.0.1.0/24"), UnderlayRoute(destination: "10.0.2.0/24", link: Host.tunnel.index),
            ],
            verdict: .unrouted, reason: .noRoute, obstacle: .noUnderlayRoute, warnings: ["noUnderlayRoute"]),
        VerdictVector(
            name: "a peer with this node's address", peer: "10.0.1.1/24",
            verdict: .unrouted, reason: .noRoute, obstacle: .duplicateAddress, warnings: ["duplicateAddress"]),
        VerdictVector(
            name: "a block around this node's address", pool: "10.0.0.0/8", block: "10.0.1.0/31",
            verdict: .unrouted, reason: .noRoute, obstacle: .containsOwnAddress,
            warnings: ["blockContainsNodeAddress"]),
        VerdictVector(
            name: "an own block around this node's address", pool: "10.0.0.0/8", block: "10.0.1.0/31", owner: "n1",
            verdict: .unrouted, reason: .noRoute, obstacle: .containsOwnAddress,
            warnings: ["blockContainsNodeAddress"]),
        VerdictVector(
            name: "this node's address borrowed by another", pool: "10.0.0.0/8", block: "10.0.1.1/32",
            verdict: .unrouted, reason: .noRoute, obstacle: .containsOwnAddress,
            warnings: ["blockContainsNodeAddress"]),
        VerdictVector(
            name: "a block around its node's address", peer: "10.0.2.1/24", pool: "10.0.0.0/8", block: "10.0.2.0/26",
            verdict: .unrouted, reason: .noRoute, obstacle: .containsPeerAddress,
            warnings: ["blockContainsNodeAddress"]),
        VerdictVector(
            name: "an own block around a peer's address", peer: "10.0.2.1/24", pool: "10.0.0.0/8", block: "10.0.2.0/26",
            owner: "n1", verdict: .unrouted, reason: .noRoute, obstacle: .containsPeerAddress,
            warnings: ["blockContainsNodeAddress"]),
    ]

    static let own: [VerdictVector] = [
        VerdictVector(
            name: "own block before Never", mode: .never, owner: "n1",
            verdict: .local, reason: .ownBlock, route: blackhole),
        VerdictVector(
            name: "own block before Always", mode: .always, owner: "n1",
            verdict: .local, reason: .ownBlock, route: blackhole),
        VerdictVector(
            name: "own block before a /32", local: "10.0.1.1/32", owner: "n1",
            verdict: .local, reason: .ownBlock, route: blackhole),
        VerdictVector(
            name: "an own block needs no underlay", mode: .always, owner: "n1", routes: [],
            verdict: .local, reason: .ownBlock, route: blackhole),
    ]

    static let byMode: [VerdictVector] = [
        VerdictVector(
            name: "Never, on the link", mode: .never,
            verdict: .direct, reason: .modeNever, route: direct("10.0.1.2")),
        VerdictVector(
            name: "Never, behind a gateway", peer: "10.0.2.1/24", mode: .never,
            verdict: .direct, reason: .modeNever, route: direct(Host.gateway), warnings: ["underlayMustRoute"]),
        VerdictVector(
            name: "Never, over another device", mode: .never, adding: [Host.connected("10.0.1.2/32", link: Host.eth1)],
            verdict: .direct, reason: .modeNever, route: direct("10.0.1.2", Host.eth1)),
        VerdictVector(
            name: "Never before a /32", peer: "10.0.1.2/32", mode: .never,
            verdict: .direct, reason: .modeNever, route: direct("10.0.1.2")),
        VerdictVector(
            name: "Always within a subnet", mode: .always,
            verdict: .tunnel, reason: .modeAlways, route: tunnel("10.0.1.2")),
        VerdictVector(
            name: "Always across subnets", peer: "10.0.2.1/24", mode: .always,
            verdict: .tunnel, reason: .modeAlways, route: tunnel("10.0.2.1")),
        VerdictVector(
            name: "Always before a /32", peer: "10.0.1.2/32", mode: .always,
            verdict: .tunnel, reason: .modeAlways, route: tunnel("10.0.1.2")),
    ]

    static let crossSubnet: [VerdictVector] = [
        VerdictVector(
            name: "the peer has a /32, inside this subnet", peer: "10.0.1.2/32",
            verdict: .tunnel, reason: .hostPrefix, route: tunnel("10.0.1.2"), warnings: ["hostPrefix"]),
        VerdictVector(
            name: "a /32 before different subnets", peer: "10.0.2.1/32",
            verdict: .tunnel, reason: .hostPrefix, route: tunnel("10.0.2.1"), warnings: ["hostPrefix"]),
        VerdictVector(
            name: "this node has a /32", local: "10.0.1.1/32",
            verdict: .tunnel, reason: .hostPrefix, route: tunnel("10.0.1.2"), warnings: ["hostPrefix"]),
        VerdictVector(
            name: "different subnets", peer: "10.0.2.1/24",
            verdict: .tunnel, reason: .differentSubnet, route: tunnel("10.0.2.1")),
        VerdictVector(
            name: "different subnets on one link", peer: "10.0.2.1/24", adding: [Host.connected("10.0.2.0/24")],
            verdict: .tunnel, reason: .differentSubnet, route: tunnel("10.0.2.1")),
        VerdictVector(
            name: "only the local prefix contains the other", local: "10.0.1.1/16", peer: "10.0.2.1/24",
            verdict: .tunnel, reason: .asymmetricPrefix, route: tunnel("10.0.2.1"), warnings: ["asymmetricPrefix"]),
        VerdictVector(
            name: "only the peer's prefix contains the other", peer: "10.0.2.1/16",
            verdict: .tunnel, reason: .asymmetricPrefix, route: tunnel("10.0.2.1"), warnings: ["asymmetricPrefix"]),
        VerdictVector(
            name: "the prefixes agree, the kernel has a gateway",
            adding: [UnderlayRoute(destination: "10.0.1.2/32", gateway: Host.gateway, link: Host.eth0.index)],
            verdict: .tunnel, reason: .notOnLink, route: tunnel("10.0.1.2"), warnings: ["notOnLink"]),
        VerdictVector(
            name: "the prefixes agree, the kernel has another device",
            adding: [Host.connected("10.0.1.2/32", link: Host.eth1)],
            verdict: .tunnel, reason: .notOnLink, route: tunnel("10.0.1.2"), warnings: ["notOnLink"]),
        VerdictVector(
            name: "one subnet", verdict: .direct, reason: .sameSubnet, route: direct("10.0.1.2")),
        VerdictVector(
            name: "prefixes of different length that contain each other's address", peer: "10.0.1.2/25",
            verdict: .direct, reason: .sameSubnet, route: direct("10.0.1.2")),
        VerdictVector(
            name: "two hosts on a /31", local: "10.0.1.2/31", peer: "10.0.1.3/31",
            verdict: .direct, reason: .sameSubnet, route: direct("10.0.1.3")),
    ]
}
