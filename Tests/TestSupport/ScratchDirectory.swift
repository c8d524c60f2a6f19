// A directory of its own for one test, removed with everything in it when the test ends.

import Glibc
import LinuxSystem
import Synchronization

/// A directory that only one test knows.
public final class ScratchDirectory: Sendable {
    private static let made = Atomic<Int>(0)

    /// Its absolute path.
    public let path: String

    /// Makes the directory.
    public init() {
        let number = ScratchDirectory.made.wrappingAdd(1, ordering: .relaxed).newValue
        path = "/tmp/poplin-test-\(Host.processID)-\(number)"
        // What a killed run of the same process number left must not be mistaken for this test's.
        ScratchDirectory.remove(path)
        try? Directory.create(path)
        precondition(File.exists(path), "no scratch directory")
    }

    deinit { ScratchDirectory.remove(path) }

    /// Writes a file as a program does that keeps it open for a moment: opened, written, closed.
    public func write(_ name: String, _ text: String) {
        write(name, Array(text.utf8))
    }

    /// Writes a file of any bytes.
    public func write(_ name: String, _ bytes: [UInt8]) {
        guard let file = fopen(path + "/" + name, "w") else { return }
        fwrite(bytes, 1, bytes.count, file)
        fclose(file)
    }

    /// A file's text; empty where there is none.
    public func read(_ name: String) -> String {
        (try? TextFile.read(path + "/" + name)) ?? ""
    }

    /// Removes a file, a link, or a directory with everything in it.
    public func remove(_ name: String) { ScratchDirectory.remove(path + "/" + name) }

    private static func remove(_ path: String) {
        if let names = try? Directory.list(path),
            (try? FileStatus(path, followingLinks: false))?.isSymbolicLink == false
        {
            for name in names { remove(path + "/" + name) }
            rmdir(path)
        } else {
            unlink(path)
        }
    }
}
