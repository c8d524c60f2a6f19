// What the packet thread knows of the peers: where packets go, how they leave, and what was counted.

internal import LinuxSystem
internal import Net
internal import Packet

/// The forwarding table in force with what belongs to each of its peers, by peer index.
struct PeerTable: ~Copyable {
    private(set) var forwarding: ForwardingTable
    private(set) var ways: [OuterWay]
    var counters: TunnelCounters
    /// When the kernel last refused a packet to a peer as too big (nanoseconds, monotonic).
    private var refusals: [UInt64]

    /// Nanoseconds between two notices about one peer.
    private static let noticePause: UInt64 = 1_000_000_000

    init(_ forwarding: ForwardingTable, ways: [IPv4Address: OuterWay]) {
        self.forwarding = forwarding
        self.ways = Self.ways(ways, forwarding)
        counters = TunnelCounters(table: forwarding)
        refusals = [UInt64](repeating: 0, count: forwarding.peers.count)
    }

    /// Puts another table in force; counts go on for the peers that stay.
    mutating func use(_ forwarding: ForwardingTable, ways: [IPv4Address: OuterWay]) {
        counters = counters.carried(to: forwarding)
        self.forwarding = forwarding
        self.ways = Self.ways(ways, forwarding)
        refusals = [UInt64](repeating: 0, count: forwarding.peers.count)
    }

    mutating func use(ways: [IPv4Address: OuterWay]) {
        self.ways = Self.ways(ways, forwarding)
    }

    /// Has a way whose neighbour was asked after once count as confirmed until the kernel says otherwise.
    mutating func confirm(_ way: EthernetWay, of peer: Int) {
        var confirmed = way
        confirmed.needsConfirmation = false
        ways[peer] = .frame(confirmed)
    }

    /// Whether a refused packet is worth a notice: the first to a peer for a while.
    mutating func noteRefusal(of peer: Int) -> Bool {
        let now = Monotonic.now
        guard refusals[peer] == 0 || now &- refusals[peer] > Self.noticePause else { return false }
        refusals[peer] = now
        return true
    }

    private static func ways(_ ways: [IPv4Address: OuterWay], _ forwarding: ForwardingTable) -> [OuterWay] {
        forwarding.peers.map { ways[$0.outerAddress] ?? .socket }
    }
}
