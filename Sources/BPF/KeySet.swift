// A set of numbers that programs look into.

internal import CBpf
internal import Glibc
internal import LinuxSystem

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
        var (key, value) = (key, UInt32(0))
        try attempt("insert", on: map.name) {
            unsafe bpf_map_update_elem(map.descriptor.rawValue, &key, &value, UInt64(BPF_ANY))
        }
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
