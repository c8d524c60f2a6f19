// The host itself, whatever the config says: rights, drivers, tiers, routing rules, other software.

internal import Dataplane
internal import LinuxSystem
internal import Rtnetlink

/// Findings that need no config.
enum HostCheckSystem {
    static func capabilities() -> [HostFinding] {
        [(Host.Capability.netAdmin, "CAP_NET_ADMIN"), (.netRaw, "CAP_NET_RAW")].map { capability, name in
            Host.hasCapability(capability)
                ? HostFinding("capability", .ok, "\(name) is there")
                : HostFinding(
                    "capability", .fail, "\(name) is missing",
                    remedy: "run as root, or give the service AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW")
        }
    }

    static func drivers() -> [HostFinding] {
        let tun: HostFinding
        do throws(SyscallError) {
            try TunDevice.probe()
            tun = HostFinding("tun", .ok, "the TUN driver is there")
        } catch {
            tun = HostFinding(
                "tun", .warn, "the TUN driver cannot be used: \(error)",
                remedy: "modprobe tun; in a container pass /dev/net/tun in and add CAP_NET_ADMIN")
        }
        return [tun, HostFinding("ipip", .ok, IPIPDriver.look().words)]
    }

    /// - Parameters:
    ///   - requested: nil for `auto`.
    ///   - device: the tunnel device's name.
    ///   - running: what the running agent chose; nil where none runs.
    static func tiers(requested: Tier?, device: String, running: Tier? = nil) -> [HostFinding] {
        tiers(requested: requested, TierChoice.survey(device: device, by: .looking), running: running)
    }

    static func tiers(
        requested: Tier?, _ survey: [(tier: Tier, availability: Availability)], running: Tier?
    ) -> [HostFinding] {
        let anyAvailable = survey.contains { $0.availability == .available }
        return survey.map { tier, availability in
            let name = "tier.\(tier.rawValue)"
            // It knows better than a look, which must not try.
            if tier == running { return HostFinding(name, .ok, "available: the agent runs with it") }
            switch availability {
            case .available:
                return HostFinding(name, .ok, requested == tier ? "available, and asked for" : "available")
            case .unavailable(let because):
                let isNeeded = requested == tier || (requested == nil && !anyAvailable)
                return HostFinding(
                    name, isNeeded ? .fail : .ok, "not available: \(because)",
                    remedy: requested == tier && anyAvailable ? "poplin set dataplane=auto" : "")
            }
        }
    }

    static func rules() -> [HostFinding] {
        do throws(NetlinkError) {
            var netlink = try NetlinkSocket()
            return rules(try netlink.rules())
        } catch {
            return [HostFinding("rules", .warn, "routing rules cannot be read: \(error)")]
        }
    }

    /// Verdicts read the main table alone; rules beyond the kernel's three can send packets past it.
    static func rules(_ rules: [RuleMessage]) -> [HostFinding] {
        let others = rules.filter { !$0.isDefault }
        guard !others.isEmpty else { return [HostFinding("rules", .ok, "only the kernel's own routing rules")] }
        let shown = others.prefix(4).map { "\($0.priority)" }.joined(separator: ", ")
        let more = others.count > 4 ? " and \(others.count - 4) more" : ""
        return [
            HostFinding(
                "rules", .warn,
                "\(others.count) routing rule\(others.count == 1 ? "" : "s") beyond the kernel's (priority \(shown)\(more)): "
                    + "verdicts know the main table only",
                remedy: "see `ip rule`; let pools and underlay use the table main")
        ]
    }

    /// networkd takes away routes that it did not make when it starts and when a link comes back.
    static func networkd(root: String = "") -> [HostFinding] {
        let units = (try? Directory.list("\(root)/run/systemd/units")) ?? []
        guard units.contains("invocation:systemd-networkd.service") || File.exists("\(root)/run/systemd/netif/state")
        else { return [] }
        guard keepsForeignRoutes(networkdFiles(root: root)) else {
            return [
                HostFinding(
                    "networkd", .warn, "systemd-networkd deletes routes that it did not make; the agent puts them back",
                    remedy:
                        "write '[Network]' and 'ManageForeignRoutes=no' to /etc/systemd/networkd.conf.d/poplin.conf, "
                        + "then systemctl restart systemd-networkd")
            ]
        }
        return [HostFinding("networkd", .ok, "systemd-networkd leaves the routes of others alone")]
    }

    /// Whether the last word on `ManageForeignRoutes` is no; yes is networkd's default.
    static func keepsForeignRoutes(_ files: [String]) -> Bool {
        var keeps = false
        for file in files {
            var section = ""
            for line in file.split(separator: "\n") {
                let line = line.trimmed
                if line.hasPrefix("[") { section = line }
                let parts = line.split(separator: "=", maxSplits: 1).map(\.trimmed)
                guard section == "[Network]", parts.count == 2, parts[0] == "ManageForeignRoutes" else { continue }
                keeps = ["no", "n", "false", "f", "off", "0"].contains(parts[1].lowercased())
            }
        }
        return keeps
    }

    /// The first main file, then the drop-ins by name, of which the directory named first has precedence.
    private static func networkdFiles(root: String) -> [String] {
        let directories = ["/etc", "/run", "/usr/local/lib", "/usr/lib"].map { "\(root)\($0)/systemd/networkd.conf" }
        var paths: [String: String] = [:]
        for directory in directories.map({ "\($0).d" }) {
            for name in (try? Directory.list(directory)) ?? [] where name.hasSuffix(".conf") && paths[name] == nil {
                paths[name] = "\(directory)/\(name)"
            }
        }
        let ordered = directories.first { File.exists($0) }.map { [$0] } ?? []
        return (ordered + paths.sorted { $0.key < $1.key }.map(\.value)).compactMap {
            try? TextFile.read($0, limit: 1 << 20)
        }
    }
}
