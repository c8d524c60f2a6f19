// Running a program to its end with its output captured, within limits of size and time.

internal import CLinux
internal import Glibc

/// What a program that ran to its end left.
public struct ProgramResult: Hashable, Sendable {
    /// How it ended.
    public let status: ExitStatus
    /// What it wrote to standard output, up to the limit; bytes that are not UTF-8 are repaired.
    public let output: String
    /// What it wrote to standard error, likewise.
    public let errors: String
    /// Whether it wrote more than the limit; the rest was read and dropped.
    public let isTruncated: Bool
}

extension ChildProcess {
    /// Runs a program to its end.
    ///
    /// Output that a grandchild writes after the program has ended is not waited for.
    ///
    /// - Parameters:
    ///   - namespace: a network namespace's descriptor; nil is that of the calling thread.
    ///   - limit: the most bytes to keep of each of its two outputs.
    ///   - timeoutMilliseconds: after which it is killed and `ETIMEDOUT` thrown; -1 waits for ever.
    public static func run(
        _ executable: String, _ arguments: [String] = [], environment: [String: String]? = nil,
        namespace: Int32? = nil, input: Int32? = nil, limit: Int = 1 << 20, timeoutMilliseconds: Int32 = 30_000
    ) throws(SyscallError) -> ProgramResult {
        let deadline = Deadline(milliseconds: timeoutMilliseconds)
        var output = try Capture(limit: limit)
        var errors = try Capture(limit: limit)
        let child = try spawn(
            executable, arguments, environment: environment, namespace: namespace, input: input,
            output: .descriptor(output.writingEnd), errors: .descriptor(errors.writingEnd))
        output.closeWritingEnd()
        errors.closeWritingEnd()
        while true {
            var entries = [child.endDescriptor, output.readingEnd, errors.readingEnd].map {
                pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
            }
            let ready = unsafe poll(&entries, nfds_t(entries.count), deadline.remainingMilliseconds)
            let code = errno
            if ready == 0 {
                // The child is killed and reaped when it goes out of scope here.
                throw SyscallError(operation: "waitpid", object: executable, code: ETIMEDOUT)
            }
            if ready < 0 && code != EINTR { throw SyscallError(operation: "poll", code: code) }
            if ready < 0 { continue }
            // Asked before reading: what an ended child wrote is then all in the pipes.
            let ended = entries[0].revents != 0
            try output.readAvailable()
            try errors.readAvailable()
            if ended { break }
        }
        return ProgramResult(
            status: try child.wait(), output: output.text, errors: errors.text,
            isTruncated: output.isTruncated || errors.isTruncated)
    }

    /// Runs a program to its end in the network namespace of this name.
    public static func run(
        _ executable: String, _ arguments: [String] = [], environment: [String: String]? = nil,
        inNamespace name: String, input: Int32? = nil, limit: Int = 1 << 20, timeoutMilliseconds: Int32 = 30_000
    ) throws(SyscallError) -> ProgramResult {
        let namespace = try NetworkNamespace.open(name)
        return try run(
            executable, arguments, environment: environment, namespace: namespace.rawValue, input: input,
            limit: limit, timeoutMilliseconds: timeoutMilliseconds)
    }
}

/// A pipe whose reading end is collected up to a limit.
private struct Capture: ~Copyable {
    private var reader: Descriptor?
    private var writer: Descriptor?
    private var bytes: [UInt8] = []
    private let limit: Int
    private(set) var isTruncated = false

    init(limit: Int) throws(SyscallError) {
        var ends: [Int32] = [0, 0]
        try syscall("pipe") { unsafe clinux_pipe(&ends) }
        let reader = Descriptor(owning: ends[0])
        let writer = Descriptor(owning: ends[1])
        // Only our end: the program expects its output to wait.
        try syscall("fcntl O_NONBLOCK") { fcntl(ends[0], F_SETFL, O_NONBLOCK) }
        self.limit = limit
        self.reader = consume reader
        self.writer = consume writer
    }

    var text: String { String(decoding: bytes, as: UTF8.self) }

    /// -1, which poll passes over, once the pipe has ended.
    var readingEnd: Int32 {
        switch reader {
        case .some(let reader): reader.rawValue
        case .none: -1
        }
    }

    var writingEnd: Int32 {
        switch writer {
        case .some(let writer): writer.rawValue
        case .none: -1
        }
    }

    mutating func closeWritingEnd() {
        writer = nil
    }

    /// At most 1 MB at a time, so that a program that never stops writing cannot hold off the deadline.
    mutating func readAvailable() throws(SyscallError) {
        guard readingEnd >= 0 else { return }
        var chunk = [UInt8](repeating: 0, count: 65536)
        for _ in 0..<16 {
            let count = unsafe read(readingEnd, &chunk, chunk.count)
            let code = errno
            if count < 0 && code == EINTR { continue }
            if count < 0 && code == EAGAIN { return }
            if count < 0 { throw SyscallError(operation: "read", object: "pipe", code: code) }
            if count == 0 {
                reader = nil
                return
            }
            let room = max(0, limit - bytes.count)
            bytes.append(contentsOf: chunk[..<min(count, room)])
            if count > room { isTruncated = true }
        }
    }
}
