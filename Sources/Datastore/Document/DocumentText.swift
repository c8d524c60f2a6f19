// A tree as YAML text, in block style, as people write resources.

extension DocumentValue {
    /// As a YAML document without separator, ended by a line feed; a resource's own keys come in their usual order.
    public var yaml: String {
        var text = ""
        inUsualOrder.write(into: &text, indent: 0)
        return text + "\n"
    }

    private var inUsualOrder: DocumentValue {
        guard case .mapping(let fields) = self else { return self }
        let usual = ["apiVersion", "kind", "metadata", "spec"]
        let first = usual.compactMap { key in fields.first { $0.key == key } }
        return .mapping(first + fields.filter { !usual.contains($0.key) })
    }

    /// Writes from a place that is already indented; ends without a line feed.
    private func write(into text: inout String, indent: Int) {
        let newLine = "\n" + String(repeating: " ", count: indent)
        switch self {
        case .mapping(let fields) where !fields.isEmpty:
            for (index, field) in fields.enumerated() {
                if index > 0 { text += newLine }
                text += YAMLScalar.render(field.key) + ":"
                switch field.value {
                case .mapping(let inner) where !inner.isEmpty:
                    text += newLine + "  "
                    field.value.write(into: &text, indent: indent + 2)
                case .list(let elements) where !elements.isEmpty:
                    text += newLine
                    field.value.write(into: &text, indent: indent)
                default:
                    text += " "
                    field.value.write(into: &text, indent: indent)
                }
            }
        case .list(let elements) where !elements.isEmpty:
            for (index, element) in elements.enumerated() {
                if index > 0 { text += newLine }
                text += "- "
                element.write(into: &text, indent: indent + 2)
            }
        case .mapping: text += "{}"
        case .list: text += "[]"
        case .null: text += "null"
        case .boolean(let value): text += value ? "true" : "false"
        case .number(let number): text += number
        case .text(let value): text += YAMLScalar.render(value)
        }
    }
}
