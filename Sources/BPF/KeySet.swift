// A hash in which only the keys count.

internal import CBpf
internal import Glibc
internal import LinuxSystem

/// A set of 32-bit keys as they are in memory (`BPF_MAP_TYPE_HASH` with values of 32 bits that mean nothing).
public struct KeySet: ~Copyable {
    private let map: MapDescriptor

    init(_ map: consuming MapDescriptor) {
        self.map = map
    }

    /// Adds a key, or leaves it.
    ///
    /// - Throws: `E2BIG` where the map is full.
    public borrowing func insert(_ key: UInt32) throws(BPFError) {
        try attempt("insert", on: map.name) {
            unsafe withUnsafePointer(to: key) { key in
                unsafe bpf_map_update_elem(map.descriptor.rawValue, key, key, UInt64(BPF_ANY))
            }
        }
    }

    /// Removes a key, where it is there.
    public borrowing func remove(_ key: UInt32) throws(BPFError) {
        try map.remove(key)
    }
}
