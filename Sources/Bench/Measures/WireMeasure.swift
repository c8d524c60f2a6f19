// Bytes on the wire for packets that are known one by one, counted by the router between the nodes.

internal import Lab
internal import LinuxSystem
internal import Net
internal import Report
internal import Rtnetlink

/// A count of what a path adds to each packet; the network's offloads stay off afterwards.
struct WireMeasure {
    /// Enough that a stray ARP request is a hundredth of a byte a packet.
    private static let packets = 6000
    private static let batch = 16
    /// Milliseconds between two batches: a path that loses packets at one pace is tried at the next.
    private static let pauses: [UInt32] = [1, 4, 16]
    /// `ETH_HLEN`; the router's devices are Ethernet.
    private static let frameHeader = 14
    /// IPv4 and UDP header of the packets that are sent.
    private static let ownHeaders = 28

    private let network: PathNetwork

    init(_ network: PathNetwork) throws {
        self.network = network
        try network.turnOffloadsOff()
    }

    /// Sends one mix of packets and compares the two ends with the router's counters.
    ///
    /// - Throws: ``BenchFailure`` where packets are lost again and again: what was lost may have been counted.
    func run(_ mix: BenchReport.PacketMix) throws -> BenchReport.Overhead {
        for pause in Self.pauses {
            let before = try routerCounters()
            let payloads = payloads(of: mix)
            let received = try send(payloads, pause: pause)
            let counted = try routerCounters().since(before)
            try network.lab.interruption.check()
            guard received == Self.packets else { continue }
            let delivered = (0..<Self.packets).reduce(0) { $0 + payloads[$1 % payloads.count] }
            let wire = Int(counted.transmitBytes) - Int(counted.transmitPackets) * Self.frameHeader
            return BenchReport.Overhead(
                path: network.path.name, mtu: network.underlayMTU, mix: mix, packets: Self.packets,
                deliveredBytes: delivered, wireBytes: wire, expectedPerPacket: Double(network.path.overhead),
                measuredPerPacket: Double(wire - delivered) / Double(Self.packets) - Double(Self.ownHeaders))
        }
        throw BenchFailure("packets are lost even at a slow pace, so bytes on the wire say nothing")
    }

    /// Bytes of payload of the packets, in turns.
    private func payloads(of mix: BenchReport.PacketMix) -> [Int] {
        switch mix {
        case .small: [64]
        case .mixed: [64, 512, 1400]
        case .full: [network.workloadMTU - Self.ownHeaders]
        }
    }

    /// What the router has sent to n2.
    private func routerCounters() throws -> LinkStatistics {
        let device = "to-n2"
        guard let counters = try network.lab.router.netlink({ try $0.statistics(ofLink: device) }) else {
            throw BenchFailure("the router has no device \(device)")
        }
        return counters
    }

    /// - Returns: how many arrived.
    private func send(_ payloads: [Int], pause: UInt32) throws -> Int {
        let lab = network.lab
        let address = try lab.address(of: "w2").rawValue
        let receiver = try lab.host("w2").run {
            let socket = try InetSocket(.udp)
            try socket.bind(address)
            try socket.forceBuffers(receive: 8 << 20)
            return socket
        }
        let sender = try lab.host("w1").run { try InetSocket(.udp) }
        try sender.connect(address, port: try receiver.localPort())
        let datagrams = payloads.map { [UInt8](repeating: 0x5A, count: $0) }
        var received = 0
        for number in 0..<Self.packets {
            // No more on its way than buffers hold.
            if number % Self.batch == 0 {
                try lab.interruption.check()
                Monotonic.sleep(milliseconds: pause)
                while try receiver.receive(timeoutMilliseconds: 0) != nil { received += 1 }
            }
            guard try sender.send(datagrams[number % datagrams.count], timeoutMilliseconds: 1000) > 0 else {
                throw BenchFailure("w1 can send nothing for a second")
            }
        }
        while received < Self.packets, try receiver.receive(timeoutMilliseconds: 5000) != nil { received += 1 }
        return received
    }
}
