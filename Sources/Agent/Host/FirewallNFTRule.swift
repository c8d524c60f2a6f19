// One nftables rule: its expressions as conditions, and its verdict map as one rule for each element.

internal import Net

/// Reads the expressions of a rule; what it does not know becomes ``FirewallMatch/unknown(_:)``.
struct FirewallNFTRule {
    /// The elements of a named set or map.
    let sets: (String) -> [JSONValue]?

    func rules(_ rule: JSONValue) -> [FirewallRule] {
        let handle = rule["handle"]?.number
        var matches: [FirewallMatch] = []
        var rules: [FirewallRule] = []
        var action = FirewallAction.next
        for expression in rule["expr"]?.items ?? [] {
            if let match = expression["match"] {
                if let condition = condition(match) { matches.append(condition) }
            } else if let map = expression["vmap"] {
                for (condition, action) in verdicts(map) {
                    rules.append(
                        FirewallRule(handle: handle, text: "", matches: matches + [condition], action: action))
                }
            } else if expression["limit"] != nil {
                matches.append(.never)
            } else if let foreign = expression["xt"] {
                if let condition = FirewallNFTRule.condition(ofExtension: foreign) { matches.append(condition) }
                if foreign["name"]?.text == "REJECT" { action = .reject }
            } else if let verdict = FirewallNFTRule.action(expression) {
                action = verdict
            } else if case .object(let members) = expression, let name = members.keys.first,
                !FirewallNFTRule.harmless.contains(name)
            {
                matches.append(.unknown(name))
            }
        }
        return rules + [FirewallRule(handle: handle, text: "", matches: matches, action: action)]
    }

    /// Statements that let every packet go on.
    private static let harmless: Set<String> = [
        "counter", "log", "mangle", "notrack", "quota", "set", "map", "ct helper", "ct timeout", "flow", "meter",
    ]

    private static func action(_ expression: JSONValue) -> FirewallAction? {
        guard case .object(let members) = expression, let (name, value) = members.first else { return nil }
        switch name {
        case "accept": return .accept
        case "drop": return .drop
        case "reject": return .reject
        case "return": return .leave
        case "continue": return .next
        case "jump": return value["target"]?.text.map { .jump($0) }
        case "goto": return value["target"]?.text.map { .goTo($0) }
        default: return nil
        }
    }

    /// What iptables left in the kernel that nft has no words for; older versions of nft do not even name it.
    private static func condition(ofExtension foreign: JSONValue) -> FirewallMatch? {
        let name = foreign["name"]?.text
        if foreign["type"]?.text == "target" || name == "comment" { return nil }
        // Some ports or a part of the packets, never all of them.
        if let name, ["multiport", "limit", "hashlimit", "icmp"].contains(name) { return .never }
        return .unknown("xt \(name ?? "match")")
    }

    private func verdicts(_ map: JSONValue) -> [(FirewallMatch, FirewallAction)] {
        guard let key = map["key"], let data = map["data"] else { return [] }
        let pairs = data["set"]?.items ?? data.text.flatMap { sets(String($0.dropFirst())) } ?? []
        return pairs.compactMap { pair in
            guard let parts = pair.items, parts.count == 2, let action = FirewallNFTRule.action(parts[1]) else {
                return nil
            }
            if parts[0].text == "*" { return (.unknown("vmap"), action) }
            return (condition(key, parts[0], negated: false) ?? .unknown("vmap"), action)
        }
    }

    /// Nil where the condition holds for every IPv4 packet.
    private func condition(_ match: JSONValue) -> FirewallMatch? {
        guard let left = match["left"], let right = match["right"], let operation = match["op"]?.text,
            ["==", "!=", "in"].contains(operation)
        else { return .unknown("match") }
        return condition(left, right, negated: operation == "!=")
    }

    private func condition(_ left: JSONValue, _ right: JSONValue, negated: Bool) -> FirewallMatch? {
        if let payload = left["payload"] {
            return payloadCondition(
                payload["protocol"]?.text ?? "", payload["field"]?.text ?? "", right, negated: negated)
        }
        if let key = left["meta"]?["key"]?.text { return metaCondition(key, right, negated: negated) }
        if left["ct"]?["key"]?.text == "mark" { return zero(right, negated: negated) }
        if let parts = left["&"]?.items, let field = parts.first {
            let isMark = field["meta"]?["key"]?.text == "mark" || field["ct"]?["key"]?.text == "mark"
            if isMark || field["payload"]?["field"]?.text == "frag-off" { return zero(right, negated: negated) }
        }
        if left["ct"]?["key"]?.text == "state", let states = names(right) {
            return .state(Set(states), negated: negated)
        }
        if left["ct"]?["key"]?.text == "status", let states = names(right), Set(states).isSubset(of: ["dnat", "snat"]) {
            return negated ? nil : .never
        }
        if let fib = left["fib"], fib["result"]?.text == "type", fib["flags"]?.items?.compactMap(\.text) == ["daddr"],
            let types = names(right)
        {
            return .destinationType(Set(types), negated: negated)
        }
        return .unknown(FirewallNFTRule.title(left))
    }

    private func payloadCondition(
        _ proto: String, _ field: String, _ right: JSONValue, negated: Bool
    ) -> FirewallMatch? {
        switch (proto, field) {
        case ("ip", "protocol"): return protocols(right, negated: negated)
        case ("ip", "saddr"):
            return addresses(right).map { .source($0, negated: negated) } ?? .unknown("ip saddr")
        case ("ip", "daddr"):
            return addresses(right).map { .destination($0, negated: negated) } ?? .unknown("ip daddr")
        case ("th", "sport"), ("th", "dport"): return .port(nil, negated: negated)
        case ("ip6", _), ("icmp", _), ("icmpv6", _), ("igmp", _), ("ah", _), ("esp", _), ("arp", _): return .never
        case (_, "sport"), (_, "dport"):
            return .port(FirewallProtocol.number(proto), negated: negated)
        default: return .unknown("\(proto) \(field)")
        }
    }

    private func metaCondition(_ key: String, _ right: JSONValue, negated: Bool) -> FirewallMatch? {
        switch key {
        case "l4proto": return protocols(right, negated: negated)
        case "iifname", "iif": return names(right).map { .inputDevice($0, negated: negated) } ?? .unknown(key)
        case "oifname", "oif": return names(right).map { .outputDevice($0, negated: negated) } ?? .unknown(key)
        case "nfproto", "protocol":
            guard let families = names(right) else { return .unknown(key) }
            return (families.contains("ipv4") || families.contains("ip")) != negated ? nil : .never
        case "pkttype":
            guard let types = names(right) else { return .unknown(key) }
            return (types.contains("host") || types.contains("unicast")) != negated ? nil : .never
        case "mark": return zero(right, negated: negated)
        default: return .unknown("meta \(key)")
        }
    }

    /// Our packets bear no mark and are no fragments.
    private func zero(_ right: JSONValue, negated: Bool) -> FirewallMatch? {
        guard let values = names(right) else { return .unknown("mark") }
        return values.contains("0") != negated ? nil : .never
    }

    private func protocols(_ right: JSONValue, negated: Bool) -> FirewallMatch {
        guard let names = names(right) else { return .unknown("protocol") }
        return .protocols(Set(names.compactMap { FirewallProtocol.number($0) }), negated: negated)
    }

    /// The values on the right, one by one; nil where one of them is not a word or a number.
    private func values(_ right: JSONValue) -> [JSONValue]? {
        if let name = right.text, name.hasPrefix("@") { return sets(String(name.dropFirst())) }
        return (right["set"]?.items ?? right.items ?? [right]).map { $0["elem"]?["val"] ?? $0 }
    }

    private func names(_ right: JSONValue) -> [String]? {
        guard let values = values(right) else { return nil }
        let names = values.compactMap(\.text)
        return names.count == values.count ? names : nil
    }

    private func addresses(_ right: JSONValue) -> [ClosedRange<UInt32>]? {
        guard let values = values(right) else { return nil }
        let ranges = values.compactMap { value -> ClosedRange<UInt32>? in
            if let prefix = value["prefix"], let address = prefix["addr"]?.text, let length = prefix["len"]?.number {
                return FirewallAddress.range("\(address)/\(length)")
            }
            if let ends = value["range"]?.items?.compactMap(\.text), ends.count == 2 {
                return FirewallAddress.range("\(ends[0])-\(ends[1])")
            }
            return value.text.flatMap { FirewallAddress.range($0) }
        }
        return ranges.count == values.count ? ranges : nil
    }

    private static func title(_ left: JSONValue) -> String {
        guard case .object(let members) = left, let name = members.keys.first else { return "match" }
        return [name, left[name]?["key"]?.text].compactMap { $0 }.joined(separator: " ")
    }
}

/// Addresses as both tools write them.
enum FirewallAddress {
    /// `A.B.C.D`, `A.B.C.D/LEN`, `A.B.C.D/MASK` or `A.B.C.D-E.F.G.H`.
    static func range(_ text: String) -> ClosedRange<UInt32>? {
        let ends = text.split(separator: "-", omittingEmptySubsequences: false)
        if ends.count == 2 {
            guard let first = IPv4Address(ends[0]), let last = IPv4Address(ends[1]), first <= last else { return nil }
            return first.rawValue...last.rawValue
        }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        if parts.count == 2, let mask = IPv4Address(parts[1]), let address = IPv4Address(parts[0]) {
            let length = UInt8((~mask.rawValue).leadingZeroBitCount)
            guard IPv4Prefix.mask(length) == mask.rawValue else { return nil }
            let prefix = IPv4Prefix(containing: address, length: length)
            return prefix.address.rawValue...prefix.last.rawValue
        }
        guard let prefix = IPv4InterfaceAddress(text)?.prefix else { return nil }
        return prefix.address.rawValue...prefix.last.rawValue
    }
}

/// Protocol names, which differ between distributions' /etc/protocols. There "ipip" is 94, which is not IP in IP.
enum FirewallProtocol {
    /// IP in IP (RFC 2003).
    static let ipip: UInt8 = 4
    static let tcp: UInt8 = 6

    private static let numbers: [String: UInt8] = [
        "icmp": 1, "igmp": 2, "ipencap": 4, "ipv4": 4, "ip-in-ip": 4, "tcp": 6, "udp": 17, "dccp": 33, "ipv6": 41,
        "gre": 47, "esp": 50, "ah": 51, "ipv6-icmp": 58, "icmpv6": 58, "ospf": 89, "ipip": 94, "pim": 103, "vrrp": 112,
        "sctp": 132, "udplite": 136,
    ]

    /// The number for a name or a number as text.
    static func number(_ text: String) -> UInt8? { numbers[text.lowercased()] ?? UInt8(text) }
}
