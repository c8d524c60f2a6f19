// The packet thread's own loop: run to completion, both directions, and orders between two turns.

internal import LinuxSystem
internal import Net
internal import Packet

/// Moves packets between the tunnel device and the peers; everything in it is touched by the packet thread alone.
struct PacketLoop: ~Copyable {
    /// Positions of what is waited for.
    private enum Source {
        static let device = 0
        static let socket = 1
        static let door = 2
    }

    /// Nanoseconds left to a TCP stream to bring more segments, so that more are joined: fewer writes, wake-ups and
    /// acknowledgements. Other packets wait as long, so it is short beside a network's round trip.
    private static let gatheringPause: UInt64 = 60_000

    let ports: PacketPorts
    private let door: PacketDoor
    private let notices: NoticeBoard
    /// Nanoseconds.
    private let busyPoll: UInt64
    private var sources: PollSet
    private var outward: OutwardPath
    private var inward: InwardPath
    private(set) var peers: PeerTable
    /// What the socket's former owner had lost already.
    private let lostBefore: UInt32
    private var isEnding = false

    init(
        ports: consuming PacketPorts, door: PacketDoor, notices: NoticeBoard, settings: TunnelSettings, queue: Int,
        peers: consuming PeerTable
    ) throws(SyscallError) {
        sources = PollSet([ports.device.descriptor.rawValue, ports.socket.descriptor.rawValue, door.descriptor])
        lostBefore = try ports.socket.droppedCount()
        self.ports = ports
        self.door = door
        self.notices = notices
        self.peers = peers
        busyPoll = UInt64(settings.busyPollMicroseconds) * 1000
        outward = OutwardPath(settings: settings, queue: queue, notices: notices)
        inward = InwardPath(settings: settings)
        outward.bind(self.ports, for: self.peers.ways)
    }

    mutating func setDeviceMTU(_ mtu: Int) {
        inward.setDeviceMTU(mtu)
    }

    /// What was counted by now, here and by the kernel.
    func counters() -> TunnelCounters {
        var counters = peers.counters
        if let lost = try? ports.socket.droppedCount() {
            counters.countDrop(.receiveQueueFull, packets: UInt64(lost &- lostBefore))
        }
        return counters
    }

    mutating func use(_ table: ForwardingTable, ways: [IPv4Address: OuterWay]) {
        peers.use(table, ways: ways)
        outward.bind(ports, for: peers.ways)
    }

    mutating func use(ways: [IPv4Address: OuterWay]) {
        peers.use(ways: ways)
        outward.bind(ports, for: peers.ways)
    }

    /// Has ``run()`` return after this turn.
    mutating func end() {
        isEnding = true
    }

    /// Runs until ``end()``. When the device is gone it says so once, and then only carries out orders.
    mutating func run() {
        var isCarrying = true
        var lastWork: UInt64 = 0
        SystemThread.setTimerSlack(nanoseconds: 1)
        while !isEnding {
            let looksAgain = busyPoll > 0 && Monotonic.now &- lastWork < busyPoll
            // Nothing but a closed descriptor makes the wait fail, and these are ours.
            guard (try? sources.wait(timeoutMilliseconds: looksAgain ? 0 : -1)) != nil else { break }
            if sources.isReady(Source.door) { door.answer(&self) }
            guard isCarrying else { continue }
            let sent = sources.isReady(Source.device) ? outward.carry(ports, &peers) : false
            let received = sources.isReady(Source.socket) ? inward.carry(ports, &peers) : false
            guard let hasSent = sent, let hasReceived = received else {
                isCarrying = false
                sources.remove(at: Source.device)
                sources.remove(at: Source.socket)
                door.close()
                notices.post(.stopped)
                continue
            }
            if busyPoll > 0 && (hasSent || hasReceived) { lastWork = Monotonic.now }
            if hasReceived && inward.isGathering { Monotonic.sleep(nanoseconds: Self.gatheringPause) }
        }
    }
}
