// The packet thread's own loop: run to completion, both directions, no allocation, lock or reference count a packet.

internal import LinuxSystem
internal import Net
internal import Packet

/// Moves packets between the tunnel device and the raw socket until it is told to end or the device is gone.
///
/// Everything here is touched by the packet thread alone, but before it starts and after it has ended: that is
/// what makes the unchecked conformance sound.
final class PacketLoop: @unchecked Sendable {
    private enum Token {
        static let device: UInt64 = 0
        static let socket: UInt64 = 1
        static let door: UInt64 = 2
    }

    /// Packets taken from one side before the other has its turn.
    private static let batch = 64

    let ports: PacketPorts
    private var epoll: Epoll
    private var outbox: SendBatch
    private var inbox: ReceiveBatch
    private let arena: PacketArena
    /// Peer index and inner length of each packet in the outbox.
    private var sending: [(peer: Int, length: Int)]
    private var table: ForwardingTable
    private var encapsulator: Encapsulator
    private var decapsulator: Decapsulator
    private(set) var isEnding = false
    private(set) var counters: TunnelCounters

    /// A loop that serves these ports.
    init(ports: consuming PacketPorts, settings: TunnelSettings, table: ForwardingTable) throws(SyscallError) {
        self.ports = ports
        epoll = try Epoll(capacity: 4)
        outbox = SendBatch(slots: Self.batch, scratchSize: IPv4Header.minimumLength)
        inbox = ReceiveBatch(slots: Self.batch, slotSize: PacketArena.slotSize)
        arena = PacketArena(slots: Self.batch)
        sending = Array(repeating: (0, 0), count: Self.batch)
        encapsulator = Encapsulator(
            settings: Encapsulator.Settings(
                localAddress: settings.localAddress, timeToLive: settings.timeToLive, dscp: settings.dscp))
        decapsulator = Decapsulator(
            settings: Decapsulator.Settings(
                localAddress: settings.localAddress, deviceMTU: settings.deviceMTU,
                acceptsForeignSources: settings.acceptsForeignSources))
        self.table = table
        counters = TunnelCounters(table: table)
        try epoll.add(self.ports.device.descriptor.rawValue, token: Token.device)
        try epoll.add(self.ports.socket.descriptor.rawValue, token: Token.socket)
    }

    /// Serves the door's descriptor beside the packets.
    func listen(to descriptor: Int32) throws(SyscallError) {
        try epoll.add(descriptor, token: Token.door)
    }

    func use(_ table: ForwardingTable) {
        counters = counters.carried(to: table)
        self.table = table
    }

    func setDeviceMTU(_ mtu: Int) {
        decapsulator.settings.deviceMTU = mtu
    }

    func end() {
        isEnding = true
    }

    /// Runs until ``end()`` or until the device is gone; calls `answer` when somebody is at the door.
    func run(answer: () -> Void) {
        while !isEnding {
            // Nothing but a closed descriptor makes the wait fail, and then there is nothing left to carry.
            guard let count = try? epoll.wait() else { return }
            for index in 0..<count {
                switch epoll[index].token {
                case Token.device: if !carryOutward() { return }
                case Token.socket: if !carryInward() { return }
                default: answer()
                }
            }
        }
    }

    /// From the device to the peers; false once the device is gone.
    private func carryOutward() -> Bool {
        var isThere = true
        var taken = 0
        while taken < Self.batch {
            let slot = unsafe arena[taken]
            taken += 1
            do throws(SyscallError) {
                guard let count = try unsafe ports.device.read(into: slot) else { break }
                unsafe collect(UnsafeMutableRawBufferPointer(rebasing: slot[..<count]))
            } catch {
                isThere = !error.meansDeviceIsGone
                if isThere { counters.countDrop(.ioError) }
                break
            }
        }
        flush()
        return isThere
    }

    /// Puts one packet, as read from the device with its 10 bytes in front, into the outbox.
    private func collect(_ frame: UnsafeMutableRawBufferPointer) {
        guard frame.count > VirtioNetHeader.length else { return counters.countDrop(.truncated) }
        let packet = unsafe UnsafeRawBufferPointer(rebasing: frame[VirtioNetHeader.length...])
        let position = outbox.count
        let scratch = unsafe outbox.nextScratch
        var header = unsafe MutableRawSpan(_unsafeBytes: scratch)
        let inner = unsafe RawSpan(_unsafeBytes: packet)
        switch encapsulator.encapsulate(inner, table: table, header: &header) {
        case .send(let peer, let length):
            sending[position] = (peer, length)
            // Never full: a batch holds as many as are read in one turn.
            _ = unsafe outbox.append(
                to: table.peers[peer].outerAddress.rawValue, UnsafeRawBufferPointer(scratch),
                UnsafeRawBufferPointer(rebasing: packet[..<length]))
        case .drop(let reason):
            counters.countDrop(reason)
        }
    }

    /// Sends what is collected; what the socket does not take is dropped and counted, never waited for.
    private func flush() {
        var position = 0
        let total = outbox.count
        while position < total {
            switch ports.socket.send(&outbox) {
            case .done(let sent):
                countSent(position..<(position + sent))
                position = total
            case .refused(let sent, let index, let code):
                countSent(position..<(position + sent))
                counters.countDrop(DropReason(sendError: code))
                position = index + 1
            case .wouldBlock(let sent):
                countSent(position..<(position + sent))
                counters.countDrop(.socketFull, packets: UInt64(total - position - sent))
                position = total
            }
        }
        outbox.removeAll()
    }

    private func countSent(_ positions: Range<Int>) {
        for position in positions {
            counters.countSent(peer: sending[position].peer, bytes: sending[position].length)
        }
    }

    /// From the peers to the device; false once the device is gone.
    private func carryInward() -> Bool {
        let count: Int
        do throws(SyscallError) {
            count = try ports.socket.receive(into: &inbox)
        } catch {
            // An error that waited at the socket (from an ICMP message, say) is taken off by this call.
            counters.countDrop(.ioError)
            return true
        }
        for index in 0..<count where unsafe !deliver(inbox.bytes(index)) { return false }
        return true
    }

    private func deliver(_ datagram: UnsafeMutableRawBufferPointer) -> Bool {
        var bytes = unsafe MutableRawSpan(_unsafeBytes: datagram)
        switch decapsulator.decapsulate(&bytes, table: table) {
        case .drop(let reason):
            counters.countDrop(reason)
        case .deliver(let offset, let length, let peer, let offload):
            // The outer header has been read: the device's 10 bytes take its last place.
            let start = offset - VirtioNetHeader.length
            let packet = unsafe UnsafeMutableRawBufferPointer(rebasing: datagram[start..<(offset + length)])
            var header = unsafe MutableRawSpan(_unsafeBytes: packet)
            VirtioNetHeader(offload).write(to: &header)
            do throws(SyscallError) {
                if try unsafe ports.device.write(UnsafeRawBufferPointer(packet)) {
                    counters.countReceived(peer: peer, bytes: length)
                } else {
                    counters.countDrop(.socketFull)
                }
            } catch {
                guard !error.meansDeviceIsGone else { return false }
                counters.countDrop(.ioError)
            }
        }
        return true
    }
}
