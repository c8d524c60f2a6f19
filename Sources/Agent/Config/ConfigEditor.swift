// Changes one key in the text of a node config and leaves every other character as it was.

public import Datastore
internal import LinuxSystem

/// Edits node configs as `poplin set KEY=VALUE` does.
///
/// The parser says where keys and values stand; the text is changed only there. The result is parsed again: where
/// anything else than the one key would have changed, the edit is refused instead.
public enum ConfigEditor {
    /// Edits a file in one step; its old content stays where the result would not be valid.
    ///
    /// - Parameter assignment: `KEY=VALUE` with a dotted key.
    /// - Returns: the key, and whether the file had to change.
    /// - Throws: ``SourceErrors``.
    public static func set(_ assignment: String, inFile path: String) throws(SourceErrors) -> (
        key: ConfigKey, changed: Bool
    ) {
        let key: ConfigKey
        let old: [UInt8]
        let new: [UInt8]
        do throws(SourceError) {
            let value: String
            (key, value) = try parse(assignment)
            old = try ConfigFile.bytes(of: path)
            new = try edit(old, file: path, key, value)
        } catch {
            throw SourceErrors([error])
        }
        // The environment is left out: the file has to be right by itself.
        _ = try NodeConfig(parsing: new, file: path, hostName: "localhost")
        guard new != old else { return (key, false) }
        do throws(SyscallError) {
            try TextFile.replace(path, with: String(decoding: new, as: UTF8.self))
        } catch {
            throw SourceErrors([
                SourceError(file: path, problem: error.reason, remedy: "nothing was changed")
            ])
        }
        return (key, true)
    }

    /// Takes `KEY=VALUE` apart.
    static func parse(_ assignment: String) throws(SourceError) -> (ConfigKey, String) {
        guard let equals = assignment.firstIndex(of: "=") else {
            throw SourceError(
                file: "argument", problem: "\(printable(assignment)) has no '='", remedy: "write KEY=VALUE")
        }
        let name = String(assignment[..<equals])
        let value = String(assignment[assignment.index(after: equals)...])
        let names = ConfigKey.allCases.map(\.rawValue)
        guard let key = ConfigKey(rawValue: name) else {
            throw SourceError(
                file: "argument", field: printable(name), problem: "unknown key",
                remedy: nearestName(to: name, in: names).map { "did you mean \($0)?" }
                    ?? "known keys: \(names.joined(separator: ", "))")
        }
        guard !value.isEmpty, !value.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else {
            throw SourceError(
                file: "argument", field: name, problem: "the value is empty or has control characters",
                remedy: "write \(name)=VALUE")
        }
        return (key, value)
    }

    /// The text with `key` set to `value`; the same text where it already is.
    static func edit(
        _ bytes: [UInt8], file: String, _ key: ConfigKey, _ value: String
    ) throws(SourceError) -> [UInt8] {
        let before = try flattened(bytes, file)
        let rendered = try render(value, for: key)
        guard before[key.rawValue] != rendered.value else { return bytes }
        var text = ConfigText(bytes)
        let document = try YAMLSource(text.bytes, file: file).singleDocument()
        try text.set(key, to: rendered.text, in: document.map { value throws(SourceError) in try value.mapping() })

        let result = text.withMark
        var expected = before
        expected[key.rawValue] = rendered.value
        guard let after = try? flattened(result, file), after == expected else {
            throw SourceError(
                file: file, line: document?.line ?? 0, field: key.rawValue,
                problem: "the file is written in a way that cannot be edited safely",
                remedy: "write \(key.rawValue) on a line of its own, or edit the file by hand")
        }
        return result
    }

    /// How a value is written, and how it reads back.
    private static func render(_ value: String, for key: ConfigKey) throws(SourceError) -> (text: String, value: String)
    {
        switch key {
        case .addressFrom where value != "defaultRoute":
            guard let equals = value.firstIndex(of: "=") else {
                throw SourceError(
                    file: "argument", field: key.rawValue, problem: "\(printable(value)) is not known",
                    remedy: "write defaultRoute, interface=REGEX, canReach=ADDRESS or cidr=PREFIX")
            }
            let kind = YAMLScalar.render(String(value[..<equals]))
            let inner = String(value[value.index(after: equals)...])
            return ("{\(kind): \(YAMLScalar.quoted(inner))}", "{\(kind)=text \(inner)}")
        case .tunnelMTU, .tunnelTTL, .tunnelDSCP, .tunnelAcceptForeignSources:
            // A number or a boolean stays one; whatever else it is, reading it back says so.
            return YAMLScalar.isPlainSafe(value)
                ? (value, typed(value)) : (YAMLScalar.quoted(value), "text " + value)
        default:
            return (YAMLScalar.render(value), "text " + value)
        }
    }

    /// `value` as the parser sees it unquoted.
    private static func typed(_ value: String) -> String {
        guard let source = try? YAMLSource(Array("k: \(value)".utf8), file: ""),
            let root = try? source.singleDocument()?.mapping(), let entry = root.entries.first
        else { return "text " + value }
        return summary(of: entry.value)
    }

    // MARK: - Comparing before and after

    private static func flattened(_ bytes: [UInt8], _ file: String) throws(SourceError) -> [String: String] {
        guard let document = try YAMLSource(bytes, file: file).singleDocument() else { return [:] }
        var result: [String: String] = [:]
        for entry in try document.mapping().entries {
            if ConfigKey.sections.contains(entry.key), entry.value.isMapping {
                for inner in try entry.value.mapping().entries { result[inner.value.path] = summary(of: inner.value) }
            } else if !(ConfigKey.sections.contains(entry.key) && entry.value.isNull) {
                result[entry.key] = summary(of: entry.value)
            }
        }
        return result
    }

    private static func summary(of value: YAMLValue) -> String {
        if let text = try? value.string() { return "text " + text }
        if let text = value.scalarText { return "scalar " + text }
        if let mapping = try? value.mapping() {
            return "{" + mapping.entries.map { "\($0.key)=\(summary(of: $0.value))" }.joined(separator: ",") + "}"
        }
        return "[" + ((try? value.sequence()) ?? []).map { summary(of: $0) }.joined(separator: ",") + "]"
    }
}
