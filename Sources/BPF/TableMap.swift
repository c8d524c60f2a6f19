// A table that is read by programs while it is replaced: written aside, then swapped in whole.

internal import CBpf
internal import Glibc
internal import LinuxSystem

/// An array of maps with one entry: the table in force, an array of 64-bit elements.
public struct TableMap: ~Copyable {
    private let map: MapDescriptor
    private var table: Table?

    init(_ map: consuming MapDescriptor) {
        self.map = map
    }

    /// Puts a new table in force, and returns when no program reads the former one any more.
    ///
    /// - Parameter words: two for each element, the first in its lower half; a last half element is filled up with 0.
    /// - Throws: ``BPFError``; the former table stays in force.
    public mutating func replace(with words: [UInt32]) throws(BPFError) {
        let table = try Table(count: (words.count + 1) / 2)
        unsafe try table.withElements(0..<table.count) { elements in
            for index in words.indices where index & 1 == 0 {
                let high = index + 1 < words.count ? words[index + 1] : 0
                unsafe elements[index / 2] = UInt64(words[index]) | UInt64(high) << 32
            }
        }
        var key: UInt32 = 0
        var number = table.descriptor.rawValue
        try attempt("replace", on: map.name) {
            unsafe bpf_map_update_elem(map.descriptor.rawValue, &key, &number, UInt64(BPF_ANY))
        }
        self.table = consume table
    }

    /// Writes one element of the table in force; a program sees the old pair or the new one.
    ///
    /// - Throws: `ENOENT` where there is no table or no such element.
    public mutating func setPair(_ pair: UInt64, at index: Int) throws(BPFError) {
        guard let count = table?.count, index >= 0, index < count else {
            throw BPFError(operation: "set element \(index)", object: map.name, code: ENOENT)
        }
        unsafe try table?.withElements(index..<index + 1) { unsafe $0[0] = pair }
    }
}

/// One table.
private struct Table: ~Copyable {
    let descriptor: Descriptor
    let count: Int

    init(count: Int) throws(BPFError) {
        let entries = max(1, count)
        // Elements of that many need not be as many as the program's own declaration says (BPF_F_INNER_MAP, 5.10).
        let number = try attempt("make", on: "a table of \(entries) elements") {
            var options = bpf_map_create_opts()
            options.sz = MemoryLayout<bpf_map_create_opts>.size
            options.map_flags = UInt32(BPF_F_INNER_MAP | BPF_F_MMAPABLE)
            return unsafe bpf_map_create(BPF_MAP_TYPE_ARRAY, "table", 4, 8, UInt32(clamping: entries), &options)
        }
        descriptor = Descriptor(owning: number)
        self.count = entries
    }

    /// Maps the elements for as long as `body` runs.
    func withElements(
        _ range: Range<Int>, _ body: (UnsafeMutableBufferPointer<UInt64>) -> Void
    ) throws(BPFError) {
        let page = sysconf(Int32(_SC_PAGESIZE))
        let start = range.lowerBound * 8 / page * page
        let length = range.upperBound * 8 - start
        let address = unsafe mmap(nil, length, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor.rawValue, start)
        guard let address = unsafe address, unsafe address != MAP_FAILED else {
            throw BPFError(operation: "map", object: "a table of \(count) elements", code: errno)
        }
        let first = unsafe (address + (range.lowerBound * 8 - start)).assumingMemoryBound(to: UInt64.self)
        unsafe body(UnsafeMutableBufferPointer(start: first, count: range.count))
        unsafe munmap(address, length)
    }
}
