// `poplin check`: everything on this host that keeps packets from passing, each with its remedy. Changes nothing.

internal import Dataplane
internal import Datastore
internal import LinuxSystem
internal import Net
internal import Overlay
internal import Rtnetlink

/// The check of a host.
public enum HostCheck {
    /// Looks at everything; what cannot be looked at is a finding itself.
    ///
    /// - Parameter configPath: without a usable config only the host itself is looked at.
    public static func run(configPath: String, environment: [String: String]) -> [HostFinding] {
        var findings = HostCheckSystem.capabilities() + HostCheckSystem.drivers()
        let survey: Survey
        do {
            survey = try Survey(configPath: configPath, environment: environment)
        } catch {
            findings += HostCheckSystem.tiers(requested: nil, device: NodeConfig(node: "").tunnelDevice)
            findings += "\(error)".split(separator: "\n").map { HostFinding("config", .fail, String($0)) }
            return findings + HostCheckSystem.rules() + HostCheckSystem.networkd()
        }
        findings += HostCheckSystem.tiers(
            requested: survey.config.tier, device: survey.config.tunnelDevice,
            running: survey.status.flatMap { Tier(rawValue: $0.tier) })
        findings.append(HostFinding("config", .ok, "\(configPath): node \(survey.local.name)"))
        let node = HostCheckNode(
            local: survey.local, topology: survey.topology, facts: survey.facts, observed: survey.observed,
            desired: survey.desired, agent: survey.status)
        findings += node.agentFinding(runDirectory: survey.config.runDirectory)
        findings += node.findings()
        findings += HostCheckLeftovers(
            facts: survey.facts, desired: survey.desired, tunnelDevice: survey.local.tunnelDevice
        ).findings()
        findings += HostCheckNode.datastore(
            survey.config.datastoreDirectory, problems: survey.problems, notes: survey.notes)
        findings += HostCheckSystem.rules() + HostCheckSystem.networkd()
        return findings + express(survey) + firewall(node.scene)
    }

    private static func express(_ survey: Survey) -> [HostFinding] {
        // The kernel sends what its own driver has made.
        guard survey.tier?.tier != .kernel else { return [] }
        let verdicts = PeerVerdict.all(
            local: survey.local, topology: survey.topology, facts: survey.facts, desired: survey.desired)
        return HostCheckExpress(
            choice: survey.config.express, usesPrograms: survey.tier?.tier == .bpf,
            peers: verdicts.filter { $0.decision.verdict == .tunnel }.map(\.node.address.address),
            underlay: Underlay(facts: survey.facts, local: survey.local)
        ).findings()
    }

    private static func firewall(_ scene: FirewallScene?) -> [HostFinding] {
        guard let scene else {
            return [
                HostFinding("firewall", .warn, "not looked at: there is no underlay device yet", remedy: "see address")
            ]
        }
        let reader = FirewallReader.read()
        guard reader.hasTool else {
            return [
                HostFinding(
                    "firewall", .warn, "not looked at: neither nft nor iptables-save is installed",
                    remedy: "install nftables to have its rules looked at")
            ]
        }
        let problems = reader.problems.map {
            HostFinding("firewall", .warn, $0, remedy: "run poplin check as root")
        }
        if !problems.isEmpty && reader.tables.isEmpty { return problems }
        return problems + Firewall(scene: scene, tables: reader.tables, ruleText: FirewallReader.text).findings()
    }
}
