// Time that only goes forwards, and deadlines measured in it.

internal import Glibc

/// The kernel's monotonic clock.
public enum Monotonic {
    /// Nanoseconds since an arbitrary point, the same for all threads and processes of this boot.
    public static var now: UInt64 {
        var time = timespec()
        // CLOCK_MONOTONIC with a valid pointer cannot fail.
        _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }

    /// Puts the calling thread to sleep for at least this long.
    public static func sleep(milliseconds: UInt32) {
        sleep(nanoseconds: UInt64(milliseconds) * 1_000_000)
    }

    /// Puts the calling thread to sleep for at least this long, and for as much more as its timer slack allows.
    public static func sleep(nanoseconds: UInt64) {
        var rest = timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
        var left = timespec()
        while unsafe nanosleep(&rest, &left) == -1 && errno == EINTR { rest = left }
    }
}

/// A point in monotonic time until which to wait; an interrupted wait goes on for what is left of it.
struct Deadline {
    private let end: UInt64?

    /// Below 0 means for ever.
    init(milliseconds: Int32) {
        end = milliseconds < 0 ? nil : Monotonic.now + UInt64(milliseconds) * 1_000_000
    }

    /// What is left, rounded up, as `poll` takes it: -1 for ever, 0 passed.
    var remainingMilliseconds: Int32 {
        guard let end else { return -1 }
        let now = Monotonic.now
        return now >= end ? 0 : Int32(clamping: (end - now + 999_999) / 1_000_000)
    }

    var hasPassed: Bool { remainingMilliseconds == 0 }
}
