// Resources of Calico's v3 schema, one rule after the other.

import Net
import Overlay
import Testing

@testable import Datastore

@Suite struct ResourceTests {
    @Test("A node, a pool and a block are read with all that is used")
    func complete() throws {
        let found = outcomes(
            Sample.stream(
                Sample.node("n1", "10.0.1.1/24", extra: "\n    ipv4IPIPTunnelAddr: 10.244.1.1"),
                Sample.pool(
                    "pods", "10.244.0.0/16", "ipipMode: CrossSubnet", "blockSize: 28", "natOutgoing: true",
                    "disabled: true"),
                Sample.block("b1", "10.244.1.0/26", node: "n1", "state: confirmed")))
        #expect(found.errors == [])
        #expect(found.notes == [])
        let values = found.resources.map(\.value)
        let address = try #require(IPv4InterfaceAddress("10.0.1.1/24"))
        let pool = try #require(IPv4Prefix("10.244.0.0/16"))
        let block = try #require(IPv4Prefix("10.244.1.0/26"))
        #expect(
            values == [
                .node(Node(name: "n1", address: address, tunnelAddress: IPv4Address("10.244.1.1"))),
                .pool(
                    Pool(
                        name: "pods", prefix: pool, ipipMode: .crossSubnet, blockSize: 28, natOutgoing: true,
                        disabled: true)),
                .block(Block(prefix: block, node: "n1")),
            ])
    }

    @Test("Defaults are Calico's")
    func defaults() throws {
        let found = outcomes(Sample.pool("pods", "10.244.0.0/16"))
        let prefix = try #require(IPv4Prefix("10.244.0.0/16"))
        #expect(found.resources.map(\.value) == [.pool(Pool(name: "pods", prefix: prefix))])
    }

    @Test("A creation time becomes the block's age")
    func age() {
        let text = Sample.block("b", "10.0.0.0/26", node: "n").split(separator: "{name: b}").joined(
            separator: "{name: b, creationTimestamp: 1970-01-01T00:01:00Z}")
        guard case .block(let block)? = outcomes(text).resources.first?.value else {
            Issue.record("no block")
            return
        }
        #expect(block.created == 60)
    }

    @Test(
        "Each field that is wrong is refused with its line, its path and a remedy",
        arguments: [
            ("just text", 1, "", "must be a mapping"), ("- a\n", 1, "", "must be a mapping"),
            ("kind: Node\n", 1, "apiVersion", "is missing"),
            ("apiVersion: projectcalico.org/v3\n", 1, "kind", "is missing"),
            ("apiVersion: projectcalico.org/v3\nkind: [Node]\n", 2, "kind", "must be text"),
            (
                "apiVersion: projectcalico.org/v4\nkind: Node\nmetadata: {name: n}\nspec: {}\n", 1, "apiVersion",
                "not known"
            ),
            ("apiVersion: projectcalico.org/v3\nkind: Node\nspec: {}\n", 1, "metadata", "is missing"),
            ("apiVersion: projectcalico.org/v3\nkind: Node\nmetadata: {name: n}\nspec:\n", 4, "spec", "has no value"),
            (
                "apiVersion: projectcalico.org/v3\nkind: Node\nmetadata: {}\nspec: {}\n", 3, "metadata.name",
                "is missing"
            ),
            (Sample.node("N1", "10.0.0.1/24"), 4, "metadata.name", "characters"),
            (Sample.node("-n", "10.0.0.1/24"), 4, "metadata.name", "begins or ends"),
            (Sample.node("7", "10.0.0.1/24"), 4, "metadata.name", "must be text"),
            (Sample.node("a..b", "10.0.0.1/24"), 4, "metadata.name", "empty part"),
            (Sample.node(String(repeating: "a", count: 254), "10.0.0.1/24"), 4, "metadata.name", "longer"),
            (Sample.node("n", "10.0.0.256/24"), 7, "spec.bgp.ipv4Address", "no IPv4 address"),
            (Sample.node("n", "10.0.0.1/33"), 7, "spec.bgp.ipv4Address", "no IPv4 address"),
            (Sample.node("n", "fd00::1/64"), 7, "spec.bgp.ipv4Address", "no IPv4 address"),
            (Sample.node("n", "12"), 7, "spec.bgp.ipv4Address", "must be text"),
            (Sample.node("n", "{a: b}"), 7, "spec.bgp.ipv4Address", "must be text"),
            (Sample.node("n", "10.0.0.0/24"), 7, "spec.bgp.ipv4Address", "network's own"),
            (Sample.node("n", "10.0.0.255/24"), 7, "spec.bgp.ipv4Address", "broadcast"),
            (Sample.node("n", "127.0.0.1/8"), 7, "spec.bgp.ipv4Address", "loopback"),
            (Sample.node("n", "224.0.0.5/24"), 7, "spec.bgp.ipv4Address", "multicast"),
            (Sample.node("n", "0.0.0.0/0"), 7, "spec.bgp.ipv4Address", "no host's"),
            (Sample.node("n", "255.255.255.255"), 7, "spec.bgp.ipv4Address", "reserved"),
            (
                Sample.node("n", "10.0.0.1/24", extra: "\n    ipv4IPIPTunnelAddr: 10.1.1.1/32"), 8,
                "spec.bgp.ipv4IPIPTunnelAddr", "no IPv4 address"
            ),
            (Sample.pool("p", "10.244.0.1/16"), 5, "spec.cidr", "host bits"),
            (Sample.pool("p", "10.244.0.0"), 5, "spec.cidr", "no IPv4 prefix"),
            (Sample.pool("p", "0.0.0.0/0"), 5, "spec.cidr", "every address"),
            (Sample.pool("p", "127.1.0.0/16"), 5, "spec.cidr", "loopback"),
            (Sample.pool("p", "10.0.0.0/16", "ipipMode: crosssubnet"), 6, "spec.ipipMode", "is no mode"),
            (Sample.pool("p", "10.0.0.0/16", "ipipMode: true"), 6, "spec.ipipMode", "must be text"),
            (Sample.pool("p", "10.0.0.0/16", "blockSize: 19"), 6, "spec.blockSize", "out of range"),
            (Sample.pool("p", "10.0.0.0/16", "blockSize: 33"), 6, "spec.blockSize", "out of range"),
            (Sample.pool("p", "10.0.0.0/16", "blockSize: '26'"), 6, "spec.blockSize", "whole number"),
            (Sample.pool("p", "10.0.0.0/16", "blockSize: 26.5"), 6, "spec.blockSize", "whole number"),
            (Sample.pool("p", "10.0.0.0/28"), 5, "spec.cidr", "do not fit"),
            (Sample.pool("p", "10.0.0.0/24", "blockSize: 22"), 6, "spec.blockSize", "do not fit"),
            (Sample.pool("p", "10.0.0.0/16", "natOutgoing: yes"), 6, "spec.natOutgoing", "true or false"),
            (Sample.pool("p", "10.0.0.0/16", "disabled: 1"), 6, "spec.disabled", "true or false"),
            (Sample.pool("p", "10.0.0.0/16", "ipipMode: Always", "vxlanMode: Always"), 7, "spec.vxlanMode", "as well"),
            (Sample.block("b", "10.0.0.0/26", node: ""), 6, "spec.node", "has no value"),
            (Sample.block("b", "10.0.0.0/26", node: "a_b"), 6, "spec.node", "characters"),
            (Sample.block("b", "10.0.0.3/26", node: "n"), 5, "spec.cidr", "host bits"),
            (Sample.block("b", "10.0.0.0/26", node: "n", "state: {}"), 7, "spec.state", "must be text"),
        ] as [(String, Int, String, String)])
    func refused(text: String, line: Int, field: String, problem: String) throws {
        let found = outcomes(text)
        #expect(found.resources.isEmpty)
        let error = try #require(found.errors.first)
        #expect(error.file == "f.yaml")
        #expect(error.line == line, "\(error)")
        #expect(error.field == field, "\(error)")
        #expect(error.problem.contains(problem), "\(error)")
    }

    @Test("All mistakes of one resource are told at once")
    func several() {
        let text = Sample.pool("p", "10.0.0.1/16", "ipipMode: No", "blockSize: x", "natOutgoing: 3")
        #expect(
            outcomes(text).errors.map(\.field) == ["spec.cidr", "spec.ipipMode", "spec.blockSize", "spec.natOutgoing"])
    }

    @Test(
        "What is not used is passed over with one note",
        arguments: [
            ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n", "ConfigMap of v1"),
            ("apiVersion: projectcalico.org/v3\nkind: FelixConfiguration\n", "FelixConfiguration"),
            ("apiVersion: projectcalico.org/v3\nkind: ippool\n", "did you mean IPPool?"),
            (Sample.pool("p", "fd00::/48"), "IPv6"), (Sample.block("b", "fd00::/122", node: "n"), "IPv6"),
            (Sample.block("b", "10.0.0.0/26", node: "n", "state: pending"), "state pending"),
            ("apiVersion: projectcalico.org/v3\nkind: Node\nmetadata: {name: n}\nspec: {}\n", "no spec.bgp"),
            (
                "apiVersion: projectcalico.org/v3\nkind: Node\nmetadata: {name: n}\nspec:\n  bgp: {ipv6Address: 'fd00::1/64'}\n",
                "no spec.bgp.ipv4Address"
            ),
        ])
    func ignored(text: String, note: String) {
        let found = outcomes(text)
        #expect(found.resources.isEmpty && found.errors.isEmpty)
        #expect(found.notes.contains { $0.contains(note) }, "\(found.notes)")
    }

    @Test("A claim that is marked deleted is not used", arguments: ["deleted: \"true\"", "deleted: true"])
    func deleted(field: String) {
        let found = outcomes(Sample.block("b", "10.0.0.0/26", node: "n", field))
        #expect(found.resources.isEmpty && found.errors.isEmpty)
        #expect(outcomes(Sample.block("b", "10.0.0.0/26", node: "n", "deleted: 'false'")).resources.count == 1)
    }

    @Test("An unknown field in many resources is one note with a count and the first place")
    func counted() {
        let text = (1...50).map { Sample.pool("p\($0)", "10.\($0).0.0/16", "allowedUses: [Workload]") }
            .joined(separator: "---\n")
        let found = outcomes(text)
        #expect(found.resources.count == 50)
        #expect(found.notes == ["f.yaml:6: IPPool spec.allowedUses is not used (50 times, first here)"])
    }

    @Test("A list of resources is as good as a stream")
    func list() {
        let text = """
            apiVersion: projectcalico.org/v3
            kind: NodeList
            items:
            - apiVersion: projectcalico.org/v3
              kind: Node
              metadata: {name: a}
              spec: {bgp: {ipv4Address: 10.0.0.1/24}}
            - apiVersion: projectcalico.org/v3
              kind: Node
              metadata: {name: b}
              spec: {bgp: {ipv4Address: nonsense}}
            """
        let found = outcomes(text)
        #expect(found.resources.map(\.name) == ["a"])
        #expect(found.errors.map(\.line) == [11])
        #expect(found.errors.first?.field == "items[1].spec.bgp.ipv4Address")
    }
}
