// The bpf tier: programs in the kernel carry what they can, and behind them stands the userspace tier for all the rest.

internal import BPF
public import LinuxSystem
public import Net
public import Overlay
public import Packet
internal import Rtnetlink

/// IP-in-IP by programs on the traffic control hooks of the tunnel device and of the devices under it.
///
/// What a program leaves alone goes on: outward into the TUN device's queue, inward up the stack to a raw socket, where the
/// userspace tier takes it. So whatever happens to the programs, packets are carried, only slower; and whatever happens
/// to this process, the programs that are attached go on as they are.
public final class BPFTunnel: Tunnel {
    private let settings: TunnelSettings
    private let slowPath: UserspaceTunnel
    private var netlink: NetlinkSocket
    /// The tunnel device's index; nil while there is none.
    private var link: Int32?
    /// Nil until peers and ways are known, and where nothing is for programs.
    private var programs: TunnelPrograms?
    private var ways: [IPv4Address: OuterWay] = [:]
    /// Of the shortcut, by index; empty without it.
    private var workloads: Set<Int32> = []
    /// What programs counted that this process has replaced.
    private var earlier: TunnelCounters?

    /// A tier in the network namespace of the calling thread that carries nothing yet.
    public init(settings: TunnelSettings) throws {
        var single = settings
        // For what is left to it, one thread is enough.
        (single.queues, single.cpus) = (1, [])
        self.settings = settings
        slowPath = try UserspaceTunnel(settings: single)
        netlink = try NetlinkSocket()
    }

    public static func probe(by method: ProbeMethod) -> Availability { BPFProbe.judge(by: method) }

    public var isCarried: Bool { slowPath.isCarried }
    public var peers: [TunnelPeer]? { slowPath.peers }
    public var noticeDescriptor: Int32? { slowPath.noticeDescriptor }
    public func takeNotices() -> [TunnelNotice] { slowPath.takeNotices() }

    public func carry(device: String) throws {
        try slowPath.carry(device: device)
    }

    /// Programs need not be handed over: a successor puts its own in the place of these.
    public func handOver() throws -> DescriptorList {
        programs?.unlink()
        return try slowPath.handOver()
    }

    public func takeOver(_ descriptors: consuming DescriptorList, device: String) throws {
        try slowPath.takeOver(descriptors, device: device)
    }

    public func observe(_ device: Link?) {
        link = device?.index
        slowPath.observe(device)
        // Those that were made for a device which is gone would go on giving it what comes in. What fails is tried again
        // with the next ways.
        if let made = programs?.link, made != link { try? setWays(ways) }
    }

    public func setPeers(_ peers: [TunnelPeer]) throws {
        try slowPath.setPeers(peers)
        if programs != nil { try tellPrograms() }
    }

    /// Programs take the peers whose way is `redirect`, and stand on the devices that these name. Those of a former agent
    /// go on until this is first called, so that they are replaced only by some that know everything.
    public func setWays(_ ways: [IPv4Address: OuterWay]) throws {
        let isNew = ways != self.ways
        self.ways = ways
        let receivers = Set(ways.values.compactMap { if case .redirect(let link) = $0 { link } else { nil } })
        guard !receivers.isEmpty else { return try removePrograms() }
        guard let link, isCarried, peers != nil else { return }
        if programs?.link != link {
            retire()
            programs = try TunnelPrograms(settings, link: link)
            try tellPrograms()
        } else if isNew {
            try tellPrograms()
        }
        try programs?.settle(receivers: receivers, workloads: workloads, &netlink)
    }

    public func setWorkloads(_ links: Set<Int32>) {
        if settings.takesShortcut { workloads = links }
    }

    private func tellPrograms() throws(BPFError) {
        let peers = peers ?? []
        let table = ProgramTable(
            peers: peers.map { peer in
                ProgramTable.Peer(
                    TunnelEndpoint(outerAddress: peer.address, tunnelAddress: peer.tunnelAddress),
                    isLeftToAgent: ways[peer.address] == nil)
            },
            prefixes: peers.enumerated().flatMap { index, peer in peer.prefixes.map { (prefix: $0, peer: index) } })
        try programs?.use(table, for: Set(peers.map(\.address)))
    }

    private func removePrograms() throws {
        for filter in try TunnelFilters.list(&netlink) { try TunnelFilters.remove(filter) }
        retire()
    }

    public func counters() -> TunnelCounters {
        var sum = slowPath.counters()
        if let earlier { sum.add(earlier) }
        // Without the programs' share the counts are late, not wrong.
        try? programs?.add(to: &sum)
        return sum
    }

    /// Lets go of the programs and keeps what they counted.
    private func retire() {
        guard programs != nil else { return }
        var kept = TunnelCounters(table: ForwardingTable(peers ?? []))
        if let earlier { kept.add(earlier) }
        try? programs?.add(to: &kept)
        earlier = kept
        programs = nil
    }
}
