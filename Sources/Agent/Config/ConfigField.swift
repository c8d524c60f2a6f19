// One value of the node config, from the file or from a variable: the same rules and messages for both.

internal import Datastore
internal import Net
internal import Overlay

/// Where a key's value stands.
enum ConfigField {
    case yaml(YAMLValue)
    case variable(name: String, text: String)

    func error(_ problem: String, _ remedy: String) -> SourceError {
        switch self {
        case .yaml(let value): value.error(problem, remedy)
        case .variable(let name, _):
            SourceError(file: "environment", field: name, problem: problem, remedy: remedy)
        }
    }

    func text() throws(SourceError) -> String {
        let text: String
        switch self {
        case .yaml(let value): text = try value.string()
        case .variable(_, let variable): text = variable
        }
        guard !text.isEmpty else { throw error("is empty", "write a value or remove it") }
        return text
    }

    /// A whole number, or nil for `keyword`.
    func integer(in range: ClosedRange<Int>, or keyword: String) throws(SourceError) -> Int? {
        if (try? text()) == keyword { return nil }
        return try integer(in: range, whereElse: [keyword])
    }

    /// A whole number, or one of the two words for what the tunnel itself decides.
    func outerTTL() throws(SourceError) -> OuterTTL {
        switch try? text() {
        case "auto": return .auto
        case "inherit": return .inherit
        default: return .fixed(UInt8(clamping: try integer(in: 1...255, whereElse: ["auto", "inherit"])))
        }
    }

    /// A whole number. `keywords` are what the messages say could stand there as well.
    private func integer(in range: ClosedRange<Int>, whereElse keywords: [String]) throws(SourceError) -> Int {
        let remedy =
            "write \(keywords.joined(separator: ", ")) or a whole number \(range.lowerBound) to \(range.upperBound)"
        var given: Int?
        switch self {
        case .yaml(let value):
            if let text = try? value.string() { throw noNumber(text, keywords, remedy) }
            do throws(SourceError) {
                given = try value.integer(in: range)
            } catch {
                throw self.error(error.problem, remedy)
            }
        case .variable(_, let text):
            let isNumber =
                !text.isEmpty && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            guard isNumber else { throw noNumber(text, keywords, remedy) }
            given = Int(text)
        }
        guard let given, range.contains(given) else { throw error("is out of range", remedy) }
        return given
    }

    private func noNumber(_ text: String, _ keywords: [String], _ remedy: String) -> SourceError {
        error("\(printable(text)) is neither \(keywords.joined(separator: " nor ")) nor a number", remedy)
    }

    /// CPU numbers with commas between them, as `taskset` takes them; `any` is none.
    func cpuList() throws(SourceError) -> [Int] {
        let remedy = "write any, or CPU numbers like \"0,2\""
        var text: String
        if case .yaml(let value) = self, let number = try? value.integer(in: 0...4095) {
            text = String(number)
        } else {
            text = try self.text()
        }
        if text == "any" { return [] }
        text.removeAll { $0 == " " }
        var cpus: [Int] = []
        for word in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard word.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
                let cpu = Int(word), cpu < 4096
            else { throw error("\(printable(text)) is no list of CPUs", remedy) }
            cpus.append(cpu)
        }
        return cpus
    }

    func boolean() throws(SourceError) -> Bool {
        switch self {
        case .yaml(let value): return try value.boolean()
        case .variable(_, let text):
            guard text == "true" || text == "false" else {
                throw error("must be true or false, not \(printable(text))", "write true or false")
            }
            return text == "true"
        }
    }

    /// One of the cases of an enumeration by its raw value.
    func choice<Choice: RawRepresentable & CaseIterable>(_: Choice.Type) throws(SourceError) -> Choice
    where Choice.RawValue == String {
        let text = try text()
        if let choice = Choice(rawValue: text) { return choice }
        let names = Choice.allCases.map(\.rawValue)
        throw error("\(printable(text)) is not known", "write \(names.joined(separator: ", "))")
    }

    func nodeName() throws(SourceError) -> String {
        let name = try text()
        if let problem = NodeRules.problem(withName: name) { throw error(problem, "write a name like node-1.example") }
        return name
    }

    func interfaceAddress() throws(SourceError) -> IPv4InterfaceAddress {
        let text = try text()
        guard let address = IPv4InterfaceAddress(text) else {
            throw error("\(printable(text)) is no IPv4 address with prefix", "write it like 10.0.1.1/24")
        }
        guard text.utf8.contains(UInt8(ascii: "/")) else {
            throw error(
                "\(printable(text)) has no prefix length",
                "write it with the length of its subnet, like \(address.address)/24: what is on the same link depends on it"
            )
        }
        if let problem = NodeRules.problem(withAddress: address) {
            throw error(problem, "write this node's underlay address with its prefix")
        }
        return address
    }

    /// A device name as the kernel's `dev_valid_name` takes it.
    func deviceName() throws(SourceError) -> String {
        let name = try text()
        let remedy = "write a device name like tunl0"
        guard name.utf8.count <= 15 else { throw error("\(printable(name)) is longer than 15 bytes", remedy) }
        guard name != ".", name != ".." else { throw error("\(name) is no device name", remedy) }
        guard name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && !"/:%".utf8.contains($0) }) else {
            throw error(
                "\(printable(name)) has a space, '/', ':', '%' or another character that is not allowed", remedy)
        }
        guard name != "all", name != "default", name != "lo" else {
            throw error("\(name) is taken by the kernel", remedy)
        }
        return name
    }

    /// An absolute path short enough for a socket below it.
    func directory(longest: Int, relativeTo base: String?) throws(SourceError) -> String {
        let text = try text()
        guard !text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
            throw error("a path with control characters", "write a plain path")
        }
        let isAbsolute = text.hasPrefix("/")
        guard isAbsolute || base != nil else { throw error("\(printable(text)) is relative", "write a path from /") }
        var path = isAbsolute ? text : (base ?? ".") + "/" + text
        while path.utf8.count > 1 && path.hasSuffix("/") { path.removeLast() }
        guard path.utf8.count <= longest else {
            throw error("a path of more than \(longest) bytes", "choose a shorter one")
        }
        return path
    }

    func addressSource() throws(SourceError) -> AddressSource {
        let remedy = "write defaultRoute, {interface: REGEX}, {canReach: ADDRESS} or {cidr: PREFIX}"
        switch self {
        case .variable(_, let text):
            if text == "defaultRoute" { return .defaultRoute }
            guard let equals = text.firstIndex(of: "=") else { throw error("\(printable(text)) is not known", remedy) }
            return try addressSource(String(text[..<equals]), String(text[text.index(after: equals)...]))
        case .yaml(let value):
            guard value.isMapping else {
                let text = try value.string()
                guard text == "defaultRoute" else { throw error("\(printable(text)) is not known", remedy) }
                return .defaultRoute
            }
            let mapping = try value.mapping()
            if let error = mapping.unknownKeyErrors(["interface", "canReach", "cidr"]).first { throw error }
            guard mapping.entries.count == 1, let entry = mapping.entries.first else {
                throw error("must have exactly one key", remedy)
            }
            return try ConfigField.yaml(entry.value).addressSource(entry.key, try entry.value.string())
        }
    }

    private func addressSource(_ kind: String, _ text: String) throws(SourceError) -> AddressSource {
        switch kind {
        case "interface":
            guard !text.isEmpty, (try? Regex(text)) != nil else {
                throw error("\(printable(text)) is no regular expression", "write one like eth.*")
            }
            return .interface(pattern: text)
        case "canReach":
            guard let address = IPv4Address(text) else {
                throw error("\(printable(text)) is no IPv4 address", "write one like 192.0.2.1")
            }
            return .canReach(address)
        case "cidr":
            guard let prefix = IPv4Prefix(text) else {
                let masked = IPv4InterfaceAddress(text).map { "write \($0.prefix)" }
                throw error("\(printable(text)) is no IPv4 prefix", masked ?? "write one like 10.0.0.0/8")
            }
            return .cidr(prefix)
        default:
            throw error("\(printable(kind)) is not known", "write interface, canReach or cidr")
        }
    }
}
