// Finding the underlay address: one answer, or an error that lists what there is.

import Net
import Overlay
import Testing

@testable import Agent

@Suite struct ConfigAddressTests {
    /// A host by `DEVICE ADDRESS` lines and `DESTINATION GATEWAY DEVICE METRIC` routes, `-` for no gateway.
    private func host(_ addresses: [String], _ routes: [String] = []) throws -> HostFacts {
        var facts = HostFacts()
        func index(_ name: some StringProtocol) -> Int32 {
            if let link = facts.links.first(where: { $0.name == name }) { return link.index }
            let link = Link(index: Int32(facts.links.count + 1), name: String(name), mtu: 1500, isUp: true)
            facts.links.append(link)
            return link.index
        }
        for line in addresses {
            let parts = line.split(separator: " ")
            let address = try #require(IPv4InterfaceAddress(parts[1]))
            facts.addresses.append(LinkAddress(link: index(parts[0]), address: address))
        }
        for line in routes {
            let parts = line.split(separator: " ")
            facts.underlayRoutes.append(
                UnderlayRoute(
                    destination: try #require(IPv4Prefix(parts[0])), gateway: IPv4Address(parts[1]),
                    link: index(parts[2]), metric: try #require(UInt32(parts[3]))))
        }
        return facts
    }

    private let plain = ["lo 127.0.0.1/8", "eth0 10.0.1.1/24", "eth1 192.168.7.1/24", "tunl0 10.244.1.1/32"]
    private let routes = ["0.0.0.0/0 10.0.1.254 eth0 100", "192.168.0.0/16 192.168.7.254 eth1 0"]

    @Test(
        "Each source finds the one address",
        arguments: [
            ("defaultRoute", "10.0.1.1/24"), ("interface eth1", "192.168.7.1/24"), ("interface eth[01]0?", "error"),
            ("interface eth", "error"), ("interface .*1", "192.168.7.1/24"),
            ("canReach 192.168.99.1", "192.168.7.1/24"),
            ("canReach 8.8.8.8", "10.0.1.1/24"), ("cidr 192.168.0.0/16", "192.168.7.1/24"),
            ("cidr 10.0.0.0/8", "10.0.1.1/24"),
            ("cidr 0.0.0.0/0", "error"), ("cidr 172.16.0.0/12", "error"), ("interface tunl0", "error"),
            ("interface lo", "error"),
        ])
    func sources(source: String, answer: String) throws {
        let parts = source.split(separator: " ")
        let from: AddressSource
        switch parts[0] {
        case "interface": from = .interface(pattern: String(parts[1]))
        case "canReach": from = .canReach(try #require(IPv4Address(parts[1])))
        case "cidr": from = .cidr(try #require(IPv4Prefix(parts[1])))
        default: from = .defaultRoute
        }
        let facts = try host(plain, routes)
        let found = (try? from.detect(in: facts, tunnelDevice: "tunl0"))?.description ?? "error"
        #expect(found == answer)
    }

    @Test("A /32 beside a wider address is passed over; alone it is the address")
    func virtualAddress() throws {
        let both = try host(["eth0 10.0.1.50/32", "eth0 10.0.1.1/24"], ["0.0.0.0/0 10.0.1.254 eth0 0"])
        #expect(try AddressSource.defaultRoute.detect(in: both, tunnelDevice: "t").description == "10.0.1.1/24")
        let alone = try host(["eth0 10.0.1.50/32"], ["0.0.0.0/0 10.0.1.254 eth0 0"])
        #expect(try AddressSource.defaultRoute.detect(in: alone, tunnelDevice: "t").description == "10.0.1.50/32")
        // What is left of a tunnel device that had another name.
        let copy = try host(["eth0 10.0.1.1/24", "old0 10.0.1.1/32"])
        let everything = AddressSource.cidr(try #require(IPv4Prefix("10.0.0.0/8")))
        #expect(try everything.detect(in: copy, tunnelDevice: "tunl0").description == "10.0.1.1/24")
    }

    @Test("Never a guess: two addresses, two default routes or none are errors that list the candidates")
    func ambiguous() throws {
        let cases: [(HostFacts, String, [String])] = [
            (
                try host(["eth0 10.0.1.1/24", "eth0 10.0.1.2/24"], ["0.0.0.0/0 10.0.1.254 eth0 0"]), "more than one",
                ["10.0.1.1/24 on eth0", "10.0.1.2/24 on eth0"]
            ),
            (
                try host(plain, ["0.0.0.0/0 10.0.1.254 eth0 5", "0.0.0.0/0 192.168.7.254 eth1 5"]), "several equal",
                ["10.0.1.1/24 on eth0", "192.168.7.1/24 on eth1"]
            ),
            (try host(plain), "no default route", ["10.0.1.1/24 on eth0", "192.168.7.1/24 on eth1"]),
            (try host(["lo 127.0.0.1/8"]), "no default route", []),
        ]
        for (facts, problem, candidates) in cases {
            let error = #expect(throws: AddressDetectionError.self) {
                try AddressSource.defaultRoute.detect(in: facts, tunnelDevice: "tunl0")
            }
            #expect(error?.candidates == candidates)
            #expect(error?.description.contains(problem) == true, "\(String(describing: error))")
        }
    }

    @Test("The lowest metric decides between default routes, and the gateway's subnet between addresses")
    func decided() throws {
        let metrics = try host(plain, ["0.0.0.0/0 10.0.1.254 eth0 200", "0.0.0.0/0 192.168.7.254 eth1 100"])
        #expect(try AddressSource.defaultRoute.detect(in: metrics, tunnelDevice: "t").description == "192.168.7.1/24")
        let subnets = try host(["eth0 10.0.1.1/24", "eth0 10.9.0.1/24"], ["0.0.0.0/0 10.9.0.254 eth0 0"])
        #expect(try AddressSource.defaultRoute.detect(in: subnets, tunnelDevice: "t").description == "10.9.0.1/24")
    }

    @Test("A config with an address needs no detection")
    func localNode() throws {
        var config = NodeConfig(node: "n1")
        #expect(throws: AddressDetectionError.self) { try config.localNode(facts: HostFacts()) }
        config.address = IPv4InterfaceAddress("10.0.1.1/24")
        config.tunnelMTU = 1400
        config.ipipMode = .always
        let local = try config.localNode(facts: HostFacts())
        #expect(local.name == "n1" && local.tunnelMTU == 1400 && local.ipipMode == .always)
        #expect(local.address.description == "10.0.1.1/24" && local.tunnelDevice == "tunl0")
    }
}
