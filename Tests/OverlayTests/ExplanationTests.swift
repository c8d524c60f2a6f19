// `explain`: each reason told from the very decision that is applied, and as JSON that scripts can rely on.

import FoundationEssentials
import Net
import Overlay
import Testing

@Suite("Explanation")
struct ExplanationTests {
    private func explain(
        _ destination: IPv4Address, local: LocalNode, state: ClusterState, facts: HostFacts = Host.facts(),
        observed: [Route]? = nil
    ) -> Explanation {
        let topology = Topology(state)
        let desired = DesiredState(local: local, topology: topology, facts: facts)
        return Explanation(
            of: destination, local: local, topology: topology, facts: facts, desired: desired,
            observed: observed ?? desired.routes, tier: "userspace")
    }

    private func explain(_ vector: VerdictVector, observed: [Route]? = nil) -> Explanation {
        explain(
            vector.block.address, local: vector.localNode, state: vector.cluster, facts: vector.facts,
            observed: observed)
    }

    @Test("each vector is explained as it is decided", arguments: VerdictVector.all)
    func vector(_ vector: VerdictVector) {
        let told = explain(vector)
        #expect(told.verdict == vector.verdict && told.reason == vector.reason && told.obstacle == vector.obstacle)
        #expect(told.block == vector.block && told.node == vector.owner)
        #expect(told.via == vector.route.flatMap { $0.kind == .unicast ? $0.gateway : nil })
        #expect(told.installed == (vector.route != nil))
        #expect(!explain(vector, observed: []).installed)
        #expect((told.tier != nil) == (vector.verdict == .tunnel))
        switch vector.verdict {
        case .tunnel: #expect(told.device == "tunl0" && told.mtu == 1480)
        case .direct: #expect(told.device == (vector.route?.link == 2 ? "eth0" : "eth1"))
        case .local, .unrouted: #expect(told.device == nil && told.mtu == nil)
        }
        if vector.obstacle == .noPool {
            #expect(told.pool == nil || vector.pool.contains(vector.block.address))
        } else {
            #expect(told.pool == "pods" && told.mode == vector.mode && told.modeSource == "node")
            #expect(told.warnings.map(\.code) == vector.warnings)
        }
    }

    @Test("CrossSubnet shows all three of its conditions", arguments: VerdictVector.crossSubnet)
    func checks(_ vector: VerdictVector) {
        let checks = explain(vector).checks
        #expect(checks.map(\.check) == ["localPrefixContainsPeer", "peerPrefixContainsLocal", "peerIsOnLink"])
        if vector.reason == .sameSubnet { #expect(!checks.contains { !$0.holds }) }
        if vector.reason == .notOnLink { #expect(checks.map(\.holds) == [true, true, false]) }
        if vector.reason == .differentSubnet { #expect(checks.prefix(2).map(\.holds) == [false, false]) }
    }

    @Test("an address without a block, in a pool and in none")
    func noBlock() {
        let vector = VerdictVector.crossSubnet[0]
        let inPool = explain("10.244.9.9", local: vector.localNode, state: vector.cluster)
        #expect(
            inPool.reason == .noRoute && inPool.obstacle == .noBlock && inPool.pool == "pods" && inPool.block == nil)
        let outside = explain("192.0.2.1", local: vector.localNode, state: vector.cluster)
        #expect(outside.obstacle == .noPool && outside.pool == nil && outside.mode == nil && !outside.installed)
    }

    @Test("the pool's mode is named as the pool's")
    func modeSource() {
        let vector = VerdictVector.crossSubnet[0]
        let told = explain(
            "10.244.3.7", local: LocalNode(name: "n1", address: "10.0.1.1/24"), state: vector.cluster)
        #expect(told.mode == .never && told.modeSource == "pool" && told.reason == .modeNever)
    }

    @Test("a route that differs from the wanted one is not installed")
    func notInstalled() throws {
        let vector = try #require(VerdictVector.byMode.first)
        var other = try #require(vector.route)
        other.gateway = "10.0.1.9"
        #expect(!explain(vector, observed: [other]).installed)
    }

    @Test("a conflict is told where it bites")
    func conflict() throws {
        var vector = try #require(VerdictVector.byMode.first)
        vector.adding = [UnderlayRoute(destination: vector.block, gateway: "10.0.1.7", link: 2, routeProtocol: 12)]
        let told = explain(vector)
        #expect(!told.installed && told.warnings.map(\.code) == ["foreignRoute"])
    }

    @Test("a borrowed address without a route goes the way of the block around it, and that is said")
    func widerRoute() {
        var state = VerdictVector.crossSubnet[0].cluster
        state.blocks.append(Block(prefix: "10.244.3.7/32", node: "ghost"))
        let told = explain("10.244.3.7", local: LocalNode(name: "n1", address: "10.0.1.1/24"), state: state)
        #expect(told.obstacle == .noNode && told.node == "ghost")
        #expect(told.warnings.map(\.code) == ["unknownNode", "widerRoute"])
    }

    @Test("JSON has every key, sorted, with null for what does not apply")
    func json() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        func text(_ explanation: Explanation) throws -> String {
            String(decoding: try encoder.encode(explanation), as: UTF8.self)
        }
        let vector = try #require(VerdictVector.crossSubnet.first { $0.reason == .differentSubnet })
        let tunnel = """
            {"block":"10.244.3.0/26","checks":[\
            {"check":"localPrefixContainsPeer","detail":"10.0.1.0/24 does not contain 10.0.2.1","holds":false},\
            {"check":"peerPrefixContainsLocal","detail":"10.0.2.0/24 does not contain 10.0.1.1","holds":false},\
            {"check":"peerIsOnLink","detail":"kernel: 10.0.2.1 via 10.0.1.254 dev eth0","holds":false}],\
            "destination":"10.244.3.0","device":"tunl0","installed":true,"mode":"CrossSubnet","modeSource":"node",\
            "mtu":1480,"node":"n2","obstacle":null,"peerAddress":"10.0.2.1/24","pool":"pods","reason":"differentSubnet",\
            "tier":"userspace","verdict":"tunnel","via":"10.0.2.1","warnings":[]}
            """
        #expect(try text(explain(vector)) == tunnel)
        let unrouted = """
            {"block":null,"checks":[],"destination":"192.0.2.1","device":null,"installed":false,"mode":null,\
            "modeSource":null,"mtu":null,"node":null,"obstacle":"noPool","peerAddress":null,"pool":null,\
            "reason":"noRoute","tier":null,"verdict":"unrouted","via":null,"warnings":[]}
            """
        #expect(try text(explain("192.0.2.1", local: vector.localNode, state: vector.cluster)) == unrouted)
        let warned = try #require(VerdictVector.crossSubnet.first { $0.reason == .hostPrefix })
        #expect(try text(explain(warned)).contains(#""warnings":[{"code":"hostPrefix","message":"n2's address"#))
    }
}
