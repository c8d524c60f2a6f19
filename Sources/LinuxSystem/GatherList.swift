// Pieces of memory that one call writes in their order; nothing is allocated after the list was made.

internal import Glibc

/// Pieces that make up one packet. For one thread at a time; the caller keeps the memory unchanged until it is written.
@safe public struct GatherList: ~Copyable, @unchecked Sendable {
    /// How many pieces it holds at most.
    public let capacity: Int
    /// How many it holds.
    public private(set) var count = 0
    let vectors: UnsafeMutablePointer<iovec>

    /// Makes an empty list; the kernel takes at most 1,024 pieces (`UIO_MAXIOV`).
    public init(capacity: Int) {
        self.capacity = min(max(1, capacity), 1024)
        unsafe vectors = .allocate(capacity: self.capacity)
        unsafe vectors.initialize(repeating: iovec(), count: self.capacity)
    }

    deinit {
        unsafe vectors.deallocate()
    }

    /// Adds a piece at the end.
    ///
    /// - Returns: false where the list is full.
    @unsafe public mutating func append(_ piece: UnsafeRawBufferPointer) -> Bool {
        guard count < capacity else { return false }
        unsafe vectors[count] = iovec(
            iov_base: UnsafeMutableRawPointer(mutating: piece.baseAddress), iov_len: piece.count)
        count += 1
        return true
    }

    /// Empties the list.
    public mutating func removeAll() {
        count = 0
    }
}
