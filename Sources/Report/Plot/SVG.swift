// Elements of SVG as text; whatever is text or an attribute's value is escaped here.

/// A piece of an SVG image (SVG 2).
enum SVG {
    /// An element with its attributes in the given order, and with content that is markup already.
    static func element(_ name: String, _ attributes: KeyValuePairs<String, String>, _ content: String = "") -> String {
        let attributes = attributes.map { " \($0.key)=\"\(HTML.escape($0.value))\"" }.joined()
        return content.isEmpty ? "<\(name)\(attributes)/>" : "<\(name)\(attributes)>\(content)</\(name)>"
    }

    /// Text with its baseline at `y`.
    static func text(_ text: String, x: Double, y: Double, class kind: String) -> String {
        element("text", ["x": number(x), "y": number(y), "class": kind], HTML.escape(text))
    }

    /// What a pointer that rests on an element shows.
    static func title(_ text: String) -> String { "<title>\(HTML.escape(text))</title>" }

    /// A coordinate, to a tenth of a unit.
    static func number(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        let rest = tenths.magnitude % 10
        return (tenths < 0 ? "-" : "") + "\(tenths.magnitude / 10)" + (rest == 0 ? "" : ".\(rest)")
    }
}
