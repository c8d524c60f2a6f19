// What must be undone is written down before it is done, so that an interrupted benchmark leaves nothing behind.

private import Glibc
private import LinuxSystem
private import Synchronization

/// The process's list of things to undo.
public enum Cleanup {
    private struct Entry {
        var key: Int
        var action: @Sendable () -> Void
    }

    private struct Entries {
        var list: [Entry] = []
        var next = 0
    }

    private static let entries = Mutex(Entries())

    /// Notes something to be undone at the latest when the process ends.
    public static func note(_ action: @escaping @Sendable () -> Void) -> Int {
        entries.withLock { entries in
            entries.next += 1
            entries.list.append(Entry(key: entries.next, action: action))
            return entries.next
        }
    }

    /// Undoes one thing now.
    public static func undo(_ key: Int) {
        let action = entries.withLock { entries in
            entries.list.firstIndex { $0.key == key }.map { entries.list.remove(at: $0).action }
        }
        action?()
    }

    /// Undoes everything, the latest first.
    public static func undoAll() {
        while let action = entries.withLock({ $0.list.popLast()?.action }) { action() }
    }

    /// Has SIGINT and SIGTERM undo everything and end the process. To be called before any thread is started.
    public static func handleSignals() throws {
        let signals = [Signals.interrupt, Signals.terminate]
        try SignalFD.block(signals)
        _ = try SystemThread.start(name: "signals") {
            guard let descriptor = try? SignalFD(signals) else { return }
            while true {
                guard (try? descriptor.descriptor.waitReadable(timeoutMilliseconds: -1)) == true else { continue }
                undoAll()
                exit(130)
            }
        }
    }
}
