// The one place that reads received bytes: every load stands behind a length check, in the datagram,
// in the message and in the attribute. The values here are views: they must not outlive the buffer they were made of.

internal import CMnl

/// The messages of one datagram, in order.
@safe
package struct Messages {
    private var current: UnsafePointer<nlmsghdr>?
    private var left: Int32

    /// A view of `datagram`, which must start on a multiple of four.
    package init(_ datagram: UnsafeRawBufferPointer) {
        unsafe current = datagram.baseAddress?.assumingMemoryBound(to: nlmsghdr.self)
        left = Int32(clamping: datagram.count)
    }

    /// The next complete message; nil at the end or at the first that does not fit.
    package mutating func next() -> Message? {
        // libmnl compares the length as a signed number: 0x8000_0000 would pass, so it is compared here too.
        guard let header = unsafe current, unsafe mnl_nlmsg_ok(header, left),
            unsafe header.pointee.nlmsg_len <= UInt32(left)
        else { return nil }
        unsafe current = UnsafePointer(mnl_nlmsg_next(header, &left))
        return unsafe Message(header: header)
    }
}

/// One message; its `nlmsg_len` was checked against the datagram.
@safe
package struct Message {
    private let header: UnsafePointer<nlmsghdr>

    fileprivate init(header: UnsafePointer<nlmsghdr>) {
        unsafe self.header = header
    }

    package var type: UInt16 { unsafe header.pointee.nlmsg_type }
    var flags: UInt16 { unsafe header.pointee.nlmsg_flags }
    package var sequence: UInt32 { unsafe header.pointee.nlmsg_seq }
    var portID: UInt32 { unsafe header.pointee.nlmsg_pid }
    /// Bytes of the message with its header.
    var byteCount: Int { Int(unsafe header.pointee.nlmsg_len) }

    /// The fixed part at `offset` after the header, where the message is long enough.
    package func fixed<T: BitwiseCopyable>(_ type: T.Type, at offset: Int = 0) -> T? {
        let start = MemoryLayout<nlmsghdr>.size + offset
        guard start + MemoryLayout<T>.size <= byteCount else { return nil }
        return unsafe UnsafeRawPointer(header).loadUnaligned(fromByteOffset: start, as: T.self)
    }

    /// The address family, which every rtnetlink message begins with.
    var family: UInt8? { fixed(UInt8.self) }

    /// The attributes that begin `offset` bytes after the header.
    package func attributes(at offset: Int) -> Attributes {
        let start = min(MemoryLayout<nlmsghdr>.size + (offset + 3) & ~3, byteCount)
        return unsafe Attributes(start: UnsafeRawPointer(header) + start, count: byteCount - start)
    }
}

/// A run of attributes.
@safe
package struct Attributes {
    private var current: UnsafeRawPointer
    private var left: Int32

    fileprivate init(start: UnsafeRawPointer, count: Int) {
        unsafe current = start
        left = Int32(truncatingIfNeeded: count)
    }

    /// The next attribute; nil at the end or at the first that does not fit.
    package mutating func next() -> Attribute? {
        let attribute = unsafe current.assumingMemoryBound(to: nlattr.self)
        guard unsafe mnl_attr_ok(attribute, left), let next = unsafe mnl_attr_next(attribute) else { return nil }
        let following = UnsafeRawPointer(next)
        unsafe left &-= Int32(truncatingIfNeeded: following - current)
        unsafe current = following
        return unsafe Attribute(attribute)
    }

    /// Whether nothing but attributes was there; the padding of the last one may be missing.
    package var isExhausted: Bool { left <= 0 }
}

/// One attribute; its `nla_len` was checked against what holds it.
@safe
package struct Attribute {
    private let pointer: UnsafePointer<nlattr>

    fileprivate init(_ pointer: UnsafePointer<nlattr>) {
        unsafe self.pointer = pointer
    }

    /// The type without the flags for nesting and byte order.
    package var type: UInt16 { unsafe pointer.pointee.nla_type & ~UInt16(NLA_F_NESTED | NLA_F_NET_BYTEORDER) }

    /// Bytes of the value.
    var count: Int { Int(unsafe pointer.pointee.nla_len) &- MemoryLayout<nlattr>.size }

    private var value: UnsafeRawPointer { unsafe UnsafeRawPointer(pointer) + MemoryLayout<nlattr>.size }

    /// The value as a fixed-size type; nil where the length is another.
    func load<T: BitwiseCopyable>(_ type: T.Type) -> T? {
        guard count == MemoryLayout<T>.size else { return nil }
        return unsafe value.loadUnaligned(as: T.self)
    }

    /// The value's beginning as a fixed-size type; nil where the value is shorter.
    func prefix<T: BitwiseCopyable>(_ type: T.Type) -> T? {
        guard count >= MemoryLayout<T>.size else { return nil }
        return unsafe value.loadUnaligned(as: T.self)
    }

    /// A 32-bit value in network byte order.
    package var bigEndian32: UInt32? { load(UInt32.self).map { UInt32(bigEndian: $0) } }

    /// A 64-bit value in network byte order.
    package var bigEndian64: UInt64? { load(UInt64.self).map { UInt64(bigEndian: $0) } }

    /// A text, up to its NUL or its end.
    package var text: String {
        let bytes = unsafe UnsafeRawBufferPointer(start: value, count: count)
        return unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }

    package var bytes: [UInt8] { unsafe [UInt8](UnsafeRawBufferPointer(start: value, count: count)) }

    /// The attributes inside, after `offset` bytes of something else.
    package func nested(at offset: Int = 0) -> Attributes {
        let start = min(offset, count)
        return unsafe Attributes(start: value + start, count: count - start)
    }
}
