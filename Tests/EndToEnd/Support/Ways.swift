// The two sides of a verdict: what stands in the kernel's table, and what a sniffer sees of the packets themselves.

import Lab
import Net
import Rtnetlink
import Testing

/// How packets for another node's block travel.
enum Way: Hashable, Sendable {
    case tunnel
    /// Plain, with the peer itself as the next hop.
    case direct
    /// Plain, through the router.
    case routed

    var verdict: String { self == .tunnel ? "tunnel" : "direct" }
}

extension Lab {
    /// Waits until a node's kernel routes another's first block in a way, and checks every attribute.
    ///
    /// - Parameter underlay: the node's device for what goes plain.
    func expectRoute(
        _ node: String, to peer: String, _ way: Way, over underlay: String = "eth0",
        location: SourceLocation = #_sourceLocation
    ) throws {
        let block = try block(of: peer)
        let device = try host(node).linkIndex(way == .tunnel ? "tunl0" : underlay)
        let gateway = way == .routed ? try gateway(of: node) : try self.underlay(peer)
        let found: RouteMessage
        do {
            found = try waitFor("a \(way) route from \(node) to \(peer)") {
                try ownRoute(node, to: block).flatMap { $0.link == device && $0.gateway == gateway ? $0 : nil }
            }
        } catch {
            Issue.record("\(error), and \(node) has \(try ownRoutes(node))", sourceLocation: location)
            return
        }
        #expect(found.kind == .unicast && found.metric == 0 && found.mtu == 0, sourceLocation: location)
        #expect(found.flags.contains(.onlink) == (way == .tunnel), sourceLocation: location)
        let source = way == .tunnel ? try self.node(node).tunnelAddress ?? .any : .any
        #expect(found.source == source, "\(node) to \(peer)", sourceLocation: location)
    }

    /// Waits until a node's agent gives a verdict with a reason for another node.
    func expectVerdict(
        _ node: String, to peer: String, _ way: Way, _ reason: String, warns: Bool = false,
        location: SourceLocation = #_sourceLocation
    ) throws {
        var last: AgentStatus.Peer?
        do {
            let status = try waitStatus(node, "\(way), \(reason) for \(peer)") {
                last = $0.peer(peer)
                return last?.verdict == way.verdict && last?.reason == reason
            }
            let codes = (status.warnings ?? []).filter { $0.message.contains(peer) }.map(\.code)
            #expect(codes.contains(reason) == warns, "\(node) warns of \(codes)", sourceLocation: location)
        } catch {
            Issue.record("\(error): the last was \(String(describing: last))", sourceLocation: location)
        }
    }

    /// Pings between two nodes' workloads and counts what the nodes hand to the router.
    ///
    /// - Parameters:
    ///   - forth: how the requests travel.
    ///   - back: how the replies do.
    func expectTraffic(
        from node: String, to peer: String, forth: Way, back: Way, location: SourceLocation = #_sourceLocation
    ) throws {
        let count = 3
        let (source, target) = (try workload(of: node), try workload(of: peer))
        let (outer, inner) = ((try underlay(node), try underlay(peer)), (source.address, target.address))
        let sniffer = try #require(sniffer)
        sniffer.clear()
        let report = try ping(from: source.name, to: target.name, count: count)
        #expect(report.isComplete, "\(node) to \(peer): \(report.summary)", sourceLocation: location)
        let counts = sniffer.counts()
        for (way, tunnelled, plain, what) in [
            (forth, counts.ipip(from: outer.0, to: outer.1), counts.plain(from: inner.0, to: inner.1), "requests"),
            (back, counts.ipip(from: outer.1, to: outer.0), counts.plain(from: inner.1, to: inner.0), "replies"),
        ] {
            let comment: Comment = "\(node) to \(peer), \(what): \(tunnelled) in IP-in-IP, \(plain) plain"
            #expect(tunnelled == (way == .tunnel ? count : 0), comment, sourceLocation: location)
            #expect(plain == (way == .tunnel ? 0 : count), comment, sourceLocation: location)
        }
    }

    /// A node's first workload.
    func workload(of node: String) throws -> WorkloadSpecification {
        try #require(try self.node(node).workloads.first, "\(node) has no workload")
    }

    /// The router's address in a node's subnet.
    func gateway(of node: String) throws -> IPv4Address {
        let name = try self.node(node).subnet
        return try #require(specification.subnets.first { $0.name == name }?.gateway.address)
    }
}
