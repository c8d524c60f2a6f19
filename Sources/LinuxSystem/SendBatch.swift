// Datagrams collected for one sendmmsg: pieces stay where they are, nothing is allocated after the batch was made.

internal import CLinux
internal import Glibc

/// Datagrams or frames to be sent together. For one thread at a time.
///
/// Each is one or two pieces of memory, which the caller keeps unchanged until it is sent; its header can lie in the
/// batch's own scratch space. A batch serves either IP sockets or packet sockets. Addresses are in host byte order.
@safe public struct SendBatch: ~Copyable, @unchecked Sendable {
    /// How far one call came.
    public enum Outcome: Hashable, Sendable {
        /// Nothing is left; this many were sent by this call.
        case done(sent: Int)
        /// The kernel has no room; what is left stays in the batch.
        case wouldBlock(sent: Int)
        /// After `sent` datagrams the next one, at `index`, was refused with `code` and passed over; call again for
        /// what is left.
        case refused(sent: Int, index: Int, code: Int32)
    }

    /// How many datagrams it holds at most.
    public let slots: Int
    /// Own memory per datagram, for a header, in bytes.
    public let scratchSize: Int
    /// How many datagrams it holds, sent ones included, since the last ``removeAll()``.
    public private(set) var count = 0
    private var position = 0

    private let scratch: UnsafeMutableRawPointer
    private let messages: UnsafeMutablePointer<clinux_mmsghdr>
    private let vectors: UnsafeMutablePointer<iovec>
    /// `sockaddr_ll` is the larger of the two that are used, and either fits at its alignment.
    private let targets: UnsafeMutablePointer<sockaddr_ll>

    /// Makes an empty batch.
    public init(slots: Int = 64, scratchSize: Int = 64) {
        let slots = max(1, slots)
        self.slots = slots
        self.scratchSize = max(0, scratchSize)
        unsafe scratch = .allocate(byteCount: max(1, max(0, scratchSize) * slots), alignment: 64)
        unsafe scratch.initializeMemory(as: UInt8.self, repeating: 0, count: max(0, scratchSize) * slots)
        unsafe vectors = .allocate(capacity: slots * 2)
        unsafe vectors.initialize(repeating: iovec(), count: slots * 2)
        unsafe targets = .allocate(capacity: slots)
        unsafe targets.initialize(repeating: sockaddr_ll(), count: slots)
        unsafe messages = .allocate(capacity: slots)
        for index in 0..<slots {
            var message = unsafe clinux_mmsghdr()
            unsafe message.msg_hdr.msg_iov = vectors + index * 2
            unsafe (messages + index).initialize(to: message)
        }
    }

    deinit {
        unsafe scratch.deallocate()
        unsafe vectors.deallocate()
        unsafe targets.deallocate()
        unsafe messages.deallocate()
    }

    /// Whether no further datagram fits.
    public var isFull: Bool { count == slots }

    /// The scratch space of the datagram that is appended next; only while the batch is not full.
    @unsafe public var nextScratch: UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(
            start: scratch + min(count, slots - 1) * scratchSize, count: scratchSize)
    }

    /// Adds a datagram for an IP socket, of one or two pieces.
    ///
    /// - Returns: false where the batch is full.
    @unsafe public mutating func append(
        to address: UInt32, _ first: UnsafeRawBufferPointer,
        _ second: UnsafeRawBufferPointer = unsafe .init(start: nil, count: 0)
    ) -> Bool {
        guard count < slots else { return false }
        unsafe UnsafeMutableRawPointer(targets + count).storeBytes(of: socketAddress(address), as: sockaddr_in.self)
        unsafe add(first, second, nameLength: MemoryLayout<sockaddr_in>.size)
        return true
    }

    /// Adds a finished frame for a packet socket, of one or two pieces; 0 leaves the device to the socket's binding.
    ///
    /// - Returns: false where the batch is full.
    @unsafe public mutating func append(
        toLink index: Int32, _ first: UnsafeRawBufferPointer,
        _ second: UnsafeRawBufferPointer = unsafe .init(start: nil, count: 0)
    ) -> Bool {
        guard count < slots else { return false }
        unsafe targets[count] = linkAddress(index, UInt16(ETH_P_IP))
        unsafe add(first, second, nameLength: index == 0 ? 0 : MemoryLayout<sockaddr_ll>.size)
        return true
    }

    private mutating func add(
        _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer, nameLength: Int
    ) {
        let pieces = unsafe vectors + count * 2
        unsafe pieces[0] = iovec(iov_base: UnsafeMutableRawPointer(mutating: first.baseAddress), iov_len: first.count)
        unsafe pieces[1] = iovec(iov_base: UnsafeMutableRawPointer(mutating: second.baseAddress), iov_len: second.count)
        unsafe messages[count].msg_hdr.msg_iovlen = second.isEmpty ? 1 : 2
        unsafe messages[count].msg_hdr.msg_name = nameLength == 0 ? nil : UnsafeMutableRawPointer(targets + count)
        unsafe messages[count].msg_hdr.msg_namelen = socklen_t(nameLength)
        count += 1
    }

    /// Empties the batch, whatever was not sent included.
    public mutating func removeAll() {
        count = 0
        position = 0
    }

    mutating func flush(to fd: Int32) -> Outcome {
        var sent = 0
        while position < count {
            let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
            let result = unsafe clinux_sendmmsg(fd, messages + position, UInt32(count - position), flags)
            if result > 0 {
                // Fewer than asked: the next call tells why.
                position += Int(result)
                sent += Int(result)
                continue
            }
            let code = errno
            if code == EINTR { continue }
            if code == EAGAIN || code == ENOBUFS { return .wouldBlock(sent: sent) }
            position += 1
            return .refused(sent: sent, index: position - 1, code: code)
        }
        removeAll()
        return .done(sent: sent)
    }
}
