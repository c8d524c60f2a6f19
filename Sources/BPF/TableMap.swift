// A table that is read by programs while it is replaced: written aside, then swapped in whole.

internal import CBpf
internal import Glibc
internal import LinuxSystem

/// An array of maps with one entry: the table in force, an array of 64-bit elements.
public struct TableMap: ~Copyable {
    private let map: MapDescriptor

    init(_ map: consuming MapDescriptor) {
        self.map = map
    }

    /// Puts a new table in force, and returns when no program reads the former one any more.
    ///
    /// - Parameter words: two for each element, the first in its lower half; a last half element is filled up with 0.
    /// - Throws: ``BPFError``; the former table stays in force.
    public borrowing func replace(with words: [UInt32]) throws(BPFError) {
        let table = try Self.table(of: words)
        var key: UInt32 = 0
        var number = table.rawValue
        try attempt("replace", on: map.name) {
            unsafe bpf_map_update_elem(map.descriptor.rawValue, &key, &number, UInt64(BPF_ANY))
        }
    }

    private static func table(of words: [UInt32]) throws(BPFError) -> Descriptor {
        let count = max(1, (words.count + 1) / 2)
        let name = "a table of \(count) elements"
        // Elements of that many need not be as many as the program's own declaration says (BPF_F_INNER_MAP, 5.10).
        let number = try attempt("make", on: name) {
            var options = bpf_map_create_opts()
            options.sz = MemoryLayout<bpf_map_create_opts>.size
            options.map_flags = UInt32(BPF_F_INNER_MAP | BPF_F_MMAPABLE)
            return unsafe bpf_map_create(BPF_MAP_TYPE_ARRAY, "table", 4, 8, UInt32(clamping: count), &options)
        }
        let table = Descriptor(owning: number)
        let address = unsafe mmap(nil, count * 8, PROT_READ | PROT_WRITE, MAP_SHARED, table.rawValue, 0)
        guard let address = unsafe address, unsafe address != MAP_FAILED else {
            throw BPFError(operation: "map", object: name, code: errno)
        }
        // `count` elements are mapped, and nobody else sees the table yet.
        let elements = unsafe address.assumingMemoryBound(to: UInt64.self)
        for index in words.indices where index & 1 == 0 {
            let high = index + 1 < words.count ? words[index + 1] : 0
            unsafe elements[index / 2] = UInt64(words[index]) | UInt64(high) << 32
        }
        unsafe munmap(address, count * 8)
        return table
    }
}
