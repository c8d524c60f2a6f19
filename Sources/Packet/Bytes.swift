// Loads and stores in network byte order at any alignment; every one is bounds-checked.

extension RawSpan {
    /// The byte at `offset`.
    func uint8(at offset: Int) -> UInt8 {
        unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt8.self)
    }

    /// The 16-bit big-endian number at `offset`, in host order.
    func uint16(at offset: Int) -> UInt16 {
        UInt16(bigEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }

    /// The 32-bit big-endian number at `offset`, in host order.
    func uint32(at offset: Int) -> UInt32 {
        UInt32(bigEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
}

extension MutableRawSpan {
    /// Writes `value` at `offset`.
    mutating func store(_ value: UInt8, at offset: Int) {
        storeBytes(of: value, toByteOffset: offset, as: UInt8.self)
    }

    /// Writes `value` at `offset` in network byte order.
    mutating func store(_ value: UInt16, at offset: Int) {
        storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt16.self)
    }

    /// Writes `value` at `offset` in network byte order.
    mutating func store(_ value: UInt32, at offset: Int) {
        storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt32.self)
    }

    /// Copies `bytes` to `offset`.
    mutating func copy(_ bytes: RawSpan, at offset: Int) {
        var position = 0
        while bytes.byteCount &- position >= 8 {
            let word = unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: position, as: UInt64.self)
            storeBytes(of: word, toByteOffset: offset &+ position, as: UInt64.self)
            position &+= 8
        }
        while position < bytes.byteCount {
            store(bytes.uint8(at: position), at: offset &+ position)
            position &+= 1
        }
    }
}
