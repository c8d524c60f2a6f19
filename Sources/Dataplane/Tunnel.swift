// The one face of all tiers: carry a device's packets, know the peers, count.

public import LinuxSystem
public import Net
public import Overlay
public import Packet

/// A way to encapsulate.
public enum Tier: String, Hashable, Sendable, CaseIterable {
    /// The kernel's `ipip` driver.
    case kernel
    /// Programs on the traffic control hooks.
    case bpf
    /// A TUN device and a raw socket, served by a thread of this process.
    case userspace

    /// Whether this tier can go on with what another one hands over: these two carry by the same device and socket.
    public func goesOn(from other: Tier) -> Bool { self == other || self != .kernel && other != .kernel }
}

/// Whether a tier can work on this host, found out by trying.
public enum Availability: Hashable, Sendable {
    case available
    /// With the reason and the remedy.
    case unavailable(because: String)
}

/// What a tier needs to know of this node beside its peers.
public struct TunnelSettings: Hashable, Sendable {
    /// The outer source, and the only outer destination that is taken.
    public var localAddress: IPv4Address
    /// The tunnel device's MTU in bytes.
    public var deviceMTU: Int
    public var timeToLive: Encapsulator.TimeToLive
    public var dscp: Encapsulator.DSCP
    /// Take inner sources that are nobody's or another peer's.
    public var acceptsForeignSources: Bool
    /// Packets of workloads go past the host's own IP (bpf tier).
    public var takesShortcut: Bool
    /// Large TCP packets and many packets with one system call (userspace tier).
    public var offloads: Bool
    /// Queue pairs, each with a thread (userspace tier).
    public var queues: Int
    /// The CPUs of the threads, in turn; empty leaves it to the scheduler (userspace tier).
    public var cpus: [Int]
    /// For how long a thread that has just had work looks for more before it sleeps (userspace tier).
    public var busyPollMicroseconds: Int

    /// Settings with the conforming defaults.
    public init(
        localAddress: IPv4Address, deviceMTU: Int = 1480, timeToLive: Encapsulator.TimeToLive = .fixed(64),
        dscp: Encapsulator.DSCP = .copy, acceptsForeignSources: Bool = false, takesShortcut: Bool = false,
        offloads: Bool = true, queues: Int = 1, cpus: [Int] = [], busyPollMicroseconds: Int = 0
    ) {
        self.localAddress = localAddress
        self.deviceMTU = deviceMTU
        self.timeToLive = timeToLive
        self.dscp = dscp
        self.acceptsForeignSources = acceptsForeignSources
        self.takesShortcut = takesShortcut
        self.offloads = offloads
        self.queues = queues
        self.cpus = cpus
        self.busyPollMicroseconds = busyPollMicroseconds
    }
}

/// What a tier says unasked.
public enum TunnelNotice: Hashable, Sendable {
    /// It stopped by itself, because its device was deleted, say.
    case stopped
    /// The kernel refused a packet to the peer with this outer address as larger than the path that it knows.
    case tooBig(IPv4Address)
}

/// A tier at work; owned by the one thread that reconciles.
public protocol Tunnel: AnyObject {
    /// Makes the device or takes over the one of this name, and starts to carry its packets.
    func carry(device: String) throws
    /// Stops carrying, and gives what another process needs to go on where this one ends, without losing a packet; the
    /// same list lets this one go on. A tier whose packets the kernel carries has nothing to give.
    func handOver() throws -> DescriptorList
    /// Goes on with what ``handOver()`` gave, here or in another process.
    func takeOver(_ descriptors: consuming DescriptorList, device: String) throws
    /// Puts the peers in force; when this returns, the next packet meets them.
    func setPeers(_ peers: [TunnelPeer]) throws
    /// How outer packets leave, by outer address; a peer that is not named uses the socket. Called with the same ways
    /// again, it mends what others have changed. The kernel tier has no use for it.
    func setWays(_ ways: [IPv4Address: OuterWay]) throws
    /// Names the devices of this host's workloads, by index; in force with the next ``setWays(_:)``. Tiers without a
    /// shortcut have no use for it.
    func setWorkloads(_ links: Set<Int32>)
    /// Tells the tier its device as it was just read, nil for none: whether it is there, and the MTU that others have
    /// set. Costs nothing where that is known.
    func observe(_ device: Link?)

    /// Whether packets are carried now.
    var isCarried: Bool { get }
    /// The peers in force; nil before the first ``setPeers(_:)``.
    var peers: [TunnelPeer]? { get }
    /// Readable when the tier has something to say; nil where it never has.
    var noticeDescriptor: Int32? { get }
    /// What it has to say; the descriptor is quiet again.
    func takeNotices() -> [TunnelNotice]
    /// What was counted since the tier was made, for the peers in force.
    func counters() -> TunnelCounters
}

extension Tunnel {
    public func setWorkloads(_ links: Set<Int32>) {}
    public func handOver() throws -> DescriptorList { DescriptorList() }
    public func takeOver(_ descriptors: consuming DescriptorList, device: String) throws {
        try carry(device: device)
    }
}

/// Why a tier cannot carry, where no system call says it.
public struct TunnelError: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}
