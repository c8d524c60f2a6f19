// The packet thread's own loop: run to completion, both directions, and orders between two turns.

internal import LinuxSystem
internal import Packet

/// Moves packets between the tunnel device and the peers; everything in it is touched by the packet thread alone.
struct PacketLoop: ~Copyable {
    private enum Token {
        static let device: UInt64 = 0
        static let socket: UInt64 = 1
        static let door: UInt64 = 2
    }

    /// Nanoseconds left to a TCP stream to bring more segments, so that more are joined: fewer writes, wake-ups and
    /// acknowledgements. Other packets wait as long, so it is short beside a network's round trip.
    private static let gatheringPause: UInt64 = 60_000

    let ports: PacketPorts
    private let door: PacketDoor
    private let notices: NoticeBoard
    /// Nanoseconds.
    private let busyPoll: UInt64
    private var epoll: Epoll
    private var outward: OutwardPath
    private var inward: InwardPath
    /// What orders may look at and change.
    var peers: PeerTable
    /// What the socket's former owner had lost already.
    private let lostBefore: UInt32
    private var isEnding = false

    init(
        ports: consuming PacketPorts, door: PacketDoor, notices: NoticeBoard, settings: TunnelSettings, queue: Int,
        peers: consuming PeerTable
    ) throws(SyscallError) {
        let epoll = try Epoll(capacity: 4)
        try epoll.add(ports.device.descriptor.rawValue, token: Token.device)
        try epoll.add(ports.socket.descriptor.rawValue, token: Token.socket)
        try epoll.add(door.descriptor, token: Token.door)
        lostBefore = try ports.socket.droppedCount()
        self.ports = ports
        self.door = door
        self.notices = notices
        self.epoll = epoll
        self.peers = peers
        busyPoll = UInt64(settings.busyPollMicroseconds) * 1000
        outward = OutwardPath(settings: settings, queue: queue, notices: notices)
        inward = InwardPath(settings: settings)
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
            guard let count = try? epoll.wait(timeoutMilliseconds: looksAgain ? 0 : -1) else { break }
            var hadWork = false
            for index in 0..<count {
                let turn: Bool?
                switch epoll[index].token {
                case Token.device: turn = outward.carry(ports, &peers)
                case Token.socket: turn = inward.carry(ports, &peers)
                default:
                    door.answer(&self)
                    turn = false
                }
                hadWork = hadWork || turn ?? false
                if turn == nil && isCarrying {
                    isCarrying = false
                    try? epoll.remove(ports.device.descriptor.rawValue)
                    try? epoll.remove(ports.socket.descriptor.rawValue)
                    door.close()
                    notices.post(.stopped)
                }
            }
            if hadWork && busyPoll > 0 { lastWork = Monotonic.now }
            if inward.isGathering { Monotonic.sleep(nanoseconds: Self.gatheringPause) }
        }
    }
}
