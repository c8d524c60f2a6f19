// Waiting for a condition with a bound, never for a time: what a slow machine needs is patience, not luck.

import LinuxSystem
import Testing

/// Something was waited for in vain.
struct WaitedInVain: Error, CustomStringConvertible {
    let description: String
}

/// Asks until a condition holds.
///
/// - Parameters:
///   - what: what is waited for, for the failure.
///   - seconds: the bound; reaching it fails the test.
func waitUntil(_ what: String, seconds: UInt64 = 30, _ condition: () throws -> Bool) throws {
    let deadline = Monotonic.now + seconds * 1_000_000_000
    while try !condition() {
        guard Monotonic.now < deadline else { throw WaitedInVain(description: "waited \(seconds) s for \(what)") }
        Monotonic.sleep(milliseconds: 5)
    }
}

/// Asks until a value is there.
func waitFor<Value>(_ what: String, seconds: UInt64 = 30, _ value: () throws -> Value?) throws -> Value {
    var found: Value?
    try waitUntil(what, seconds: seconds) {
        found = try value()
        return found != nil
    }
    guard let found else { throw WaitedInVain(description: "waited for \(what)") }
    return found
}
