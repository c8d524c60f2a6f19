// The colours of paths: those of Okabe and Ito, which people who see few colours can tell apart, made lighter or darker
// until they stand out from the background by 3:1 (WCAG 2.2, 1.4.11). No number is told by colour alone.

enum Palette {
    /// A colour on the light background, and the same path's on the dark one.
    struct Pair: Equatable {
        /// Red, green and blue, 8 bits each.
        let light: UInt32
        let dark: UInt32
    }

    static let background = Pair(light: 0xFFFFFF, dark: 0x14171A)
    /// Text.
    static let ink = Pair(light: 0x1B1F24, dark: 0xE7EAED)
    /// Text of less weight.
    static let muted = Pair(light: 0x5B6570, dark: 0xA3ADB8)
    /// Lines that need not be seen.
    static let rule = Pair(light: 0xE1E5E9, dark: 0x2C333A)
    /// Behind what belongs together.
    static let panel = Pair(light: 0xF6F7F9, dark: 0x1B1F24)

    /// The first path's, with which others are compared, is grey; then blue, orange, green, vermilion, purple, sky blue
    /// and yellow.
    static let paths = [
        Pair(light: 0x7A838D, dark: 0x98A2AD), Pair(light: 0x0072B2, dark: 0x3F95D6),
        Pair(light: 0xB87700, dark: 0xE69F00), Pair(light: 0x008F68, dark: 0x14AE84),
        Pair(light: 0xD55E00, dark: 0xE8743B), Pair(light: 0xB45F93, dark: 0xCC79A7),
        Pair(light: 0x2B8CC4, dark: 0x7CC4EE), Pair(light: 0x8C8000, dark: 0xD9CF3F),
    ]

    /// The style sheet's name for a path's colour; after eight they begin again, without the grey.
    static func variable(path: Int) -> String {
        let number = path < paths.count ? path : 1 + (path - 1) % (paths.count - 1)
        return "var(--p\(number))"
    }

    /// All of them as properties of a style sheet.
    static func properties(_ side: KeyPath<Pair, UInt32>) -> String {
        let named = [
            ("background", background), ("ink", ink), ("muted", muted), ("rule", rule), ("panel", panel),
        ]
        let numbered = paths.enumerated().map { ("p\($0)", $1) }
        return (named + numbered).map { "--\($0):\(text($1[keyPath: side]))" }.joined(separator: ";")
    }

    private static func text(_ colour: UInt32) -> String {
        let digits = String(colour, radix: 16)
        return "#" + String(repeating: "0", count: 6 - digits.count) + digits
    }
}
