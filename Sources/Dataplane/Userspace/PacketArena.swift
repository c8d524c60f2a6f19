// Memory for the packets of one turn, made once; the pages are only used as far as packets reach into them.

/// A piece of memory on cache-line bounds. For one thread.
@safe final class PacketArena {
    private let memory: UnsafeMutableRawBufferPointer

    init(byteCount: Int) {
        unsafe memory = .allocate(byteCount: byteCount, alignment: 64)
    }

    deinit {
        unsafe memory.deallocate()
    }

    /// A part of the memory, valid while the arena lives; what it holds is whatever was written last.
    @unsafe subscript(range: Range<Int>) -> UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(rebasing: memory[range])
    }
}
