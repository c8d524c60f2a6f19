// Labs of these suites: with an agent on every node, ready before the test begins, and its logs told where it fails.

import Lab
import LinuxSystem
import Net
import Rtnetlink
import Testing

/// What the name of every lab of these suites begins with, followed by the number of this process.
let labStem = "e2e\(Host.processID)"
/// `rtm_protocol` of Poplin's routes.
let poplinRoute: UInt8 = 112
/// The protocol number of IP-in-IP.
let ipip: UInt8 = 4
/// The protocol number of ICMP.
let icmp: UInt8 = 1

extension LabSpecification {
    /// The documentation's network, under a name that no other lab has: n1 and n2 in one subnet, n3 in another.
    static func threeNodes(mode: LabMode? = nil, poolMode: LabMode = .crossSubnet) -> LabSpecification {
        .standard(name: Lab.uniqueName(stem), mode: mode, poolMode: poolMode)
    }

    /// n1 in one subnet and n3 in another: the least that tunnels.
    static func twoNodes(mode: LabMode? = nil, poolMode: LabMode = .crossSubnet) -> LabSpecification {
        var specification = threeNodes(mode: mode, poolMode: poolMode)
        specification.nodes.remove(at: 1)
        return specification
    }

    private static var stem: String { "e2e" }
}

/// Builds a lab, starts the agents of all its registered nodes, waits until they are ready, runs a body and takes the
/// lab down. Where something throws, the ends of the agents' logs are told as well. Nodes run the tiers of this run.
///
/// - Parameter ready: the nodes to wait for; nil for all that run an agent.
func withLab<Result>(
    _ specification: LabSpecification, ready: [String]? = nil, _ body: (Lab) throws -> Result
) throws -> Result {
    try withIdleLab(specification) { lab in
        try lab.startAgents()
        for node in ready ?? specification.nodes.filter(\.isRegistered).map(\.name) { try lab.waitReady(node) }
        return try body(lab)
    }
}

/// As `withLab`, without starting any agent.
func withIdleLab<Result>(_ specification: LabSpecification, _ body: (Lab) throws -> Result) throws -> Result {
    let lab = try Lab.up(specification.withTiers)
    defer {
        for problem in lab.down() { Issue.record("the lab could not be taken down: \(problem)") }
    }
    do {
        return try body(lab)
    } catch {
        for node in lab.specification.nodes where node.isRegistered {
            let end = lab.logTail(node.name, lines: 3)
            if !end.isEmpty { print("\(lab.name): the end of the log of \(node.name): \(end)") }
        }
        throw error
    }
}

extension Lab {
    /// Poplin's own routes in a node's main table.
    func ownRoutes(_ node: String) throws -> [RouteMessage] {
        try host(node).routes(filter: RouteFilter(routeProtocol: poplinRoute))
    }

    /// Poplin's own route to a prefix; nil where there is none.
    func ownRoute(_ node: String, to destination: IPv4Prefix) throws -> RouteMessage? {
        try ownRoutes(node).first { $0.destination == destination }
    }

    /// The first block of a node.
    func block(of node: String) throws -> IPv4Prefix {
        try #require(try self.node(node).blocks.first, "\(node) has no block")
    }

    /// The underlay address of a node.
    func underlay(_ node: String) throws -> IPv4Address { try self.node(node).address.address }

    /// How many packets a node's agent has dropped for a reason.
    func drops(_ node: String, _ reason: String) throws -> UInt64 {
        try #require(try status(node)?.drops?[reason], "\(node) counts no drops for \(reason)")
    }
}
