// A set of numbers that programs look into.

/// A hash whose keys alone count (`BPF_MAP_TYPE_HASH` with values of 32 bits, all 0).
public struct KeySet: ~Copyable {
    private let map: MapDescriptor

    init(_ map: consuming MapDescriptor) {
        self.map = map
    }

    /// Puts a key in, where it is not.
    ///
    /// - Throws: `E2BIG` where the set is full.
    public borrowing func insert(_ key: UInt32) throws(BPFError) {
        var value: UInt32 = 0
        unsafe try map.put(key, &value)
    }

    /// Takes a key out, where it is in.
    public borrowing func remove(_ key: UInt32) throws(BPFError) {
        try map.remove(key)
    }

    /// All keys, in no order; nobody else changes the set meanwhile.
    public borrowing func keys() throws(BPFError) -> [UInt32] {
        var keys: [UInt32] = []
        while let next = try map.key(after: keys.last) { keys.append(next) }
        return keys
    }
}
