// The kernel's nftables rules, from `nft --json list ruleset` (libnftables-json(5)).

internal import Datastore
internal import FoundationEssentials
internal import Net

/// A JSON value of any shape: nft's expressions are too many for a type each.
indirect enum JSONValue: Decodable, Hashable, Sendable {
    case null
    case bool(Bool)
    case number(Int)
    case text(String)
    case list([JSONValue])
    case object([String: JSONValue])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(String.self) {
            self = .text(value)
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int.self) {
            self = .number(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .list(value)
        } else if let value = try? container.decode([String: JSONValue].self) {
            self = .object(value)
        } else {
            self = .null
        }
    }

    subscript(_ key: String) -> JSONValue? {
        if case .object(let members) = self { members[key] } else { nil }
    }

    var text: String? {
        switch self {
        case .text(let value): value
        case .number(let value): "\(value)"
        default: nil
        }
    }

    var number: Int? { if case .number(let value) = self { value } else { nil } }

    var items: [JSONValue]? { if case .list(let value) = self { value } else { nil } }
}

/// Reads nft's listing.
enum FirewallNFT {
    /// The tables that see IPv4 packets.
    ///
    /// - Throws: an error where the text is not JSON.
    static func tables(_ json: String) throws -> [FirewallTable] {
        let document = try JSON.decode(JSONValue.self, from: Array(json.utf8))
        var tables: [String: FirewallTable] = [:]
        var order: [String] = []
        var elements: [String: [JSONValue]] = [:]
        let objects = document["nftables"]?.items ?? []
        for object in objects {
            for kind in ["set", "map"] {
                guard let set = object[kind], let key = key(set, table: set["table"]) else { continue }
                elements["\(key) \(set["name"]?.text ?? "")"] = set["elem"]?.items ?? []
            }
            guard let table = object["table"], let key = key(table, table: table["name"]) else { continue }
            order.append(key)
            tables[key] = FirewallTable(
                tool: .nft, family: table["family"]?.text ?? "", name: table["name"]?.text ?? "")
        }
        for object in objects {
            if let chain = object["chain"], let key = key(chain, table: chain["table"]), let name = chain["name"]?.text
            {
                // Chains of type nat see only the first packet and cannot filter.
                let hook =
                    chain["type"]?.text == "nat" ? nil : chain["hook"]?.text.flatMap { FirewallHook(rawValue: $0) }
                tables[key]?.chains.append(
                    FirewallChain(name: name, hook: hook, dropsByPolicy: chain["policy"]?.text == "drop"))
            }
            if let rule = object["rule"], let key = key(rule, table: rule["table"]), let chain = rule["chain"]?.text,
                let place = tables[key]?.chains.firstIndex(where: { $0.name == chain })
            {
                let sets = { (name: String) in elements["\(key) \(name)"] }
                tables[key]?.chains[place].rules += FirewallNFTRule(sets: sets).rules(rule)
            }
        }
        return order.compactMap { tables[$0] }
    }

    private static func key(_ object: JSONValue, table: JSONValue?) -> String? {
        guard let family = object["family"]?.text, family == "ip" || family == "inet", let name = table?.text else {
            return nil
        }
        return "\(family) \(name)"
    }

    /// A rule's words from `nft --handle list chain`, found by its handle.
    static func text(ofRule handle: Int, in listing: String) -> String? {
        let mark = " # handle \(handle)"
        guard
            let line = listing.split(separator: "\n").first(where: { $0.hasSuffix(mark) && !$0.hasSuffix("{" + mark) })
        else { return nil }
        return line.dropLast(mark.utf8.count).trimmed
    }
}

extension Substring {
    /// Without blanks at either end.
    var trimmed: String {
        var rest = self.drop { $0 == " " || $0 == "\t" }
        while let last = rest.last, last == " " || last == "\t" { rest.removeLast() }
        return String(rest)
    }
}
