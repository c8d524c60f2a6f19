// A Node's fields: who it is to others, and the address of its tunnel device.

internal import Net
internal import Overlay

extension ResourceReader {
    /// Nil with errors is refused; nil without is a node that is no peer, which is noted.
    mutating func node(_ spec: YAMLMapping, _ metadata: YAMLMapping, name: String) -> Node? {
        checkKeys(of: spec, used: ["bgp"], .node, "spec")
        if isStrict { checkStoredFields(ofNode: spec, metadata) }
        guard let value = spec["bgp"] else {
            note("Node \(name) has no spec.bgp: it is no peer", at: spec.owner.place)
            return nil
        }
        guard let bgp = take({ () throws(SourceError) in try value.mapping() }) else { return nil }
        checkKeys(of: bgp, used: ["ipv4Address", "ipv4IPIPTunnelAddr"], .node, "spec.bgp")
        guard let addressValue = bgp["ipv4Address"] else {
            note("Node \(name) has no spec.bgp.ipv4Address: it is no peer", at: bgp.owner.place)
            return nil
        }
        let address = take { () throws(SourceError) in
            let text = try addressValue.string()
            guard let address = IPv4InterfaceAddress(text) else {
                throw addressValue.error(
                    "\(printable(text)) is no IPv4 address with prefix", "write it like 10.0.1.1/24")
            }
            if let problem = NodeRules.problem(withAddress: address) {
                throw addressValue.error(problem, "write the node's underlay address with its prefix")
            }
            return address
        }
        let tunnelAddress = bgp["ipv4IPIPTunnelAddr"].flatMap { value in
            take { () throws(SourceError) in
                let text = try value.string()
                guard let address = IPv4Address(text) else {
                    throw value.error("\(printable(text)) is no IPv4 address", "write it like 10.244.1.1")
                }
                if let problem = NodeRules.problem(
                    withAddress: IPv4InterfaceAddress(address: address, prefixLength: 32))
                {
                    throw value.error(problem, "write an address of one of the node's blocks")
                }
                return address
            }
        }
        guard let address else { return nil }
        return Node(name: name, address: address, tunnelAddress: tunnelAddress)
    }
}
