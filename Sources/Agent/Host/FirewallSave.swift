// The rules of iptables, from the text of `iptables-save`.

/// Reads `iptables-save`'s listing.
enum FirewallSave {
    private static let hooks: [String: FirewallHook] = [
        "PREROUTING": .prerouting, "INPUT": .input, "FORWARD": .forward, "OUTPUT": .output,
        "POSTROUTING": .postrouting,
    ]

    /// The tables in the listing; `program` is the one that changes them.
    static func tables(_ listing: String, program: String) -> [FirewallTable] {
        var tables: [FirewallTable] = []
        for line in listing.split(separator: "\n") {
            if line.hasPrefix("*") {
                tables.append(FirewallTable(tool: .iptables(program), family: "ip", name: String(line.dropFirst())))
                continue
            }
            guard !tables.isEmpty else { continue }
            if line.hasPrefix(":") {
                let words = line.dropFirst().split(separator: " ")
                guard words.count >= 2 else { continue }
                let name = String(words[0])
                tables[tables.count - 1].chains.append(
                    FirewallChain(
                        // The table nat sees only the first packet and cannot filter.
                        name: name, hook: tables[tables.count - 1].name == "nat" ? nil : hooks[name],
                        dropsByPolicy: words[1] == "DROP"))
            } else if line.hasPrefix("-A ") {
                let words = split(line)
                guard words.count >= 2 else { continue }
                let chains = tables[tables.count - 1].chains
                guard let place = chains.firstIndex(where: { $0.name == words[1] }) else { continue }
                let rule = FirewallSaveRule(words: words.dropFirst(2), chains: Set(chains.map(\.name)))
                tables[tables.count - 1].chains[place].rules.append(rule.parse(text: String(line)))
            }
        }
        return tables
    }

    /// Splits at blanks, quoted words kept whole.
    private static func split(_ line: Substring) -> [String] {
        var words: [String] = []
        var word = ""
        var isQuoted = false
        var isEscaped = false
        for character in line {
            if isEscaped {
                word.append(character)
                isEscaped = false
            } else if character == "\\" && isQuoted {
                isEscaped = true
            } else if character == "\"" {
                isQuoted.toggle()
            } else if character == " " && !isQuoted {
                if !word.isEmpty { words.append(word) }
                word = ""
            } else {
                word.append(character)
            }
        }
        if !word.isEmpty { words.append(word) }
        return words
    }
}

/// The words of one rule behind `-A CHAIN`.
private struct FirewallSaveRule {
    var words: ArraySlice<String>
    let chains: Set<String>
    private var matches: [FirewallMatch] = []
    private var action = FirewallAction.next
    private var proto: UInt8?

    init(words: ArraySlice<String>, chains: Set<String>) {
        self.words = words
        self.chains = chains
    }

    consuming func parse(text: String) -> FirewallRule {
        var rule = self
        var negated = false
        while let word = rule.words.popFirst() {
            if word == "!" {
                negated = true
                continue
            }
            rule.take(word, negated: negated)
            negated = false
        }
        return FirewallRule(handle: nil, text: text, matches: rule.matches, action: rule.action)
    }

    private mutating func take(_ option: String, negated: Bool) {
        switch option {
        case "-j", "-g":
            let target = words.popFirst() ?? ""
            action = FirewallSaveRule.action(target, isGoTo: option == "-g", chains: chains)
            // The rest are the target's own options.
            words = []
        case "-m": _ = words.popFirst()
        case "-p":
            proto = words.popFirst().flatMap { FirewallProtocol.number($0) }
            matches.append(.protocols(proto.map { [$0] } ?? [], negated: negated))
        case "-s", "--src-range": address(option) { .source($0, negated: negated) }
        case "-d", "--dst-range": address(option) { .destination($0, negated: negated) }
        case "-i": matches.append(.inputDevice([device()], negated: negated))
        case "-o": matches.append(.outputDevice([device()], negated: negated))
        case "--ctstate", "--state": matches.append(.state(Set(list()), negated: negated))
        case "--dst-type": matches.append(.destinationType(Set(list()), negated: negated))
        case "--pkt-type":
            let types = list()
            if (types.contains("unicast") || types.contains("host")) == negated { matches.append(.never) }
        // Our packets are no fragments and bear no mark.
        case "-f": if !negated { matches.append(.never) }
        case "--mark":
            let value = words.popFirst().map { $0.prefix { $0 != "/" } } ?? ""
            if (value == "0x0" || value == "0") == negated { matches.append(.never) }
        case "--sport", "--dport", "--sports", "--dports", "--ports":
            _ = words.popFirst()
            matches.append(.port(proto, negated: negated))
        case "--icmp-type", "--limit", "--hashlimit-upto", "--hashlimit-above":
            _ = words.popFirst()
            matches.append(.never)
        case "--comment", "--limit-burst": _ = words.popFirst()
        default:
            matches.append(.unknown(option))
            while let next = words.first, !next.hasPrefix("-"), next != "!" { words.removeFirst() }
        }
    }

    private mutating func address(_ option: String, _ match: ([ClosedRange<UInt32>]) -> FirewallMatch) {
        let range = words.popFirst().flatMap { FirewallAddress.range($0) }
        matches.append(range.map { match([$0]) } ?? .unknown(option))
    }

    /// iptables ends a pattern with `+`.
    private mutating func device() -> String {
        let name = words.popFirst() ?? ""
        return name.hasSuffix("+") ? name.dropLast() + "*" : name
    }

    private mutating func list() -> [String] {
        (words.popFirst() ?? "").split(separator: ",").map { $0.lowercased() }
    }

    private static func action(_ target: String, isGoTo: Bool, chains: Set<String>) -> FirewallAction {
        switch target {
        case "ACCEPT": .accept
        case "DROP": .drop
        case "REJECT": .reject
        case "RETURN": .leave
        case _ where chains.contains(target): isGoTo ? .goTo(target) : .jump(target)
        default: .next
        }
    }
}
