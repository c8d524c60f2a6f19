// Asks the host's own tools for the packet filter's rules; changes nothing.

internal import LinuxSystem

/// The rules of this network namespace.
struct FirewallReader {
    /// All tables that see IPv4 packets.
    private(set) var tables: [FirewallTable] = []
    /// What could not be read, a line each.
    private(set) var problems: [String] = []
    /// Whether any tool was there to be asked.
    private(set) var hasTool = false

    /// Reads nftables, iptables on nftables and the older iptables of the kernel, as far as their tools are installed.
    static func read() -> FirewallReader {
        var reader = FirewallReader()
        reader.readNFT()
        reader.readIPTables()
        return reader
    }

    /// The words of a rule that a JSON listing gives only in parts.
    static func text(ofRule handle: Int, in chain: String, of table: FirewallTable) -> String? {
        guard table.tool == .nft, let nft = path("nft"),
            let result = run(nft, ["--handle", "list", "chain", table.family, table.name, chain])
        else { return nil }
        return FirewallNFT.text(ofRule: handle, in: result.output)
    }

    private mutating func readNFT() {
        guard let nft = FirewallReader.path("nft") else { return }
        hasTool = true
        guard let result = FirewallReader.run(nft, ["--json", "list", "ruleset"]), result.status.isSuccess else {
            problems.append("nft cannot list the rules: it needs CAP_NET_ADMIN")
            return
        }
        guard !result.output.allSatisfy(\.isWhitespace) else { return }
        do {
            tables = try FirewallNFT.tables(result.output)
        } catch {
            problems.append("nft's listing cannot be read")
        }
    }

    private mutating func readIPTables() {
        var seen: Set<String> = []
        for name in ["iptables", "iptables-nft", "iptables-legacy"] {
            guard let program = FirewallReader.path("\(name)-save") else { continue }
            hasTool = true
            let isLegacy = FirewallReader.isLegacy(program)
            // Asking the older tool would load its modules where nobody uses them.
            if isLegacy && !FirewallReader.hasLegacyTables { continue }
            guard seen.insert(isLegacy ? "legacy" : "nft").inserted else { continue }
            guard let result = FirewallReader.run(program, []), result.status.isSuccess else {
                problems.append("\(name)-save cannot list the rules: it needs CAP_NET_ADMIN")
                continue
            }
            let found = FirewallSave.tables(result.output, program: name)
            // The same rules, which nft shows with gaps.
            if !isLegacy {
                tables.removeAll { table in found.contains { table.family == "ip" && table.name == $0.name } }
            }
            tables += found
        }
    }

    private static var hasLegacyTables: Bool {
        (try? TextFile.read("/proc/net/ip_tables_names", limit: 4096)).map { !$0.isEmpty } ?? false
    }

    private static func isLegacy(_ program: String) -> Bool {
        guard let result = run(program, ["--version"]) else { return false }
        return !result.output.contains("nf_tables")
    }

    private static func path(_ program: String) -> String? {
        ["/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/local/bin"].map { "\($0)/\(program)" }
            .first { File.exists($0) }
    }

    private static func run(_ program: String, _ arguments: [String]) -> ProgramResult? {
        try? ChildProcess.run(program, arguments, limit: 64 << 20, timeoutMilliseconds: 10_000)
    }
}
