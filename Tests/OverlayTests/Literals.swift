// Addresses as literals, so that a table of cases reads like `ip route`; a misspelt one ends the test run.

public import Net

extension IPv4Address: ExpressibleByStringLiteral {
    public init(stringLiteral text: String) {
        guard let address = IPv4Address(text) else { preconditionFailure("not an address: \(text)") }
        self = address
    }
}

extension IPv4Prefix: ExpressibleByStringLiteral {
    public init(stringLiteral text: String) {
        guard let prefix = IPv4Prefix(text) else { preconditionFailure("not a prefix: \(text)") }
        self = prefix
    }
}

extension IPv4InterfaceAddress: ExpressibleByStringLiteral {
    public init(stringLiteral text: String) {
        guard let address = IPv4InterfaceAddress(text) else { preconditionFailure("not an interface address: \(text)") }
        self = address
    }
}
