// Counters that each CPU keeps for itself: nobody waits for another, and whoever reads them adds them up.

internal import CBpf
internal import Glibc
internal import LinuxSystem

/// An array with one value for each CPU (`BPF_MAP_TYPE_PERCPU_ARRAY`).
///
/// - Precondition of all calls: the stride of `Value` is a multiple of 8 bytes.
public struct PerCPUArray<Value: BitwiseCopyable>: ~Copyable {
    private let map: MapDescriptor

    init(_ map: consuming MapDescriptor) {
        self.map = map
    }

    /// The values of one element, one for each CPU that could be there.
    ///
    /// - Throws: `ENOENT` past the end.
    public borrowing func values(at index: UInt32) throws(BPFError) -> [Value] {
        guard let values = try map.values(of: index, as: Value.self) else {
            throw BPFError(operation: "read element \(index)", object: map.name, code: ENOENT)
        }
        return values
    }
}

/// A hash with one value for each CPU (`BPF_MAP_TYPE_PERCPU_HASH`), by keys of 32 bits as they are in memory.
///
/// - Precondition of all calls: the stride of `Value` is a multiple of 8 bytes.
public struct PerCPUHash<Value: BitwiseCopyable>: ~Copyable {
    private let map: MapDescriptor

    /// Values of one call of `forEach`.
    private static var batch: Int { 1024 }

    init(_ map: consuming MapDescriptor) {
        self.map = map
    }

    /// Makes an entry with this value for each CPU; one that is there already stays as it is.
    ///
    /// - Throws: `E2BIG` where the map is full.
    public borrowing func insert(_ key: UInt32, _ value: Value) throws(BPFError) {
        let values = [Value](repeating: value, count: MapDescriptor.possibleCPUs)
        unsafe try map.put(key, values, flags: Int(BPF_NOEXIST))
    }

    /// Removes an entry, where there is one.
    public borrowing func remove(_ key: UInt32) throws(BPFError) {
        try map.remove(key)
    }

    /// The values of an entry, one for each CPU that could be there; nil where there is none.
    public borrowing func values(of key: UInt32) throws(BPFError) -> [Value]? {
        try map.values(of: key, as: Value.self)
    }

    /// All keys, in no order.
    public borrowing func keys() throws(BPFError) -> [UInt32] {
        var keys: [UInt32] = []
        try forEach { key, _ in keys.append(key) }
        return keys
    }

    /// Gives each entry to `body`: its key and its values, one for each CPU that could be there.
    ///
    /// Entries are read by the thousand; one that comes or goes meanwhile is given or not.
    public borrowing func forEach(_ body: (_ key: UInt32, _ values: ArraySlice<Value>) -> Void) throws(BPFError) {
        precondition(MemoryLayout<Value>.stride % 8 == 0, "the kernel pads values of per-CPU maps to 8 bytes")
        let processors = MapDescriptor.possibleCPUs
        var place: UInt32?
        var isEnd = false
        while !isEnd {
            var keys = [UInt32](repeating: 0, count: Self.batch)
            var count = UInt32(Self.batch)
            let values = unsafe try [Value](
                unsafeUninitializedCapacity: Self.batch * processors
            ) { (values, initialized) throws(BPFError) in
                try attempt("read", on: map.name) {
                    let code = unsafe read(from: &place, &keys, values.baseAddress, &count)
                    isEnd = code == -ENOENT
                    return isEnd ? 0 : code
                }
                initialized = Int(count) * processors
            }
            for index in 0..<Int(count) {
                body(keys[index], values[index * processors..<(index + 1) * processors])
            }
        }
    }

    /// One batch from `place` on, which becomes that of the next; `-ENOENT` with the last entries.
    private borrowing func read(
        from place: inout UInt32?, _ keys: inout [UInt32], _ values: UnsafeMutablePointer<Value>?,
        _ count: inout UInt32
    ) -> Int32 {
        var before = place ?? 0
        var next: UInt32 = 0
        let isFirst = place == nil
        var options = bpf_map_batch_opts()
        options.sz = MemoryLayout<bpf_map_batch_opts>.size
        let code = unsafe withUnsafeMutablePointer(to: &before) { before in
            unsafe bpf_map_lookup_batch(
                map.descriptor.rawValue, isFirst ? nil : before, &next, &keys, values, &count, &options)
        }
        place = next
        return code
    }
}
