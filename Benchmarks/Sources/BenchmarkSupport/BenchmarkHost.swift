// A virtual host with an underlay device and a directory of its own; both go when the value goes.

public import Dataplane
private import FoundationEssentials
public import LinuxSystem
public import Net
public import Overlay
public import Packet
private import Rtnetlink

/// A network namespace with `eth0`, an address and a default route, as a node of a cluster has them.
public final class BenchmarkHost: Sendable {
    private static let prefix = "poplin-bench-"

    /// The namespace's name.
    public let name: String
    /// A directory for files.
    public let directory: String
    private let cleanup: Int

    /// Makes the host of a cluster's local node.
    ///
    /// - Parameter purpose: part of the name.
    public init(_ purpose: String, of cluster: SyntheticCluster) throws {
        try BenchmarkHost.removeLeftovers()
        let name = "\(BenchmarkHost.prefix)\(Host.processID)-\(purpose)"
        // Not in /tmp: the agent watches the directories above its own as well, and there others come and go.
        let directory = "/run/\(name)"
        self.name = name
        self.directory = directory
        cleanup = Cleanup.note {
            try? NetworkNamespace.delete(name)
            try? FileManager.default.removeItem(atPath: directory)
        }
        try Directory.create(directory)
        try NetworkNamespace.create(name)
        let (address, gateway) = (cluster.local.address, cluster.gateway)
        try NetworkNamespace.run(in: name) { try BenchmarkHost.connect(address, gateway) }
    }

    deinit {
        Cleanup.undo(cleanup)
    }

    /// Runs a body on a thread inside the namespace.
    public func run<T: Sendable>(_ body: @Sendable () throws -> T) throws -> T {
        try NetworkNamespace.run(in: name, body)
    }

    /// Runs a batch of `ip` commands in the namespace.
    public func ip(_ commands: String) throws {
        let path = "\(directory)/setup.ip"
        try TextFile.replace(path, with: commands)
        let result = try ChildProcess.run("ip", ["-batch", path], inNamespace: name)
        guard result.status.isSuccess else { throw BenchmarkFailure("ip -batch: \(result.errors)") }
    }

    /// Not by `ip`: a program that counts instructions cannot always watch children being made.
    private static func connect(_ address: IPv4InterfaceAddress, _ gateway: IPv4Address) throws {
        var socket = try NetlinkSocket()
        try socket.perform(.setLink(.name("lo"), LinkChange(isUp: true)))
        let cable = LinkSpecification(name: "eth0", kind: "veth", peer: LinkSpecification.Peer(name: "wire"))
        try socket.perform(.createLink(cable))
        for end in ["eth0", "wire"] { try socket.perform(.setLink(.name(end), LinkChange(isUp: true))) }
        guard let link = try socket.link(named: "eth0") else { throw BenchmarkFailure("there is no eth0") }
        try socket.perform(.addAddress(AddressMessage(link: link.index, address: address)))
        // RTPROT_BOOT: what `ip route` says of itself.
        let route = RouteSpecification(
            destination: IPv4Prefix(containing: .any, length: 0), gateway: gateway, link: link.index, routeProtocol: 3)
        try socket.perform(.addRoute(route))
    }

    /// Namespaces of benchmarks that were killed.
    private static func removeLeftovers() throws {
        for name in try NetworkNamespace.list() where name.hasPrefix(prefix) {
            let process = name.dropFirst(prefix.count).prefix { $0 != "-" }
            if !File.exists("/proc/\(process)") { try? NetworkNamespace.delete(name) }
        }
    }
}

/// Why a benchmark could not be run, or measured something else than it should have.
public struct BenchmarkFailure: Error, CustomStringConvertible {
    public let description: String

    /// A failure in words.
    public init(_ description: String) {
        self.description = description
    }
}

/// A tier that makes the TUN device and carries nothing.
public final class IdleTunnel: Tunnel {
    private var device: TunDevice?
    private let loss: EventFD
    public private(set) var peers: [TunnelPeer]?

    /// A tier.
    public init() throws {
        loss = try EventFD()
    }

    public func carry(device: String) throws(SyscallError) {
        self.device = try TunDevice.open(device, multiQueue: false)
    }
    public func setPeers(_ peers: [TunnelPeer]) { self.peers = peers }
    public func observe(_ device: Link?) {}
    public var isCarried: Bool {
        switch device {
        case .some: true
        case .none: false
        }
    }
    public var noticeDescriptor: Int32? { loss.descriptor.rawValue }
    public func takeNotices() -> [TunnelNotice] { [] }
    public func setWays(_ ways: [IPv4Address: OuterWay]) {}
    public func counters() -> TunnelCounters { TunnelCounters(table: ForwardingTable(peers: [], prefixes: [])) }
}
