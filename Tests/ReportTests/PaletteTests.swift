import Foundation
import Testing

@testable import Report

@Suite struct PaletteTests {
    /// Relative luminance (WCAG 2.2).
    private func luminance(_ colour: UInt32) -> Double {
        let parts = [16, 8, 0].map { (shift: UInt32) -> Double in
            let part = Double((colour >> shift) & 0xFF) / 255
            return part <= 0.04045 ? part / 12.92 : pow((part + 0.055) / 1.055, 2.4)
        }
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
    }

    private func contrast(_ one: UInt32, _ other: UInt32) -> Double {
        let pair = [luminance(one), luminance(other)].sorted()
        return (pair[1] + 0.05) / (pair[0] + 0.05)
    }

    @Test func `Every path's colour stands out from both backgrounds`() {
        for pair in Palette.paths {
            #expect(contrast(pair.light, Palette.background.light) >= 3, "\(String(pair.light, radix: 16))")
            #expect(contrast(pair.dark, Palette.background.dark) >= 3, "\(String(pair.dark, radix: 16))")
        }
    }

    @Test func `All text can be read on page and panel`() {
        for text in [Palette.ink, Palette.muted] {
            for ground in [Palette.background, Palette.panel] {
                #expect(contrast(text.light, ground.light) >= 4.5 && contrast(text.dark, ground.dark) >= 4.5)
            }
        }
    }

    @Test func `A ninth path has a colour, and not the first one's`() {
        #expect(Palette.variable(path: 0) == "var(--p0)" && Palette.variable(path: 7) == "var(--p7)")
        #expect(Palette.variable(path: 8) == "var(--p1)" && Palette.variable(path: 14) == "var(--p7)")
    }
}
