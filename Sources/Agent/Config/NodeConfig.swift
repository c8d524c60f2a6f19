// The node config as one value: strict, with every mistake named by its place, and nothing guessed.

public import Datastore
public import Net
public import Overlay

/// Which tier is asked for.
public enum DataplaneChoice: String, Hashable, Sendable, CaseIterable {
    /// The first that is available: kernel, bpf, userspace.
    case auto
    case kernel
    case bpf
    case userspace
}

/// What `tunnel.ttl` says.
public enum OuterTTL: Hashable, Sendable {
    /// What suits the tier.
    case auto
    /// The inner packet's.
    case inherit
    /// 1 to 255.
    case fixed(UInt8)
}

/// Whether outer packets take the express path of the userspace tier (`tunnel.express`).
public enum ExpressChoice: String, Hashable, Sendable, CaseIterable {
    /// Where nothing on this host has to see them on their way out.
    case auto
    /// Also past the host's own output rules and queueing disciplines.
    case always
    case never
}

/// The configuration of this node.
public struct NodeConfig: Hashable, Sendable {
    /// The node's name; the host's name by default.
    public var node: String
    /// The underlay address with its prefix; nil has it found by ``addressFrom``.
    public var address: IPv4InterfaceAddress?
    /// How the address is found where none is given.
    public var addressFrom: AddressSource = .defaultRoute
    /// This node's mode; nil leaves it to the pools.
    public var ipipMode: IPIPMode?
    /// The tier.
    public var dataplane: DataplaneChoice = .auto
    /// The tunnel device's name.
    public var tunnelDevice = "tunl0"
    /// The tunnel device's MTU in bytes; nil is the underlay device's MTU less 20.
    public var tunnelMTU: Int?
    /// The outer TTL.
    public var tunnelTTL: OuterTTL = .auto
    /// The outer DSCP, 0 to 63; nil copies the inner packet's.
    public var tunnelDSCP: UInt8?
    /// Take packets from a peer whose inner source is not that peer's.
    public var acceptForeignSources = false
    /// Whether packets between workloads and the underlay go past the host's own IP.
    public var shortcut = false
    /// When outer packets may leave as finished frames, past the host's IP output.
    public var express: ExpressChoice = .auto
    /// Take and hand over large TCP packets, and many packets with one system call; false is one of each a packet.
    public var offload = true
    /// Queue pairs of the userspace tier, each with a thread of its own.
    public var queues = 1
    /// The CPUs that the threads are pinned to, in turn; empty leaves it to the scheduler.
    public var cpus: [Int] = []
    /// Microseconds for which a thread that has just had work looks for more before it sleeps.
    public var busyPoll = 0
    /// The directory of resources.
    public var datastoreDirectory = "/etc/poplin/cluster"
    /// The directory of status socket and lock.
    public var runDirectory = "/run/poplin"

    /// More threads than this only wait for each other.
    static let mostQueues = 16

    /// Where the running agent answers.
    public var statusSocketPath: String { runDirectory + "/status.sock" }
    /// Where the running agent waits for a successor.
    var handoverSocketPath: String { runDirectory + "/handover" }
    /// The lock that one agent holds.
    public var lockPath: String { runDirectory + "/lock" }

    /// The defaults of a node.
    public init(node: String) {
        self.node = node
    }

    /// Reads a config.
    ///
    /// - Parameters:
    ///   - bytes: the file's content; an empty file means the defaults.
    ///   - file: the file's path, for messages and for what is relative to it.
    ///   - environment: the variables; `POPLIN_…` ones override the file.
    ///   - hostName: the name of a node that is given none.
    /// - Throws: ``SourceErrors`` with all mistakes.
    public init(
        parsing bytes: [UInt8], file: String, environment: [String: String] = [:], hostName: String
    ) throws(SourceErrors) {
        var reader = ConfigReader()
        reader.readFile(bytes, file)
        reader.readEnvironment(environment)
        self.init(node: hostName.lowercased())
        apply(&reader, base: ConfigFile.directory(of: file))
        if reader.fields[.node] == nil, let problem = NodeRules.problem(withName: node) {
            reader.errors.append(
                SourceError(
                    file: file, field: ConfigKey.node.rawValue, problem: "the host name \(problem)",
                    remedy: "set node to a name like node-1"))
        }
        guard reader.errors.isEmpty else { throw SourceErrors(reader.errors) }
    }

    private mutating func apply(_ reader: inout ConfigReader, base: String) {
        reader.take(.node) { field throws(SourceError) in node = try field.nodeName() }
        reader.take(.address) { field throws(SourceError) in address = try field.interfaceAddress() }
        reader.take(.addressFrom) { field throws(SourceError) in addressFrom = try field.addressSource() }
        reader.take(.ipipMode) { field throws(SourceError) in ipipMode = try field.choice(IPIPMode.self) }
        reader.take(.dataplane) { field throws(SourceError) in dataplane = try field.choice(DataplaneChoice.self) }
        reader.take(.tunnelDevice) { field throws(SourceError) in tunnelDevice = try field.deviceName() }
        reader.take(.tunnelMTU) { field throws(SourceError) in
            // 68 is the least that IPv4 allows on a link (RFC 791); 65,535 less the outer header is the most.
            tunnelMTU = try field.integer(in: 68...65515, or: "auto")
        }
        reader.take(.tunnelTTL) { field throws(SourceError) in tunnelTTL = try field.outerTTL() }
        reader.take(.tunnelDSCP) { field throws(SourceError) in
            tunnelDSCP = try field.integer(in: 0...63, or: "copy").map { UInt8(clamping: $0) }
        }
        reader.take(.tunnelAcceptForeignSources) { field throws(SourceError) in
            acceptForeignSources = try field.boolean()
        }
        reader.take(.tunnelExpress) { field throws(SourceError) in express = try field.choice(ExpressChoice.self) }
        reader.take(.tunnelShortcut) { field throws(SourceError) in shortcut = try field.boolean() }
        reader.take(.tunnelOffload) { field throws(SourceError) in offload = try field.boolean() }
        reader.take(.tunnelQueues) { field throws(SourceError) in
            queues = try field.integer(in: 1...NodeConfig.mostQueues, or: "auto") ?? 1
        }
        reader.take(.tunnelCPUs) { field throws(SourceError) in cpus = try field.cpuList() }
        reader.take(.tunnelBusyPoll) { field throws(SourceError) in
            busyPoll = try field.integer(in: 0...1000, or: "auto") ?? 0
        }
        reader.take(.datastoreFile) { field throws(SourceError) in
            datastoreDirectory = try field.directory(longest: 3000, relativeTo: base)
        }
        reader.take(.runDirectory) { field throws(SourceError) in
            // A Unix socket's path has 107 bytes.
            runDirectory = try field.directory(longest: 107 - "/status.sock".utf8.count, relativeTo: nil)
        }
    }

    /// The keys that differ and that a running agent cannot follow, in the order of the documentation.
    public static func restartKeys(from old: NodeConfig, to new: NodeConfig) -> [String] {
        ConfigKey.allCases.filter { !$0.takesEffectLive && differs($0, old, new) }.map(\.rawValue)
    }

    private static func differs(_ key: ConfigKey, _ old: NodeConfig, _ new: NodeConfig) -> Bool {
        switch key {
        case .node: old.node != new.node
        case .address: old.address != new.address
        case .addressFrom: old.addressFrom != new.addressFrom
        case .ipipMode: old.ipipMode != new.ipipMode
        case .dataplane: old.dataplane != new.dataplane
        case .tunnelDevice: old.tunnelDevice != new.tunnelDevice
        case .tunnelMTU: old.tunnelMTU != new.tunnelMTU
        case .tunnelTTL: old.tunnelTTL != new.tunnelTTL
        case .tunnelDSCP: old.tunnelDSCP != new.tunnelDSCP
        case .tunnelAcceptForeignSources: old.acceptForeignSources != new.acceptForeignSources
        case .tunnelExpress: old.express != new.express
        case .tunnelShortcut: old.shortcut != new.shortcut
        case .tunnelOffload: old.offload != new.offload
        case .tunnelQueues: old.queues != new.queues
        case .tunnelCPUs: old.cpus != new.cpus
        case .tunnelBusyPoll: old.busyPoll != new.busyPoll
        case .datastoreFile: old.datastoreDirectory != new.datastoreDirectory
        case .runDirectory: old.runDirectory != new.runDirectory
        }
    }
}

extension NodeConfig {
    /// This node as the verdicts see it; finds the address where none is given.
    ///
    /// - Throws: ``AddressDetectionError`` where there is none, or more than one.
    public func localNode(facts: HostFacts) throws(AddressDetectionError) -> LocalNode {
        let underlay: IPv4InterfaceAddress
        if let address {
            underlay = address
        } else {
            underlay = try addressFrom.detect(in: facts, tunnelDevice: tunnelDevice)
        }
        return LocalNode(
            name: node, address: underlay, ipipMode: ipipMode, tunnelDevice: tunnelDevice,
            checksSources: !acceptForeignSources, tunnelMTU: tunnelMTU)
    }
}
