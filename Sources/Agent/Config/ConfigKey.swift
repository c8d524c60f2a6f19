// The keys of the node config: one list for the file, the environment, `poplin set` and live changes.

internal import Datastore

/// A key of the node config by its dotted path.
public enum ConfigKey: String, Hashable, Sendable, CaseIterable {
    case node
    case address
    case addressFrom
    case ipipMode
    case dataplane
    case tunnelDevice = "tunnel.device"
    case tunnelMTU = "tunnel.mtu"
    case tunnelTTL = "tunnel.ttl"
    case tunnelDSCP = "tunnel.dscp"
    case tunnelAcceptForeignSources = "tunnel.acceptForeignSources"
    case tunnelExpress = "tunnel.express"
    case tunnelShortcut = "tunnel.shortcut"
    case tunnelOffload = "tunnel.offload"
    case tunnelQueues = "tunnel.queues"
    case tunnelCPUs = "tunnel.cpus"
    case tunnelBusyPoll = "tunnel.busyPoll"
    case datastoreFile = "datastore.file"
    case runDirectory

    /// The environment variable that wins over the file: `POPLIN_TUNNEL_MTU` for `tunnel.mtu`.
    public var environmentVariable: String {
        var name = "POPLIN_"
        for character in rawValue {
            if character == "." {
                name += "_"
            } else if character.isUppercase {
                name += "_" + String(character)
            } else {
                name += character.uppercased()
            }
        }
        return name
    }

    /// Whether a change takes effect in a running agent.
    public var takesEffectLive: Bool { self == .ipipMode || self == .tunnelMTU }

    /// The variable of `environment` that overrides this key; nil where none does.
    public func override(in environment: [String: String]) -> String? {
        environment[environmentVariable] == nil ? nil : environmentVariable
    }

    /// Keys that are mappings of other keys.
    static let sections: [String] = ["tunnel", "datastore"]

    /// The names directly below `section`, or at the top for nil.
    static func names(in section: String?) -> [String] {
        guard let section else { return allCases.map(\.rawValue).filter { !$0.contains(".") } + sections }
        return allCases.map(\.rawValue).filter { $0.hasPrefix(section + ".") }.map {
            String($0.dropFirst(section.count + 1))
        }
    }

    /// Finds mistakes in the names of `POPLIN_…` variables.
    ///
    /// - Parameter environment: the process's whole environment; other variables are not looked at.
    static func unknownVariables(in environment: [String: String]) -> [SourceError] {
        let known = Set(allCases.map(\.environmentVariable))
        // For tests and scripts around the agent, which inherit their environment to it.
        let foreign = ["POPLIN_REQUIRE", "POPLIN_BIN", "POPLIN_TEST", "POPLIN_LAB", "POPLIN_CONFIG"]
        return environment.keys.sorted().compactMap { name in
            guard name.hasPrefix("POPLIN_"), !known.contains(name),
                !foreign.contains(where: { name == $0 || name.hasPrefix($0 + "_") })
            else { return nil }
            let near = nearestName(to: name, in: Array(known))
            return SourceError(
                file: "environment", field: name, problem: "unknown variable",
                remedy: near.map { "did you mean \($0)?" } ?? "unset it")
        }
    }
}
