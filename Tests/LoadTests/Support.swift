// What the load tests share: a lab in which plain routing works, and short words for its addresses.

import Lab
import Load
import Net

extension LabSpecification {
    /// The standard network with every node forwarding and the router knowing the blocks.
    static func routed(_ stem: String = "load") -> LabSpecification {
        var specification = LabSpecification.standard(name: Lab.uniqueName(stem))
        specification.nodesForward = true
        specification.routerKnowsBlocks = true
        return specification
    }
}

func address(_ text: String) -> IPv4Address { IPv4Address(text) ?? .any }

extension LoadPeriod {
    /// Long enough for something to arrive.
    static let short = LoadPeriod(warmUpMilliseconds: 50, milliseconds: 150)
    /// Longer than any test.
    static let endless = LoadPeriod(warmUpMilliseconds: 600_000, milliseconds: 600_000)
}
