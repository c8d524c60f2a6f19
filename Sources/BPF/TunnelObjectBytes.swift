// The object that the build makes of the tunnel's programs, as bytes again.

extension TunnelObject {
    /// The object file.
    static var bytes: [UInt8] {
        hexadecimal.withUTF8Buffer { digits in
            stride(from: 0, to: digits.count - 1, by: 2).map { unsafe value(digits[$0]) << 4 | value(digits[$0 + 1]) }
        }
    }

    private static func value(_ digit: UInt8) -> UInt8 {
        digit < UInt8(ascii: "a") ? digit - UInt8(ascii: "0") : digit - UInt8(ascii: "a") + 10
    }
}
