// Memory for the packets of one turn, made once; the pages are only used as far as packets reach into them.

/// A fixed number of slots, each for the largest IPv4 packet with what stands before it.
@safe final class PacketArena {
    /// Bytes of a slot.
    static let slotSize = 65_536 + 64

    private let memory: UnsafeMutableRawPointer
    private let slots: Int

    init(slots: Int) {
        self.slots = slots
        unsafe memory = .allocate(byteCount: slots * PacketArena.slotSize, alignment: 64)
    }

    deinit {
        unsafe memory.deallocate()
    }

    /// The slot's memory, valid while the arena lives; what it holds is whatever the last packet left.
    @unsafe subscript(slot: Int) -> UnsafeMutableRawBufferPointer {
        precondition(slot >= 0 && slot < slots)
        return unsafe UnsafeMutableRawBufferPointer(
            start: memory + slot * PacketArena.slotSize, count: PacketArena.slotSize)
    }
}
