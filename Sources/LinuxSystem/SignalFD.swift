// Signals as something to read, so that no code ever runs in a signal handler.

internal import CLinux
internal import Glibc

/// A signalfd: non-blocking, closed on exec.
public struct SignalFD: ~Copyable, Sendable {
    /// Readable while one of the signals is pending.
    public let descriptor: Descriptor

    /// Keeps signals from being delivered to the calling thread and to the threads it starts afterwards.
    ///
    /// To be called before the first other thread starts: a thread that does not block a signal would die of it.
    public static func block(_ signals: [Int32]) throws(SyscallError) {
        var mask = signalSet(signals)
        let code = unsafe pthread_sigmask(SIG_BLOCK, &mask, nil)
        if code != 0 { throw SyscallError(operation: "pthread_sigmask", code: code) }
    }

    /// Receives these signals, which must be blocked.
    public init(_ signals: [Int32]) throws(SyscallError) {
        var mask = signalSet(signals)
        descriptor = Descriptor(
            owning: try syscall("signalfd") {
                unsafe signalfd(-1, &mask, Int32(SFD_NONBLOCK | SFD_CLOEXEC))
            })
    }

    /// Takes the next pending signal.
    ///
    /// - Returns: its number; nil where none is pending.
    public func read() throws(SyscallError) -> Int32? {
        var info = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        while true {
            let result = unsafe Glibc.read(descriptor.rawValue, &info, size)
            if result == size { return Int32(bitPattern: info.ssi_signo) }
            let code = errno
            if result == -1 && code == EINTR { continue }
            if result == -1 && code == EAGAIN { return nil }
            throw SyscallError(operation: "read", object: "signalfd", code: result == -1 ? code : EIO)
        }
    }
}

/// A kernel signal set with these members; numbers that are not signals are left out.
func signalSet(_ signals: [Int32]) -> sigset_t {
    var set = sigset_t()
    _ = unsafe sigemptyset(&set)
    for signal in signals { _ = unsafe sigaddset(&set, signal) }
    return set
}

/// The numbers of the signals that a daemon deals with.
public enum Signals {
    /// Read the configuration again.
    public static let hangup: Int32 = SIGHUP
    /// Ctrl-C.
    public static let interrupt: Int32 = SIGINT
    /// End in good order.
    public static let terminate: Int32 = SIGTERM
    /// End at once.
    public static let kill: Int32 = SIGKILL
    /// Write to a peer that went away.
    public static let pipe: Int32 = SIGPIPE
    /// For the program's own use.
    public static let user1: Int32 = SIGUSR1

    /// Sends a signal to a process that need not be a child; one that has ended is fine.
    public static func send(_ signal: Int32, to process: Int32) {
        _ = Glibc.kill(process, signal)
    }
}
