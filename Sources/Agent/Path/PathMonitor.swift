// What the underlay says of the paths to the peers, whatever the tier: it is heard on the control thread, kept as soft
// state for the next walk, and told to inner senders.

internal import LinuxSystem
internal import Net
internal import Overlay
internal import Packet
internal import Rtnetlink

/// Listens for ICMP about outer packets.
struct PathMonitor: ~Copyable {
    /// What became of the messages that were heard.
    struct Counts: Hashable {
        /// Told to an inner sender.
        var relayed: UInt64 = 0
        /// Not told, for the rate or because the kernel had no room.
        var limited: UInt64 = 0
        /// Not believed, or nobody is told of their kind.
        var ignored: UInt64 = 0
        /// Those by which a known path MTU fell.
        var learnt: UInt64 = 0
    }

    /// Messages taken in one turn: a flood of them must not keep the loop from its other work.
    private static let batch = 64
    /// RFC 1812 section 4.3.2.3 has routers send 576 bytes at most.
    private static let longestMessage = 2048

    private let errors: ICMPErrorSocket
    private let replies: RawIPv4Socket
    private var relay: ICMPRelay
    private var limit = ICMPRateLimit()
    private var silence = PeerSilence()
    private(set) var table = PathMTUTable()
    private(set) var counts = Counts()

    /// Listens in the calling thread's network namespace for errors about what `localAddress` tunnels.
    init(localAddress: IPv4Address) throws(SyscallError) {
        let errors = try ICMPErrorSocket(about: IPProtocol.ipip, sentFrom: localAddress.rawValue)
        // IPPROTO_RAW: a socket that only sends.
        let replies = try RawIPv4Socket(proto: 255)
        self.errors = errors
        self.replies = replies
        relay = ICMPRelay(localAddress: localAddress)
    }

    /// Readable while there is a message.
    var fileDescriptor: Int32 { errors.fileDescriptor }

    /// Takes messages that have come, and tells inner senders.
    ///
    /// - Parameters:
    ///   - peers: those in force.
    ///   - source: this node's address for inner senders.
    ///   - inheritsTimeToLive: whether outer packets bear the inner TTL.
    ///   - received: how many packets have come from a peer by now.
    /// - Returns: whether a path MTU has fallen.
    mutating func hear(
        peers: [TunnelPeer], source: IPv4Address, inheritsTimeToLive: Bool, received: (IPv4Address) -> UInt64
    ) -> Bool {
        relay.use(peers)
        relay.inheritsTimeToLive = inheritsTimeToLive
        var hasFallen = false
        var buffer = [UInt8](repeating: 0, count: Self.longestMessage)
        for _ in 0..<Self.batch {
            // An error that waited at the socket is taken off by the call: the next one goes on.
            guard let length = try? buffer.withUnsafeMutableBytes({ try errors.receive(into: $0) }) else { break }
            let packet = buffer.span.bytes.extracting(first: min(length, buffer.count))
            guard let finding = relay.judge(packet, source: source) else {
                counts.ignored += 1
                continue
            }
            let now = Monotonic.now
            if let mtu = finding.pathMTU, table.learn(mtu, to: finding.peer, now: now) {
                counts.learnt += 1
                hasFallen = true
            }
            guard let reply = finding.reply else { continue }
            if finding.isProtocolUnreachable && !silence.confirms(finding.peer, received: received(finding.peer)) {
                counts.ignored += 1
            } else {
                send(reply, now: now)
            }
        }
        return hasFallen
    }

    /// Takes what the kernel itself knows of the path to a peer, for whom it has refused a packet as too big.
    ///
    /// - Returns: whether the path MTU has fallen.
    mutating func ask(_ netlink: inout NetlinkSocket, about peer: IPv4Address) -> Bool {
        // Of the answer for one host, the MTU is that of the kernel's own soft state where there is any. A peer without
        // a usable route is the next walk's to see.
        guard let route = try? netlink.routeGet(peer), route.mtu > 0 else { return false }
        return table.learn(UInt16(clamping: route.mtu), to: peer, now: Monotonic.now)
    }

    /// Forgets what has aged and what was learnt of former peers, before a walk.
    mutating func prepare(peers: [TunnelPeer]) {
        table.expire(now: Monotonic.now)
        table.keep { address in peers.contains { $0.address == address } }
        silence.keep { address in peers.contains { $0.address == address } }
    }

    private mutating func send(_ reply: ICMPRelay.Reply, now: UInt64) {
        guard limit.allows(reply.receiver, now: now) else {
            counts.limited += 1
            return
        }
        do {
            let isSent = try reply.packet.withUnsafeBytes { try replies.send($0, to: reply.receiver.rawValue) }
            if isSent { counts.relayed += 1 } else { counts.limited += 1 }
        } catch {
            // No route back, or an address of many: there is nobody to tell.
            counts.ignored += 1
        }
    }
}
