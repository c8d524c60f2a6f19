// Packets on their way to one socket, with what is to be counted when it has taken or refused them.

internal import LinuxSystem
internal import Packet

/// A batch, and for each of its packets the peer and the inner length.
struct Outbox: ~Copyable {
    var batch: SendBatch
    private var entries: [(peer: Int, bytes: Int)]
    /// How many of the batch's packets were settled.
    private var position = 0

    init(slots: Int, scratchSize: Int) {
        batch = SendBatch(slots: slots, scratchSize: scratchSize)
        entries = Array(repeating: (0, 0), count: slots)
    }

    var isEmpty: Bool { batch.count == 0 }
    var isFull: Bool { batch.isFull }

    /// Memory for the headers of the packet that is added next.
    @unsafe var nextScratch: UnsafeMutableRawBufferPointer { unsafe batch.nextScratch }

    /// Adds a datagram for a raw socket.
    ///
    /// - Precondition: there is room, and the memory stays as it is until the outbox is empty.
    @unsafe mutating func add(
        _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer = unsafe .init(start: nil, count: 0),
        to address: UInt32, peer: Int, bytes: Int
    ) {
        entries[batch.count] = (peer, bytes)
        _ = unsafe batch.append(to: address, first, second)
    }

    /// Adds a frame for a packet socket, as a datagram.
    @unsafe mutating func add(
        _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer = unsafe .init(start: nil, count: 0),
        toLink link: Int32, peer: Int, bytes: Int
    ) {
        entries[batch.count] = (peer, bytes)
        _ = unsafe batch.append(toLink: link, first, second)
    }

    /// Counts what one call came to; the outbox is empty when all is counted.
    mutating func settle(_ outcome: SendBatch.Outcome, _ peers: inout PeerTable, _ notices: NoticeBoard) {
        switch outcome {
        case .done(let sent):
            countSent(sent, &peers)
            clear()
        case .refused(let sent, _, let code):
            countSent(sent, &peers)
            let reason = DropReason(sendError: code)
            peers.counters.countDrop(reason)
            let peer = entries[position].peer
            if reason == .tooBig, peers.noteRefusal(of: peer) {
                notices.post(.tooBig(peers.forwarding.peers[peer].outerAddress))
            }
            position &+= 1
            if position == batch.count { clear() }
        case .wouldBlock(let sent):
            countSent(sent, &peers)
            peers.counters.countDrop(.socketFull, packets: UInt64(batch.count &- position))
            clear()
        }
    }

    private mutating func countSent(_ count: Int, _ peers: inout PeerTable) {
        for index in position..<(position &+ count) {
            peers.counters.countSent(peer: entries[index].peer, bytes: entries[index].bytes)
        }
        position &+= count
    }

    private mutating func clear() {
        position = 0
        batch.removeAll()
    }
}
