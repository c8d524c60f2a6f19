// What is wrong in text that a person wrote: always with its place and the way out, on one line.

/// A mistake in a file, in an environment variable or in a command's argument.
public struct SourceError: Error, Hashable, Sendable {
    /// The file's path, or the name of whatever else the text came from.
    public var file: String
    /// The line, from 1; 0 where the file as a whole is meant.
    public var line: Int
    /// The column in Unicode scalars, from 1, where it is known.
    public var column: Int?
    /// The dotted path of the field (`spec.bgp.ipv4Address`); empty where no field is meant.
    public var field: String
    /// What is wrong.
    public var problem: String
    /// What to do about it; empty where the problem says it all.
    public var remedy: String

    /// Records a mistake.
    public init(
        file: String, line: Int = 0, column: Int? = nil, field: String = "", problem: String, remedy: String = ""
    ) {
        self.file = file
        self.line = line
        self.column = column
        self.field = field
        self.problem = problem
        self.remedy = remedy
    }

    /// `FILE:LINE`, or `FILE` where there is no line.
    public var place: String { line > 0 ? "\(file):\(line)" : file }
}

extension SourceError: CustomStringConvertible {
    /// `FILE:LINE: FIELD: what is wrong; what to do`, on one line whatever the parts hold.
    public var description: String {
        var text = place + ": "
        if !field.isEmpty { text += field + ": " }
        text += problem
        if !remedy.isEmpty { text += "; " + remedy }
        return printable(text, limit: 1024)
    }
}

/// Several mistakes, all told at once.
public struct SourceErrors: Error, Hashable, Sendable, CustomStringConvertible {
    /// At least one.
    public let errors: [SourceError]

    /// Mistakes that together keep something from being done.
    public init(_ errors: [SourceError]) {
        self.errors = errors
    }

    /// A line for each mistake.
    public var description: String { errors.map(\.description).joined(separator: "\n") }
}

/// `text` as one line for a terminal: control characters become `?`, and the rest after `limit` is cut.
package func printable(_ text: String, limit: Int = 60) -> String {
    var result = ""
    var count = 0
    for scalar in text.unicodeScalars {
        guard count < limit else { return result + "…" }
        let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) || scalar.value == 0x2028
        result.unicodeScalars.append(isControl ? "?" : scalar)
        count += 1
    }
    return result
}
