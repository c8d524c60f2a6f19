// What `counters.c` writes, read: how often a thread asked for memory, a reference count or a lock, and from where.

import LinuxSystem

/// One look at the counters of a running program.
struct Counters {
    /// A place in the program that led to calls.
    struct Caller {
        /// As in the program's file; 0 where the place is not in the program itself.
        var address: UInt64
        var calls: UInt64
    }

    /// One kind of call.
    struct Kind {
        var name: String
        var calls: UInt64
        /// The first places that were seen.
        var callers: [Caller]
    }

    /// How many threads of the name have begun.
    let threads: UInt64
    let kinds: [Kind]

    private static let nameLength = 32
    private static let callers = 15
    private static let kindLength = nameLength + 8 + callers * 16

    /// Reads the file.
    init(path: String) throws {
        let bytes = try TextFile.readBytes(path)
        func word(_ offset: Int) -> UInt64 {
            bytes[offset..<(offset + 8)].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
        guard bytes.count > 8, (bytes.count - 8) % Self.kindLength == 0 else {
            throw Failure("\(path) has \(bytes.count) bytes: counters.c has another layout")
        }
        threads = word(0)
        kinds = stride(from: 8, to: bytes.count, by: Self.kindLength).map { start in
            let name = bytes[start..<(start + Self.nameLength)].prefix { $0 != 0 }
            let calls = start + Self.nameLength
            let callers = (0..<Self.callers).map { calls + 8 + $0 * 16 }
            return Kind(
                name: String(decoding: name, as: UTF8.self), calls: word(calls),
                callers: callers.map { Caller(address: word($0), calls: word($0 + 8)) })
        }
    }

    /// How often one kind of call was made.
    func calls(_ name: String) -> UInt64 { kinds.first { $0.name == name }?.calls ?? 0 }

    /// What was added since an earlier look.
    func since(_ earlier: Counters) -> [Kind] {
        zip(kinds, earlier.kinds).map { now, before in
            Kind(
                name: now.name, calls: now.calls - before.calls,
                callers: zip(now.callers, before.callers).map {
                    Caller(address: $0.address, calls: $0.calls - $1.calls)
                })
        }
    }

    /// The environment of a program whose threads of a name are to be counted.
    static func environment(library: String, thread: String, file: String) -> [String: String] {
        ["LD_PRELOAD": library, "COUNTED_THREAD": thread, "COUNTED_FILE": file]
    }
}

/// The check cannot be made, or has found something.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
