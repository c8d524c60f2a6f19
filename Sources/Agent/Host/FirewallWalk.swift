// Walks a packet through chains as the kernel does, keeping apart what is certain and what only may be.

/// Where a packet ends that should have passed.
struct FirewallDrop: Hashable, Sendable {
    var table: Int
    /// The base chain, before which an exception would have to stand.
    var base: String
    /// The chain that holds the rule.
    var chain: String
    /// Nil where it is the base chain's policy.
    var rule: FirewallRule?
    /// Whether every condition on the way was understood.
    var isCertain: Bool
}

/// One walk through one base chain.
struct FirewallWalk {
    /// The kernel allows 16 jumps; a listing that was changed while it was read could hold a loop.
    private static let depthLimit = 32
    private static let stepLimit = 100_000

    private enum Flow { case goesOn, ended }

    private let packet: FirewallPacket
    private let hook: FirewallHook
    private let table: Int
    private let base: String
    private let chains: [String: FirewallChain]
    private var mayHavePassed = false
    private var steps = 0
    private var drops: [FirewallDrop] = []

    /// The drops that the packet meets or may meet in any of the tables: each base chain has its say, and one
    /// that accepts does not speak for the others.
    static func drops(of packet: FirewallPacket, in tables: [FirewallTable]) -> [FirewallDrop] {
        var found: [FirewallDrop] = []
        for (index, table) in tables.enumerated() {
            let chains = Dictionary(table.chains.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
            for chain in table.chains {
                guard let hook = chain.hook, packet.hooks.contains(hook) else { continue }
                var walk = FirewallWalk(packet: packet, hook: hook, table: index, base: chain.name, chains: chains)
                walk.begin(chain)
                found += walk.drops
            }
        }
        return found
    }

    private init(
        packet: FirewallPacket, hook: FirewallHook, table: Int, base: String, chains: [String: FirewallChain]
    ) {
        self.packet = packet
        self.hook = hook
        self.table = table
        self.base = base
        self.chains = chains
    }

    private mutating func begin(_ chain: FirewallChain) {
        if walk(chain, isCertain: true, depth: 0) == .goesOn && chain.dropsByPolicy {
            record(chain.name, nil, isCertain: true)
        }
    }

    private mutating func walk(_ chain: FirewallChain, isCertain: Bool, depth: Int) -> Flow {
        guard depth < FirewallWalk.depthLimit else { return .goesOn }
        var isCertain = isCertain
        for rule in chain.rules {
            steps += 1
            guard steps < FirewallWalk.stepLimit else { return .goesOn }
            guard let applies = applies(rule) else { continue }
            let certainly = isCertain && applies
            switch rule.action {
            case .next:
                continue
            case .accept:
                if certainly { return .ended }
                mayHavePassed = true
            case .drop, .reject:
                record(chain.name, rule, isCertain: certainly)
                if certainly { return .ended }
            case .leave:
                if applies { return .goesOn }
                isCertain = false
            case .jump(let name), .goTo(let name):
                guard let target = chains[name] else { continue }
                if walk(target, isCertain: certainly, depth: depth + 1) == .ended { return .ended }
                if case .goTo = rule.action {
                    if applies { return .goesOn }
                    isCertain = false
                }
            }
        }
        return .goesOn
    }

    /// True: the rule applies; false: it may; nil: it does not.
    private func applies(_ rule: FirewallRule) -> Bool? {
        var isCertain = true
        for match in rule.matches {
            switch packet.satisfies(match, at: hook) {
            case true?: continue
            case false?: return nil
            case nil: isCertain = false
            }
        }
        return isCertain
    }

    private mutating func record(_ chain: String, _ rule: FirewallRule?, isCertain: Bool) {
        drops.append(
            FirewallDrop(
                table: table, base: base, chain: chain, rule: rule, isCertain: isCertain && !mayHavePassed))
    }
}
