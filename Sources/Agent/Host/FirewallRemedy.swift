// What to do about a rule in the way, in the words of the program that made it.

internal import Net

/// The commands that let our packets pass; each narrow, none that takes a rule of others away.
struct FirewallRemedy {
    let scene: FirewallScene
    let table: FirewallTable
    let drop: FirewallDrop
    let way: Firewall.Way
    let peers: [FirewallScene.Peer]

    private enum Owner { case docker, ufw, firewalld, iptables(String), nft }

    private var owner: Owner {
        let chains = table.chains.map(\.name)
        // ufw and Docker share the tables: whose policy or rule it is, the chains tell; Docker's own place for
        // exceptions comes before ufw's chains where both are there.
        if way == .forwardIn || way == .forwardOut, chains.contains("DOCKER-USER") { return .docker }
        if chains.contains(where: { $0.hasPrefix("ufw-") }) { return .ufw }
        if table.name == "firewalld" { return .firewalld }
        if case .iptables(let program) = table.tool { return .iptables(program) }
        // Tables that iptables made look like this to nft.
        if table.family == "ip", ["filter", "mangle", "raw", "security"].contains(table.name),
            ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"].contains(base)
        {
            return .iptables("iptables")
        }
        return .nft
    }

    private var program: String {
        if case .iptables(let program) = table.tool { return program }
        return "iptables"
    }

    /// The commands, joined by "; ".
    var text: String {
        let commands: [String]
        switch (owner, way) {
        case (.docker, _): commands = pools { ["\(program) -I DOCKER-USER \($1) \($0) -j ACCEPT"] }
        case (.ufw, .forwardIn), (.ufw, .forwardOut):
            commands = scene.pools.flatMap { ["ufw route allow from \($0)", "ufw route allow to \($0)"] }
        // ufw knows no name for protocol 4; a rule without a protocol is for all of them.
        case (.ufw, .tunnelIn): commands = each { "ufw allow from \($0) to \(scene.address)" }
        case (.ufw, .tunnelOut): commands = each { "ufw allow out from \(scene.address) to \($0)" }
        case (.firewalld, .forwardIn), (.firewalld, .forwardOut):
            commands =
                scene.pools.map { "firewall-cmd --permanent --zone=trusted --add-source=\($0)" }
                + ["firewall-cmd --reload"]
        // Any protocol that firewalld has no name for on this system, it takes by its number.
        case (.firewalld, .tunnelIn):
            commands =
                each {
                    "firewall-cmd --permanent\(zoneOption) --add-rich-rule='rule family=ipv4 source address=\($0) "
                        + "protocol value=4 accept'"
                } + ["firewall-cmd --reload"]
        case (.firewalld, .tunnelOut):
            commands = each { "let protocol 4 to \($0) pass in the policy for what this host sends" }
        case (.iptables(let program), .tunnelIn):
            commands = each { "\(program)\(tableOption) -I \(base) -p 4 -s \($0) -j ACCEPT" }
        case (.iptables(let program), .tunnelOut):
            commands = each { "\(program)\(tableOption) -I \(base) -p 4 -d \($0) -j ACCEPT" }
        case (.iptables(let program), _):
            commands = pools { ["\(program)\(tableOption) -I \(base) \($1) \($0) -j ACCEPT"] }
        case (.nft, .tunnelIn):
            commands = each { "nft insert rule \(chain) ip saddr \($0) ip protocol 4 accept" }
        case (.nft, .tunnelOut):
            commands = each { "nft insert rule \(chain) ip daddr \($0) ip protocol 4 accept" }
        case (.nft, _):
            commands = scene.pools.flatMap {
                ["nft insert rule \(chain) ip saddr \($0) accept", "nft insert rule \(chain) ip daddr \($0) accept"]
            }
        }
        return commands.joined(separator: "; ")
    }

    private var chain: String { "\(table.family) \(table.name) \(base)" }

    private var base: String { drop.base }

    /// `filter_IN_public` and its parts say which zone decided; elsewhere the default zone is meant.
    private var zoneOption: String {
        guard drop.chain.hasPrefix("filter_IN_") else { return "" }
        let zone = drop.chain.dropFirst("filter_IN_".count).prefix { $0 != "_" }
        return " --zone=\(zone)"
    }

    private var tableOption: String { table.name == "filter" ? "" : " -t \(table.name)" }

    private func pools(_ commands: (IPv4Prefix, String) -> [String]) -> [String] {
        scene.pools.flatMap { commands($0, "-s") + commands($0, "-d") }
    }

    /// A command for each peer; for many, for the first ones and a word about the rest.
    private func each(_ command: (IPv4Address) -> String) -> [String] {
        let commands = peers.prefix(3).map { command($0.address) }
        return peers.count > 3 ? commands + ["and so for the other \(peers.count - 3) nodes"] : commands
    }
}
