// Loads and stores in network byte order at any alignment, and copies of headers; every one is bounds-checked.

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

    /// Copies a header, which is made of 32-bit words, to `offset`.
    ///
    /// - Precondition: there is room for it.
    mutating func copy(header: RawSpan, at offset: Int) {
        let count = header.byteCount
        precondition(count % 4 == 0 && offset >= 0 && count <= byteCount &- offset, "not a header, or no room for it")
        var position = 0
        while count &- position >= 8 {
            let pair = unsafe header.unsafeLoadUnaligned(fromUncheckedByteOffset: position, as: UInt64.self)
            unsafe storeBytes(of: pair, toUncheckedByteOffset: offset &+ position, as: UInt64.self)
            position &+= 8
        }
        if position < count {
            let word = unsafe header.unsafeLoadUnaligned(fromUncheckedByteOffset: position, as: UInt32.self)
            unsafe storeBytes(of: word, toUncheckedByteOffset: offset &+ position, as: UInt32.self)
        }
    }
}
