// Requests end to end in one buffer, each written in place: a batch of routes costs no allocation per route.

internal import CMnl
internal import Net

/// A growing run of netlink requests.
@safe
package struct RequestBuffer: ~Copyable, @unchecked Sendable {
    /// More than any request here can take: names are clipped, and everything else has a fixed size.
    package static let largestRequest = 1024

    private var base: UnsafeMutableRawPointer
    private var capacity: Int
    /// Bytes written.
    package private(set) var byteCount = 0
    /// Requests written.
    package private(set) var count = 0

    package init(capacity: Int = largestRequest) {
        self.capacity = max(capacity, Self.largestRequest)
        unsafe base = .allocate(byteCount: self.capacity, alignment: 16)
    }

    deinit {
        unsafe base.deallocate()
    }

    /// Writes one request; its sequence number is set when it is sent.
    package mutating func append(type: UInt16, flags: UInt16, _ body: (RequestBuilder) -> Void) {
        if capacity - byteCount < Self.largestRequest { grow() }
        let start = unsafe base + byteCount
        guard let header = unsafe mnl_nlmsg_put_header(start) else { return }
        unsafe header.pointee.nlmsg_type = type
        unsafe header.pointee.nlmsg_flags = flags | MessageFlag.request
        unsafe body(RequestBuilder(header: header))
        byteCount += Int(unsafe header.pointee.nlmsg_len)
        count += 1
    }

    mutating func removeAll() {
        byteCount = 0
        count = 0
    }

    /// Everything written.
    package var bytes: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(start: base, count: byteCount) }

    /// The bytes and the number of the requests from `offset` that fit in `byteLimit` and `countLimit`, at least one;
    /// they are numbered from `sequence`.
    package mutating func chunk(
        from offset: Int, byteLimit: Int, countLimit: Int, sequence: UInt32
    ) -> (bytes: UnsafeRawBufferPointer, count: Int) {
        var end = offset
        var number = 0
        while end < byteCount, number < countLimit {
            let header = unsafe (base + end).assumingMemoryBound(to: nlmsghdr.self)
            let length = Int(unsafe header.pointee.nlmsg_len)
            if number > 0, end + length - offset > byteLimit { break }
            unsafe header.pointee.nlmsg_seq = sequence &+ UInt32(truncatingIfNeeded: number)
            end += length
            number += 1
        }
        return unsafe (UnsafeRawBufferPointer(start: base + offset, count: end - offset), number)
    }

    private mutating func grow() {
        let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity * 2, alignment: 16)
        unsafe larger.copyMemory(from: base, byteCount: byteCount)
        unsafe base.deallocate()
        unsafe base = larger
        capacity *= 2
    }
}

/// One request being written; valid only inside ``RequestBuffer/append(type:flags:_:)``.
@safe
package struct RequestBuilder {
    private let header: UnsafeMutablePointer<nlmsghdr>

    fileprivate init(header: UnsafeMutablePointer<nlmsghdr>) {
        unsafe self.header = header
    }

    /// The fixed part that follows the header.
    @inline(__always)
    package func put<T: BitwiseCopyable>(_ fixed: T) {
        guard let place = unsafe mnl_nlmsg_put_extra_header(header, MemoryLayout<T>.size) else { return }
        unsafe place.storeBytes(of: fixed, as: T.self)
    }

    /// A 32-bit value in host byte order.
    @inline(__always)
    package func put(_ type: UInt16, _ value: UInt32) {
        let fits = unsafe mnl_attr_put_u32_check(header, RequestBuffer.largestRequest, type, value)
        precondition(fits, "requests are bounded")
    }

    @inline(__always)
    func put(_ type: UInt16, _ value: Int32) {
        put(type, UInt32(bitPattern: value))
    }

    func put(_ type: UInt16, _ value: UInt8) {
        let fits = unsafe mnl_attr_put_u8_check(header, RequestBuffer.largestRequest, type, value)
        precondition(fits, "requests are bounded")
        clearPadding(after: 1)
    }

    /// An address, in network byte order.
    @inline(__always)
    func put(_ type: UInt16, _ address: IPv4Address) {
        put(type, address.rawValue.bigEndian)
    }

    /// A text with its NUL. It is clipped at 63 bytes: still longer than any name that the kernel takes
    /// (15 for a device, 55 for a driver), so what is clipped here is refused there.
    package func put(_ type: UInt16, _ text: String) {
        unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { bytes in
            var count = 0
            for byte in text.utf8.prefix(63) {
                unsafe bytes[count] = byte
                count += 1
            }
            unsafe bytes[count] = 0
            let fits = unsafe mnl_attr_put_check(
                header, RequestBuffer.largestRequest, type, count + 1, bytes.baseAddress)
            precondition(fits, "requests are bounded")
            clearPadding(after: count + 1)
        }
    }

    /// A 64-bit value in host byte order.
    package func put(_ type: UInt16, _ value: UInt64) {
        let fits = unsafe mnl_attr_put_u64_check(header, RequestBuffer.largestRequest, type, value)
        precondition(fits, "requests are bounded")
    }

    /// Bytes as they are; at most 64.
    package func put(_ type: UInt16, _ bytes: [UInt8]) {
        let fits = unsafe bytes.withUnsafeBytes {
            unsafe mnl_attr_put_check(header, RequestBuffer.largestRequest, type, min($0.count, 64), $0.baseAddress)
        }
        precondition(fits, "requests are bounded")
        clearPadding(after: min(bytes.count, 64))
    }

    /// libmnl leaves the bytes between a value and the next multiple of four as they were in memory.
    private func clearPadding(after count: Int) {
        guard let tail = unsafe mnl_nlmsg_get_payload_tail(header) else { return }
        let padding = -count & 3
        unsafe (tail - padding).initializeMemory(as: UInt8.self, repeating: 0, count: padding)
    }

    /// Attributes inside an attribute.
    @inline(__always)
    package func nest(_ type: UInt16, _ body: () -> Void) {
        guard let start = unsafe mnl_attr_nest_start_check(header, RequestBuffer.largestRequest, type) else {
            preconditionFailure("requests are bounded")
        }
        body()
        unsafe mnl_attr_nest_end(header, start)
    }
}
