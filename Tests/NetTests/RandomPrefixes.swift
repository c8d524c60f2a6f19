// Random addresses and prefixes for the tests of this folder.

import Net
import TestSupport

extension SeededGenerator {
    mutating func address() -> IPv4Address {
        IPv4Address(rawValue: .random(in: 0 ... .max, using: &self))
    }

    mutating func prefix(lengths: ClosedRange<UInt8>) -> IPv4Prefix {
        IPv4Prefix(containing: address(), length: .random(in: lengths, using: &self))
    }
}
