// From the tunnel device to the peers: read, cut, encapsulate, send. No allocation, lock or reference count a packet.

internal import LinuxSystem
internal import Net
internal import Packet

/// The outward direction of one packet thread.
struct OutwardPath: ~Copyable {
    /// Datagrams that one system call sends.
    private static let batch = 64
    /// Bytes before a packet in the arena: its outer and Ethernet header are written there.
    private static let headroom = 64
    /// The largest packet that the device hands over.
    private static let largestPacket = 65_535
    /// Room for a few large packets, and small enough to stay in a core's second-level cache.
    private static let arenaSize = 4 * (headroom + largestPacket + 1)
    /// Bytes of Ethernet and outer header: what stands before an inner one.
    private static let outerLength = EthernetWay.headerLength + IPv4Header.minimumLength
    /// The longest headers of a segment: three of IPv4 and TCP with all options, and Ethernet's.
    private static let scratchSize = outerLength + 60 + 60

    /// Packets read in one turn, before the other direction has its own.
    private let packetsPerTurn: Int
    private let notices: NoticeBoard
    private let arena: PacketArena
    private var used = 0
    private var encapsulator: Encapsulator
    private var datagrams: Outbox
    private var frames: Outbox
    /// The device that the socket for frames is bound to; 0 for none.
    private var boundLink: Int32 = 0

    init(settings: TunnelSettings, queue: Int, notices: NoticeBoard) {
        packetsPerTurn = settings.offloads ? Self.batch : 1
        self.notices = notices
        arena = PacketArena(byteCount: Self.arenaSize)
        encapsulator = Encapsulator(
            settings: Encapsulator.Settings(
                localAddress: settings.localAddress, timeToLive: settings.timeToLive, dscp: settings.dscp),
            firstIdentification: UInt16(truncatingIfNeeded: queue), identificationStride: UInt16(settings.queues))
        datagrams = Outbox(slots: packetsPerTurn, scratchSize: Self.scratchSize)
        frames = Outbox(slots: packetsPerTurn, scratchSize: Self.scratchSize)
    }

    /// Binds the socket for frames to the device that the first of these ways leaves by: mostly there is only one.
    mutating func bind(_ ports: borrowing PacketPorts, for ways: [OuterWay]) {
        guard let link = ways.lazy.compactMap(\.link).first, link != boundLink else { return }
        boundLink = 0
        // A device that is gone by now is none to bind to: its frames name it, and are refused.
        if (try? ports.frames.bindForSending(interfaceIndex: link)) != nil { boundLink = link }
    }

    /// One turn; nil once the device is gone, else whether there was anything to carry.
    mutating func carry(_ ports: borrowing PacketPorts, _ peers: inout PeerTable) -> Bool? {
        var taken = 0
        while taken < packetsPerTurn {
            if used &+ Self.headroom &+ Self.largestPacket > Self.arenaSize { flush(ports, &peers) }
            // The packet begins behind the headroom, the device's own header just before it.
            let start = used &+ Self.headroom &- VirtioNetHeader.length
            do throws(SyscallError) {
                let room = unsafe arena[start..<(start &+ VirtioNetHeader.length &+ Self.largestPacket)]
                guard let count = try unsafe ports.device.read(into: room) else { break }
                taken &+= 1
                guard count > VirtioNetHeader.length else {
                    peers.counters.countDrop(.truncated)
                    continue
                }
                collect(packetAt: used &+ Self.headroom, length: count &- VirtioNetHeader.length, ports, &peers)
            } catch {
                if error.meansDeviceIsGone {
                    flush(ports, &peers)
                    return nil
                }
                peers.counters.countDrop(.ioError)
                break
            }
        }
        flush(ports, &peers)
        return taken > 0
    }

    /// Puts one packet, as it lies in the arena behind the device's header, into an outbox.
    private mutating func collect(
        packetAt start: Int, length: Int, _ ports: borrowing PacketPorts, _ peers: inout PeerTable
    ) {
        let request: VirtioNetHeader
        let inner: IPv4Header
        let peer: Int
        do {
            let bytes = unsafe RawSpan(
                _unsafeBytes: UnsafeRawBufferPointer(arena[(start &- VirtioNetHeader.length)..<(start &+ length)]))
            guard let header = VirtioNetHeader(bytes) else { return peers.counters.countDrop(.truncated) }
            request = header
            switch IPv4Header.parse(bytes, at: VirtioNetHeader.length) {
            case .success(let parsed): inner = parsed
            case .failure(let reason): return peers.counters.countDrop(reason)
            }
        }
        switch encapsulator.peer(for: inner, table: peers.forwarding) {
        case .success(let index): peer = index
        case .failure(let reason): return peers.counters.countDrop(reason)
        }
        if request.gsoType == VirtioNetHeader.gsoNone {
            addWhole(packetAt: start, inner, request, to: peer, ports, &peers)
        } else {
            addSegments(ofPacketAt: start, length: length, inner, request, to: peer, ports, &peers)
        }
        used = (start &+ length &+ 63) & ~63
    }

    /// A finished packet: its headers are written in front of it, where it lies.
    private mutating func addWhole(
        packetAt start: Int, _ inner: IPv4Header, _ request: VirtioNetHeader, to peer: Int,
        _ ports: borrowing PacketPorts, _ peers: inout PeerTable
    ) {
        let length = inner.totalLength
        guard length <= 0xFFFF &- Encapsulator.overhead else { return peers.counters.countDrop(.tooBig) }
        let frame = unsafe arena[(start &- Self.outerLength)..<(start &+ length)]
        if request.flags & VirtioNetHeader.needsChecksum != 0 {
            var packet = unsafe MutableRawSpan(
                _unsafeBytes: UnsafeMutableRawBufferPointer(rebasing: frame[Self.outerLength...]))
            if let reason = request.completeChecksum(of: &packet) { return peers.counters.countDrop(reason) }
        }
        var bytes = unsafe MutableRawSpan(_unsafeBytes: frame)
        let outer = encapsulator.outerHeader(
            for: inner, innerLength: length, to: peers.forwarding.peers[peer].outerAddress)
        outer.write(to: &bytes, at: EthernetWay.headerLength)
        if let way = frameWay(to: peer, outerLength: length &+ Encapsulator.overhead, &peers) {
            if frames.isFull { flush(ports, &peers) }
            way.writeHeader(to: &bytes, at: 0)
            unsafe frames.add(
                UnsafeRawBufferPointer(frame), toLink: way.link == boundLink ? 0 : way.link, peer: peer, bytes: length)
        } else {
            if datagrams.isFull { flush(ports, &peers) }
            let datagram = unsafe UnsafeRawBufferPointer(rebasing: frame[EthernetWay.headerLength...])
            unsafe datagrams.add(datagram, to: outer.destination.rawValue, peer: peer, bytes: length)
        }
    }

    /// A superframe: each segment is its headers, written elsewhere, and its payload where it lies.
    private mutating func addSegments(
        ofPacketAt start: Int, length: Int, _ inner: IPv4Header, _ request: VirtioNetHeader, to peer: Int,
        _ ports: borrowing PacketPorts, _ peers: inout PeerTable
    ) {
        let packet = unsafe UnsafeRawBufferPointer(arena[start..<(start &+ length)])
        let span = unsafe RawSpan(_unsafeBytes: packet)
        let plan: TCPSegmentation
        switch TCPSegmentation.plan(span, inner, request) {
        case .success(let planned): plan = planned
        case .failure(let reason): return peers.counters.countDrop(reason)
        }
        guard plan.longestSegment <= 0xFFFF &- Encapsulator.overhead else { return peers.counters.countDrop(.tooBig) }
        let address = peers.forwarding.peers[peer].outerAddress
        let headerLength = Self.outerLength &+ plan.headerLength
        var way = frameWay(to: peer, outerLength: plan.longestSegment &+ Encapsulator.overhead, &peers)
        for index in 0..<plan.count {
            if datagrams.isFull || frames.isFull { flush(ports, &peers) }
            let payload = plan.payload(index)
            let bytes = plan.headerLength &+ payload.count
            let scratch = unsafe UnsafeMutableRawBufferPointer(
                rebasing: (way == nil ? datagrams.nextScratch : frames.nextScratch)[..<headerLength])
            var header = unsafe MutableRawSpan(_unsafeBytes: scratch)
            encapsulator.outerHeader(for: inner, innerLength: bytes, to: address)
                .write(to: &header, at: EthernetWay.headerLength)
            plan.writeHeader(index, of: span, to: &header, at: Self.outerLength)
            let rest = unsafe UnsafeRawBufferPointer(rebasing: packet[payload])
            if let way {
                way.writeHeader(to: &header, at: 0)
                unsafe frames.add(
                    UnsafeRawBufferPointer(scratch), rest, toLink: way.link == boundLink ? 0 : way.link, peer: peer,
                    bytes: bytes)
            } else {
                let datagram = unsafe UnsafeRawBufferPointer(rebasing: scratch[EthernetWay.headerLength...])
                unsafe datagrams.add(datagram, rest, to: address.rawValue, peer: peer, bytes: bytes)
                // The one that has the kernel ask after the neighbour goes before the others, not among them.
                if index == 0 && peers.ways[peer].link != nil {
                    flush(ports, &peers)
                    way = frameWay(to: peer, outerLength: plan.longestSegment &+ Encapsulator.overhead, &peers)
                }
            }
        }
    }

    /// The way of a frame to a peer; nil where the socket is to be used: also for what is too long for the way, so
    /// that the kernel says so, and once for a neighbour that it should ask after.
    private func frameWay(to peer: Int, outerLength: Int, _ peers: inout PeerTable) -> EthernetWay? {
        guard case .frame(let way) = peers.ways[peer], outerLength <= way.mtu else { return nil }
        guard way.needsConfirmation else { return way }
        peers.confirm(way, of: peer)
        return nil
    }

    /// Sends what is collected and makes room in the arena; what a socket does not take is dropped and counted, never
    /// waited for.
    private mutating func flush(_ ports: borrowing PacketPorts, _ peers: inout PeerTable) {
        while !datagrams.isEmpty {
            datagrams.settle(ports.socket.send(&datagrams.batch), &peers, notices)
        }
        while !frames.isEmpty {
            frames.settle(ports.frames.send(&frames.batch), &peers, notices)
        }
        used = 0
    }
}
