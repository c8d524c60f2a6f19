// Calico's selector language, as far as telling whether a text is in it.
//
//   expression = term {("&&" | "||") term}
//   term       = {"!"} ( "(" expression ")" | "all()" | "global()" | "has(" label ")" | label operator )
//   operator   = ("==" | "!=") text | ["not"] "in" "{" [text {"," text}] "}" | ("contains" | "starts" "with" | "ends" "with") text

/// Reads a selector without keeping it.
struct SelectorSyntax {
    private struct Problem: Error {
        var text: String
        var offset: Int
    }

    private enum Token: Equatable {
        case word(String)
        case text
        case symbol(String)
        case end
    }

    private static let symbols = ["==", "!=", "&&", "||", "!", "(", ")", "{", "}", ","]
    /// Parentheses and negations inside each other; nobody writes more by hand.
    private static let deepest = 64

    private let scalars: [Unicode.Scalar]
    private var position = 0
    private var tokenStart = 0
    private var token = Token.end
    private var depth = 0

    /// Why `text` is no selector; nil where it is one.
    ///
    /// An empty selector selects all.
    static func problem(in text: String) -> String? {
        var parser = SelectorSyntax(scalars: Array(text.unicodeScalars))
        do throws(Problem) {
            try parser.advance()
            if parser.token == .end { return nil }
            try parser.expression()
            guard parser.token == .end else { throw parser.expected("'&&', '||' or the end") }
            return nil
        } catch {
            return "\(error.text) at column \(error.offset + 1)"
        }
    }

    private init(scalars: [Unicode.Scalar]) {
        self.scalars = scalars
    }

    private mutating func expression() throws(Problem) {
        try term()
        while token == .symbol("&&") || token == .symbol("||") {
            try advance()
            try term()
        }
    }

    private mutating func term() throws(Problem) {
        depth += 1
        defer { depth -= 1 }
        guard depth <= SelectorSyntax.deepest else { throw Problem(text: "nested too deep", offset: tokenStart) }
        switch token {
        case .symbol("!"):
            try advance()
            try term()
        case .symbol("("):
            try advance()
            try expression()
            try take(")")
        case .word(let word):
            try advance()
            guard token == .symbol("(") else { return try comparison() }
            guard ["all", "global", "has"].contains(word) else { throw expected("an operator such as '=='") }
            try advance()
            if word == "has" {
                guard case .word = token else { throw expected("a label") }
                try advance()
            }
            try take(")")
        default: throw expected("a label, '!' or '('")
        }
    }

    private mutating func comparison() throws(Problem) {
        switch token {
        case .symbol("=="), .symbol("!="), .word("contains"): try advance()
        case .word("starts"), .word("ends"):
            try advance()
            guard token == .word("with") else { throw expected("'with'") }
            try advance()
        case .word("not"):
            try advance()
            guard token == .word("in") else { throw expected("'in'") }
            return try set()
        case .word("in"): return try set()
        default: throw expected("an operator such as '=='")
        }
        try takeText()
    }

    private mutating func set() throws(Problem) {
        try advance()
        try take("{")
        if token != .symbol("}") {
            try takeText()
            while token == .symbol(",") {
                try advance()
                try takeText()
            }
        }
        try take("}")
    }

    private mutating func takeText() throws(Problem) {
        guard token == .text else { throw expected("text in quotes") }
        try advance()
    }

    private mutating func take(_ symbol: String) throws(Problem) {
        guard token == .symbol(symbol) else { throw expected("'\(symbol)'") }
        try advance()
    }

    private func expected(_ what: String) -> Problem { Problem(text: "\(what) expected", offset: tokenStart) }

    /// Reads the next token.
    private mutating func advance() throws(Problem) {
        while position < scalars.count, scalars[position] == " " || scalars[position] == "\t" { position += 1 }
        tokenStart = position
        guard position < scalars.count else { return token = .end }
        let first = scalars[position]
        if first == "'" || first == "\"" {
            guard let end = scalars[(position + 1)...].firstIndex(of: first) else {
                throw Problem(text: "the text that begins here has no end", offset: position)
            }
            position = end + 1
            return token = .text
        }
        for symbol in SelectorSyntax.symbols where scalars[position...].starts(with: symbol.unicodeScalars) {
            position += symbol.unicodeScalars.count
            return token = .symbol(symbol)
        }
        let word = scalars[position...].prefix { isWordScalar($0) }
        guard !word.isEmpty else {
            throw Problem(text: "'\(printable(String(first)))' is not understood", offset: position)
        }
        position = word.endIndex
        token = .word(String(String.UnicodeScalarView(word)))
    }

    private func isWordScalar(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", "_", ".", "/", "-": true
        default: false
        }
    }
}
