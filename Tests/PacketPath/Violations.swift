// A thread that does on purpose what the packet thread must not: the proof that the counters catch it.

import Glibc
import LinuxSystem
import Synchronization

enum Violations {
    /// How often each of them is committed.
    static let count: UInt64 = 1000
    static let thread = "violations"

    /// Commits all of them, in a process that counts into `file`.
    static func commit(file: String) throws {
        let sole = try SystemThread.start(name: thread) {
            for _ in 0..<count {
                commitInC()
                commitInSwift()
            }
        }
        sole.join()
        // A lock of Swift's own shows only where one thread waits for another.
        let shared = Shared()
        let waiting = try shared.number.withLock { _ in
            let waiting = try SystemThread.start(name: thread) { shared.number.withLock { $0 += 1 } }
            let deadline = Monotonic.now + 10_000_000_000
            while try Counters(path: file).calls("futex") == 0, Monotonic.now < deadline {
                Monotonic.sleep(milliseconds: 1)
            }
            return waiting
        }
        waiting.join()
    }

    /// What of it was not counted, by name.
    static func missed(in counters: Counters) -> [String] {
        counters.kinds.filter { $0.calls < ($0.name == "futex" ? 1 : count) }.map { "\($0.name): \($0.calls)" }
    }

    private static func commitInC() {
        free(realloc(calloc(1, 8), 4096))
        free(malloc(100))
        var aligned: UnsafeMutableRawPointer?
        if posix_memalign(&aligned, 64, 100) == 0 { free(aligned) }
        var mutex = pthread_mutex_t()
        pthread_mutex_lock(&mutex)
        pthread_mutex_unlock(&mutex)
    }

    private static func commitInSwift() {
        let object = Object()
        let holder = Holder(object)
        // Twice the same, so that nothing is known when compiling.
        guard holder.weak === object, holder.unowned === object else { fatalError("another object") }
    }
}

private final class Object {}

private final class Holder {
    weak var weak: Object?
    unowned var unowned: Object
    let strong: Object

    init(_ object: Object) {
        weak = object
        unowned = object
        strong = object
    }
}

private final class Shared: Sendable {
    let number = Mutex(0)
}
