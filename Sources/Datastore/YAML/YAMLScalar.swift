// How text is written as a YAML scalar so that every reader, of YAML 1.1 too, takes it for the same text.

/// Scalars that are text.
package enum YAMLScalar {
    /// `text` as it is where nobody can take it for anything else, else in quotes.
    package static func render(_ text: String) -> String {
        if isPlainSafe(text), !isTyped(text) { return text }
        return text.unicodeScalars.allSatisfy(isPrintable) ? quoted(text) : escaped(text)
    }

    /// `text` in single quotes; it must have no line breaks and no control characters.
    package static func quoted(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
    }

    /// Characters that mean nothing to YAML wherever they stand in a plain scalar, also within braces.
    package static func isPlainSafe(_ text: String) -> Bool {
        text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: "./_-".utf8.contains(byte)
            }
        } && !text.hasPrefix("-") && !text.hasPrefix(".")
    }

    /// Whether somebody reads it as a number, a date, a truth value or nothing.
    private static func isTyped(_ text: String) -> Bool {
        guard case .string = YAMLValue.kind(ofPlain: text) else { return true }
        if let first = text.utf8.first, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) {
            // Addresses and prefixes are no numbers to anybody.
            return text.utf8.count { $0 == UInt8(ascii: ".") } != 3
        }
        return ["y", "n", "yes", "no", "on", "off"].contains(text.lowercased())
    }

    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x20...0x7E, 0xA0...0xD7FF, 0xE000...0xFEFE, 0xFF00...0xFFFD, 0x10000...:
            ![0x2028, 0x2029].contains(scalar.value)
        default: false
        }
    }

    private static func escaped(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case "\"", "\\": result += "\\\(scalar)"
            case _ where isPrintable(scalar): result.unicodeScalars.append(scalar)
            default:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: max(0, 4 - digits.utf8.count)) + digits
            }
        }
        return result + "\""
    }
}
