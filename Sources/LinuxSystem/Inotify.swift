// Changes of directories as events; the kernel's queue can overflow, and then only a full look again helps.

internal import Glibc

/// An inotify instance: non-blocking, closed on exec.
public struct Inotify: ~Copyable, Sendable {
    /// What happened, or what to be told of.
    public struct Mask: OptionSet, Hashable, Sendable {
        public let rawValue: UInt32
        public init(rawValue: UInt32) { self.rawValue = rawValue }

        /// A file that was open for writing was closed.
        public static let closedAfterWriting = Mask(rawValue: UInt32(IN_CLOSE_WRITE))
        /// A file came in by rename.
        public static let movedIn = Mask(rawValue: UInt32(IN_MOVED_TO))
        /// A file left by rename.
        public static let movedOut = Mask(rawValue: UInt32(IN_MOVED_FROM))
        /// A file or directory was made.
        public static let created = Mask(rawValue: UInt32(IN_CREATE))
        /// A file or directory was deleted.
        public static let deleted = Mask(rawValue: UInt32(IN_DELETE))
        /// The watched directory itself was deleted.
        public static let selfDeleted = Mask(rawValue: UInt32(IN_DELETE_SELF))
        /// The watched directory itself was moved.
        public static let selfMoved = Mask(rawValue: UInt32(IN_MOVE_SELF))
        /// Refuse what is not a directory (`ENOTDIR`).
        public static let onlyDirectory = Mask(rawValue: UInt32(IN_ONLYDIR))
        /// Events were lost; reported with watch -1.
        public static let overflow = Mask(rawValue: UInt32(IN_Q_OVERFLOW))
        /// The watch is gone: removed, or its directory deleted or unmounted.
        public static let watchRemoved = Mask(rawValue: UInt32(IN_IGNORED))
        /// The file system was unmounted.
        public static let unmounted = Mask(rawValue: UInt32(IN_UNMOUNT))

        /// All that changes which finished files a directory holds; directories only.
        public static let directoryContent: Mask = [
            .closedAfterWriting, .movedIn, .movedOut, .deleted, .selfDeleted, .selfMoved, .onlyDirectory,
        ]
    }

    /// One event.
    public struct Event: Hashable, Sendable {
        /// Which watch it belongs to; -1 for an overflow.
        public let watch: Int32
        /// What happened.
        public let mask: Mask
        /// The entry's name in the directory; empty where the event is about the directory itself.
        public let name: String

        /// Events were lost: whoever reads must look at everything again.
        public var isOverflow: Bool { mask.contains(.overflow) }
    }

    /// Readable while there are events.
    public let descriptor: Descriptor

    /// An instance that watches nothing yet.
    public init() throws(SyscallError) {
        descriptor = Descriptor(
            owning: try syscall("inotify_init1") { inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC)) })
    }

    /// Watches a directory; a second call for the same one changes the mask and gives the same number.
    public func add(_ path: String, _ mask: Mask = .directoryContent) throws(SyscallError) -> Int32 {
        try syscall("inotify_add_watch", on: path) {
            unsafe inotify_add_watch(descriptor.rawValue, path, mask.rawValue)
        }
    }

    /// Stops a watch; a last ``Mask/watchRemoved`` event follows.
    public func remove(_ watch: Int32) throws(SyscallError) {
        try syscall("inotify_rm_watch") { inotify_rm_watch(descriptor.rawValue, watch) }
    }

    /// Takes the events that are there; none where there are none.
    public func read() throws(SyscallError) -> [Event] {
        var events: [Event] = []
        // A multiple of the largest event (16 + 256 bytes); the kernel never splits one.
        var buffer = [UInt8](repeating: 0, count: 16320)
        while true {
            let count = unsafe Glibc.read(descriptor.rawValue, &buffer, buffer.count)
            if count > 0 {
                Self.parse(buffer[..<count], into: &events)
                continue
            }
            let code = errno
            if count == -1 && code == EINTR { continue }
            if count == 0 || code == EAGAIN { return events }
            throw SyscallError(operation: "read", object: "inotify", code: code)
        }
    }

    /// Layout of `struct inotify_event`: wd, mask, cookie, length (4 bytes each, host order), then the padded name.
    private static func parse(_ bytes: ArraySlice<UInt8>, into events: inout [Event]) {
        var rest = bytes
        while rest.count >= 16 {
            func word(_ index: Int) -> UInt32 {
                unsafe rest.withUnsafeBytes { unsafe $0.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self) }
            }
            let length = Int(word(3))
            let name = rest.dropFirst(16).prefix(length).prefix { $0 != 0 }
            events.append(
                Event(
                    watch: Int32(bitPattern: word(0)), mask: Mask(rawValue: word(1)),
                    name: String(decoding: name, as: UTF8.self)))
            rest = rest.dropFirst(16 + length)
        }
    }
}
