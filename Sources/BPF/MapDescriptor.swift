// The calls that all kinds of maps share, in one place.

internal import CBpf
internal import Glibc
internal import LinuxSystem

/// A map in the kernel, by its descriptor; its keys have 32 bits.
struct MapDescriptor: ~Copyable {
    let descriptor: Descriptor
    /// What errors call it.
    let name: String

    init(_ descriptor: consuming Descriptor, name: String) {
        self.descriptor = descriptor
        self.name = name
    }

    /// Values of per-CPU maps have a place for each CPU that could ever be there.
    static let possibleCPUs = max(1, Int(libbpf_num_possible_cpus()))

    /// One value for each CPU; nil where there is no such key.
    func values<Value: BitwiseCopyable>(of key: UInt32, as type: Value.Type) throws(BPFError) -> [Value]? {
        precondition(MemoryLayout<Value>.stride % 8 == 0, "the kernel pads values of per-CPU maps to 8 bytes")
        var isThere = true
        let values = unsafe try [Value](
            unsafeUninitializedCapacity: Self.possibleCPUs
        ) { (values, count) throws(BPFError) in
            try attempt("read", on: name) {
                let code = unsafe withUnsafePointer(to: key) {
                    unsafe bpf_map_lookup_elem(descriptor.rawValue, $0, values.baseAddress)
                }
                isThere = code != -ENOENT
                return isThere ? code : 0
            }
            count = isThere ? Self.possibleCPUs : 0
        }
        return isThere ? values : nil
    }

    /// Makes an entry, or writes one that is there; with `BPF_NOEXIST` the latter stays as it is.
    ///
    /// Many at once outrun the pool that the kernel takes entries from (`ENOMEM`, kernel/bpf/memalloc.c), which fills up
    /// again a moment later: so it is tried for a second.
    func put(_ key: UInt32, _ value: UnsafeRawPointer?, flags: Int = Int(BPF_ANY)) throws(BPFError) {
        try attempt("insert", on: name) {
            var code: Int32 = 0
            for _ in 0..<1000 {
                code = unsafe withUnsafePointer(to: key) { key in
                    unsafe bpf_map_update_elem(descriptor.rawValue, key, value, UInt64(flags))
                }
                if code != -ENOMEM { break }
                usleep(1000)
            }
            return code == -EEXIST ? 0 : code
        }
    }

    /// Removes an entry, where there is one.
    func remove(_ key: UInt32) throws(BPFError) {
        try attempt("remove", on: name) {
            let code = unsafe withUnsafePointer(to: key) { unsafe bpf_map_delete_elem(descriptor.rawValue, $0) }
            return code == -ENOENT ? 0 : code
        }
    }

    /// The key after another in the map's own order; the first for nil, or where that key is gone; nil at the end.
    func key(after key: UInt32?) throws(BPFError) -> UInt32? {
        var next: UInt32 = 0
        var isEnd = false
        try attempt("list", on: name) {
            let code =
                if let key {
                    unsafe withUnsafePointer(to: key) { unsafe bpf_map_get_next_key(descriptor.rawValue, $0, &next) }
                } else {
                    unsafe bpf_map_get_next_key(descriptor.rawValue, nil, &next)
                }
            isEnd = code == -ENOENT
            return isEnd ? 0 : code
        }
        return isEnd ? nil : next
    }
}
