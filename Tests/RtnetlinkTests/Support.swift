// Annotated hex for goldens, and a generator whose runs can be repeated.

import Net

@testable import Rtnetlink

/// Bytes written as hex; blanks and everything from `#` to the end of a line do not count.
func hex(_ text: String) -> [UInt8] {
    var digits: [UInt8] = []
    for line in text.split(separator: "\n") {
        let code = line.prefix { $0 != "#" }
        digits += code.compactMap { $0.hexDigitValue.map(UInt8.init) }
    }
    return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}

/// What is sent for a request, numbered 7.
func encoded(_ request: NetlinkRequest) -> [UInt8] {
    var buffer = RequestBuffer()
    request.encode(into: &buffer)
    return [UInt8](buffer.chunk(from: 0, byteLimit: .max, countLimit: 1, sequence: 7).bytes)
}

/// Decodes the first message of `bytes`.
func decoded<Value>(_ bytes: [UInt8], _ decode: (Message) -> Value?) -> Value? {
    bytes.withUnsafeBytes { raw in
        var messages = Messages(raw)
        return messages.next().flatMap(decode)
    }
}

/// A prefix or an address written in a test; a slip of the pen becomes 0.0.0.0.
func prefix(_ text: String) -> IPv4Prefix { IPv4Prefix(text) ?? IPv4Prefix(containing: .any, length: 0) }
func address(_ text: String) -> IPv4Address { IPv4Address(text) ?? .any }
func interfaceAddress(_ text: String) -> IPv4InterfaceAddress {
    IPv4InterfaceAddress(text) ?? IPv4InterfaceAddress(address: .any, prefixLength: 0)
}

/// Performs a request that should fail; nil where it succeeded. Not a closure for `#expect(throws:)`: one that captures
/// an inout socket crashes the Swift 6.3.1 compiler.
func failure(of request: NetlinkRequest, on socket: inout NetlinkSocket) -> NetlinkError? {
    do throws(NetlinkError) {
        try socket.perform(request)
        return nil
    } catch {
        return error
    }
}
