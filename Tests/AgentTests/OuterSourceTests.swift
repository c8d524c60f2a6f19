// The computed outer source beside the kernel's own answer, in namespaces with odd addresses and routes.

import Dataplane
import LinuxSystem
import Net
import Overlay
import Rtnetlink
import TestSupport
import Testing

@Suite("The kernel's choice of the outer source", .needsNamespaces)
struct OuterSourceTests {
    struct Scene: Sendable, CustomTestStringConvertible {
        var testDescription: String
        /// Arguments of `ip`.
        var commands: [String]
    }

    static let scenes = [
        Scene(testDescription: "one address", commands: ["address add 10.0.1.1/24 dev v0"]),
        Scene(
            testDescription: "a second address of the subnet",
            commands: ["address add 10.0.1.1/24 dev v0", "address add 10.0.1.2/24 dev v0"]),
        Scene(
            testDescription: "the other order",
            commands: ["address add 10.0.1.2/24 dev v0", "address add 10.0.1.1/24 dev v0"]),
        Scene(
            testDescription: "an address of another subnet before it",
            commands: ["address add 192.168.7.1/24 dev v0", "address add 10.0.1.1/24 dev v0"]),
        Scene(
            testDescription: "a /32 before it",
            commands: ["address add 10.0.1.9/32 dev v0", "address add 10.0.1.1/24 dev v0"]),
        Scene(
            testDescription: "a link-scope address before it",
            commands: ["address add 169.254.1.1/16 dev v0 scope link", "address add 10.0.1.1/24 dev v0"]),
        Scene(
            testDescription: "a route with a source",
            commands: [
                "address add 10.0.1.1/24 dev v0", "address add 10.0.1.9/32 dev v0",
                "route add 10.0.2.0/24 via 10.0.1.254 src 10.0.1.9",
            ]),
        Scene(
            testDescription: "a route on the link without a source",
            commands: [
                "address add 192.168.7.1/24 dev v0", "address add 10.0.1.1/24 dev v0", "route add 10.0.2.0/24 dev v0",
            ]),
        Scene(
            testDescription: "a gateway that is on the link by word alone",
            commands: [
                "address add 192.168.7.1/24 dev v0", "address add 10.0.1.1/32 dev v0",
                "route add 10.0.2.0/24 via 172.16.0.1 dev v0 onlink",
            ]),
        Scene(
            testDescription: "a device without addresses",
            commands: [
                "address add 10.0.1.1/32 dev lo", "route add 10.0.2.0/24 dev v0",
                "route add 10.0.1.0/24 via 10.9.9.9 dev v0 onlink",
            ]),
        Scene(testDescription: "no route at all", commands: ["address add 10.9.1.1/24 dev v0"]),
    ]

    @Test("It is computed as the kernel computes it", arguments: scenes)
    func agrees(scene: Scene) throws {
        let name = "poplin-source-\(Host.processID)-\(UInt32.random(in: 0 ... .max))"
        try NetworkNamespace.create(name)
        defer { try? NetworkNamespace.delete(name) }
        let setup = ["link set lo up", "link add v0 type veth peer name v1", "link set v0 up", "link set v1 up"]
        // A default route last, where the scene lets it be.
        for command in setup + scene.commands + ["route add default via 10.0.1.254"] {
            let result = try ChildProcess.run("ip", ["-n", name] + command.split(separator: " ").map(String.init))
            #expect(result.status.isSuccess || command.hasSuffix("254"), "\(command): \(result.errors)")
        }
        try NetworkNamespace.run(in: name) {
            var netlink = try NetlinkSocket()
            let facts = try HostReader.read(&netlink, device: "tunl0").facts
            let local = LocalNode(name: "n1", address: interface("10.0.1.1/24"))
            let source = OuterSource(underlay: Underlay(facts: facts, local: local), facts: facts)
            for peer in ["10.0.1.77", "10.0.2.1", "10.0.3.1", "192.168.7.9"].map(address) {
                let kernel = try? netlink.routeGet(peer)?.source
                #expect(source.address(to: peer) == kernel, "\(peer)")
            }
        }
    }
}

private func address(_ text: String) -> IPv4Address { IPv4Address(text) ?? .any }

private func interface(_ text: String) -> IPv4InterfaceAddress {
    IPv4InterfaceAddress(text) ?? IPv4InterfaceAddress(address: .any, prefixLength: 0)
}
