// What the lab's tests share: when they can run, and a lab in which plain routing works without any agent.

import Lab
import LinuxSystem
import Net

extension LabSpecification {
    /// The standard network with every node forwarding and the router knowing the blocks.
    static func routed(_ stem: String = "t") -> LabSpecification {
        var specification = LabSpecification.standard(name: Lab.uniqueName(stem))
        specification.nodesForward = true
        specification.routerKnowsBlocks = true
        return specification
    }
}

func address(_ text: String) -> IPv4Address { IPv4Address(text) ?? .any }
func interface(_ text: String) -> IPv4InterfaceAddress {
    IPv4InterfaceAddress(text) ?? IPv4InterfaceAddress(address: .any, prefixLength: 0)
}
func prefix(_ text: String) -> IPv4Prefix { IPv4Prefix(text) ?? IPv4Prefix(containing: .any, length: 0) }

/// The namespaces on this host that belong to a lab.
func namespaces(of lab: String) throws -> [String] {
    try NetworkNamespace.list().filter { $0.hasPrefix("poplin-\(lab)-") }
}
