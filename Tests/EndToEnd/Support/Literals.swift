// Addresses as text; one that is none ends the test with its text instead of passing for another.

import Net
import Testing

func address(_ text: String, _ location: SourceLocation = #_sourceLocation) -> IPv4Address {
    literal(IPv4Address(text), text, location) ?? .any
}

func interface(_ text: String, _ location: SourceLocation = #_sourceLocation) -> IPv4InterfaceAddress {
    literal(IPv4InterfaceAddress(text), text, location) ?? IPv4InterfaceAddress(address: .any, prefixLength: 0)
}

func prefix(_ text: String, _ location: SourceLocation = #_sourceLocation) -> IPv4Prefix {
    literal(IPv4Prefix(text), text, location) ?? IPv4Prefix(containing: .any, length: 0)
}

private func literal<Value>(_ value: Value?, _ text: String, _ location: SourceLocation) -> Value? {
    if value == nil { Issue.record("\(text) is no such literal", sourceLocation: location) }
    return value
}
