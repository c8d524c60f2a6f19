// What of a packet filter decides over our packets, as small values: chains, rules, and what each rule asks of a packet.

internal import Net

/// The place in the kernel at which a base chain is asked.
enum FirewallHook: String, Hashable, Sendable {
    case prerouting, input, forward, output, postrouting
}

/// What a rule does with the packets that it matches.
enum FirewallAction: Hashable, Sendable {
    case accept, drop, reject
    case jump(String)
    case goTo(String)
    case leave
    /// Counts, logs, marks: the next rule is asked.
    case next
}

/// One condition of a rule.
enum FirewallMatch: Hashable, Sendable {
    case protocols(Set<UInt8>, negated: Bool)
    case source([ClosedRange<UInt32>], negated: Bool)
    case destination([ClosedRange<UInt32>], negated: Bool)
    case inputDevice([String], negated: Bool)
    case outputDevice([String], negated: Bool)
    case state(Set<String>, negated: Bool)
    /// `local`, `unicast`, `broadcast`, …
    case destinationType(Set<String>, negated: Bool)
    /// One port or a few of one protocol (of any where it is nil): never all of the traffic.
    case port(UInt8?, negated: Bool)
    /// Another family, a rate limit, a broadcast: not our packets, or only some of them.
    case never
    /// Not understood, in its own words.
    case unknown(String)
}

/// A rule with all its conditions.
struct FirewallRule: Hashable, Sendable {
    /// The kernel's number in nftables; nil in iptables.
    var handle: Int?
    /// As the tool shows it; empty where it has to be asked for.
    var text: String
    var matches: [FirewallMatch]
    var action: FirewallAction
}

/// A chain; one with a hook is a base chain.
struct FirewallChain: Hashable, Sendable {
    var name: String
    var hook: FirewallHook?
    var dropsByPolicy: Bool
    var rules: [FirewallRule] = []
}

/// A table with its chains.
struct FirewallTable: Hashable, Sendable {
    /// Which program shows and changes it.
    enum Tool: Hashable, Sendable {
        case nft
        /// With the program's name: `iptables` or `iptables-legacy`.
        case iptables(String)
    }

    var tool: Tool
    /// `ip` or `inet`.
    var family: String
    var name: String
    var chains: [FirewallChain] = []

    /// For a person: `table inet filter`.
    var title: String { tool == .nft ? "table \(family) \(name)" : "iptables table \(name)" }
}

/// A packet of ours for which the chains are walked.
struct FirewallPacket: Hashable, Sendable {
    /// A device by which the packet comes or goes.
    enum Device: Hashable, Sendable {
        case none
        case named(String)
        /// Some workload's; its name is not known.
        case workload
    }

    /// The hooks that it passes, in order.
    var hooks: [FirewallHook]
    var protocolNumber: UInt8
    var source: IPv4Address
    var destination: IPv4Address
    var input: Device
    var output: Device
    /// `local` or `unicast`.
    var destinationType: String

    /// Whether a condition holds; nil where it cannot be told.
    func satisfies(_ match: FirewallMatch, at hook: FirewallHook) -> Bool? {
        switch match {
        case .protocols(let numbers, let negated): numbers.contains(protocolNumber) != negated
        case .source(let ranges, let negated): ranges.contains { $0.contains(source.rawValue) } != negated
        case .destination(let ranges, let negated): ranges.contains { $0.contains(destination.rawValue) } != negated
        case .inputDevice(let patterns, let negated):
            FirewallPacket.matches(hook == .output || hook == .postrouting ? .none : input, patterns)
                .map { $0 != negated }
        case .outputDevice(let patterns, let negated):
            FirewallPacket.matches(hook == .prerouting || hook == .input ? .none : output, patterns)
                .map { $0 != negated }
        // The first packet of a flow: if it does not pass, nothing does.
        case .state(let states, let negated): states.contains("new") != negated
        case .destinationType(let types, let negated): types.contains(destinationType) != negated
        case .port(let number, let negated):
            if let number, number != protocolNumber { false } else { negated }
        case .never: false
        case .unknown: nil
        }
    }

    private static func matches(_ device: Device, _ patterns: [String]) -> Bool? {
        switch device {
        case .none: return false
        case .named(let name):
            return patterns.contains { pattern in
                pattern.hasSuffix("*") ? name.hasPrefix(pattern.dropLast()) : name == pattern
            }
        case .workload:
            // A rule for one certain device is hardly about all workloads; one for `cali*` may be.
            return patterns.contains { $0.hasSuffix("*") } ? nil : false
        }
    }
}
