// From the peers to the tunnel device: receive, check, join, write. No allocation, lock or reference count a packet.

internal import LinuxSystem
internal import Packet

/// The inward direction of one packet thread.
struct InwardPath: ~Copyable {
    /// Datagrams that one system call brings: the segments of a few streams, so that each has many to be joined.
    private static let batch = 128

    private var inbox: ReceiveBatch
    private var coalescer: TCPCoalescer
    private var pieces: GatherList
    /// Where each datagram's inner packet begins, and whose it is; by its place in the inbox.
    private var packets: [(offset: Int, peer: Int)]
    private var decapsulator: Decapsulator
    /// Whether the last turn brought a part of a TCP stream, more of which is likely to come.
    private(set) var isGathering = false

    init(settings: TunnelSettings) {
        let slots = settings.offloads ? Self.batch : 1
        inbox = ReceiveBatch(slots: slots, slotSize: 65_536)
        coalescer = TCPCoalescer(capacity: slots)
        pieces = GatherList(capacity: slots)
        packets = Array(repeating: (0, 0), count: slots)
        decapsulator = Decapsulator(
            settings: Decapsulator.Settings(
                localAddress: settings.localAddress, deviceMTU: settings.deviceMTU,
                acceptsForeignSources: settings.acceptsForeignSources))
    }

    mutating func setDeviceMTU(_ mtu: Int) {
        decapsulator.settings.deviceMTU = mtu
    }

    /// One turn; nil once the device is gone, else whether there was anything to carry.
    mutating func carry(_ ports: borrowing PacketPorts, _ peers: inout PeerTable) -> Bool? {
        let count: Int
        do throws(SyscallError) {
            count = try ports.socket.receive(into: &inbox)
        } catch {
            // An error that waited at the socket (from an ICMP message, say) is taken off by this call.
            peers.counters.countDrop(.ioError)
            return true
        }
        coalescer.reset()
        var admitted = 0
        for index in 0..<count where admit(index, &peers) { admitted &+= 1 }
        for index in 0..<coalescer.groupCount {
            guard deliver(group: index, to: ports.device, &peers) else { return nil }
        }
        isGathering = count < packets.count && coalescer.groupCount < admitted
        return count > 0
    }

    /// Decapsulates one datagram; false where it is dropped.
    private mutating func admit(_ index: Int, _ peers: inout PeerTable) -> Bool {
        var datagram = unsafe MutableRawSpan(_unsafeBytes: inbox.bytes(index))
        switch decapsulator.decapsulate(&datagram, table: peers.forwarding) {
        case .drop(let reason):
            peers.counters.countDrop(reason)
            return false
        case .deliver(let offset, let length, let peer, let offload):
            packets[index] = (offset, peer)
            coalescer.add(
                datagram.bytes.extracting(offset..<(offset &+ length)), offload: offload, peer: peer, at: index)
            return true
        }
    }

    /// Writes one group; false once the device is gone.
    private mutating func deliver(
        group index: Int, to device: borrowing TunDevice, _ peers: inout PeerTable
    ) -> Bool {
        let group = coalescer.group(index)
        let (offset, peer) = packets[group.first]
        // The outer header has been read: the device's own 10 bytes take its last place.
        let start = offset &- VirtioNetHeader.length
        let first = unsafe UnsafeMutableRawBufferPointer(
            rebasing: inbox.bytes(group.first)[start..<(offset &+ coalescer.bytes(at: group.first).count)])
        var packet = unsafe MutableRawSpan(
            _unsafeBytes: UnsafeMutableRawBufferPointer(rebasing: first[VirtioNetHeader.length...]))
        let offload = coalescer.finish(index, first: &packet)
        var header = unsafe MutableRawSpan(_unsafeBytes: first)
        VirtioNetHeader(offload).write(to: &header)

        do throws(SyscallError) {
            let isTaken: Bool
            if group.count == 1 {
                isTaken = try unsafe device.write(UnsafeRawBufferPointer(first))
            } else {
                unsafe gather(after: group.first, UnsafeRawBufferPointer(first))
                isTaken = try device.write(pieces)
            }
            if isTaken {
                peers.counters.countReceived(
                    peer: peer, packets: group.count, bytes: group.receivedBytes)
            } else {
                peers.counters.countDrop(.socketFull, packets: UInt64(group.count))
            }
        } catch {
            guard !error.meansDeviceIsGone else { return false }
            peers.counters.countDrop(.ioError, packets: UInt64(group.count))
        }
        return true
    }

    /// Lists the first packet of a group as it is, and of the others the payload.
    private mutating func gather(after first: Int, _ whole: UnsafeRawBufferPointer) {
        pieces.removeAll()
        _ = unsafe pieces.append(whole)
        var position = first
        while let next = coalescer.next(after: position) {
            let offset = packets[next].offset
            let bytes = coalescer.bytes(at: next)
            _ = unsafe pieces.append(
                UnsafeRawBufferPointer(
                    rebasing: inbox.bytes(next)[(offset &+ bytes.lowerBound)..<(offset &+ bytes.upperBound)]))
            position = next
        }
    }
}
