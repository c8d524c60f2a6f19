// Programs started from here: no descriptor and no signal mask of ours reaches them, and their end is never missed.

internal import CLinux
internal import Glibc
internal import Synchronization

/// How a child process ended.
public enum ExitStatus: Hashable, Sendable, CustomStringConvertible {
    /// It returned this code.
    case code(Int32)
    /// A signal ended it.
    case signal(Int32)

    /// Whether it returned 0.
    public var isSuccess: Bool { self == .code(0) }

    public var description: String {
        switch self {
        case .code(let code): "exit status \(code)"
        case .signal(let signal): "ended by signal \(signal)"
        }
    }
}

/// A child process; may be signalled and waited for from any thread.
///
/// A child that nobody has waited for when the last reference goes is killed and reaped; see ``release()``.
public final class ChildProcess: Sendable {
    /// Where the child's output goes.
    public enum Output: Hashable, Sendable {
        /// Nowhere.
        case null
        /// To the same place as this process's.
        case inherited
        /// To an open descriptor, which stays the caller's.
        case descriptor(Int32)
        /// To a file, appended; made where there is none (mode 0644).
        case file(String)
    }

    /// Its process id.
    public let pid: Int32
    private let pidfd: Descriptor
    private let ownGroup: Bool
    private let state = Mutex(State())

    private struct State {
        var status: ExitStatus?
        var released = false
    }

    private init(pid: Int32, pidfd: consuming Descriptor, ownGroup: Bool) {
        self.pid = pid
        self.pidfd = pidfd
        self.ownGroup = ownGroup
    }

    deinit {
        let unattended = state.withLock { $0.status == nil && !$0.released }
        guard unattended else { return }
        _ = clinux_pidfd_send_signal(pidfd.rawValue, SIGKILL)
        while waitpid(pid, nil, 0) == -1 && errno == EINTR {}
    }

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - executable: a path, or a name that is looked up in `PATH`.
    ///   - arguments: without the program's own name.
    ///   - environment: the whole environment; nil passes this process's on.
    ///   - namespace: a network namespace's descriptor for the child; nil leaves it in that of the calling thread.
    ///   - input: an open descriptor for its standard input; nil is /dev/null.
    ///   - newProcessGroup: puts the child into a process group of its own, which ``terminate(_:)`` then signals whole.
    /// - Throws: `ENOENT` or `EACCES` where the program cannot be run, with its name.
    public static func spawn(
        _ executable: String, _ arguments: [String] = [], environment: [String: String]? = nil,
        namespace: Int32? = nil, input: Int32? = nil, output: Output = .inherited, errors: Output = .inherited,
        newProcessGroup: Bool = false
    ) throws(SyscallError) -> ChildProcess {
        let launch = Launch(
            executable: executable, arguments: arguments, environment: environment, newProcessGroup: newProcessGroup)
        let standard = try StandardStreams(input: input, output: output, errors: errors)
        let numbers = standard.numbers
        let pid: Int32
        if let namespace {
            do {
                pid = try SystemThread.throwaway(name: "spawn") {
                    try syscall("setns") { clinux_enter_network(namespace) }
                    return try launch.run(numbers)
                }
            } catch {
                throw error as? SyscallError ?? SyscallError(operation: "posix_spawn", object: executable, code: EIO)
            }
        } else {
            pid = try launch.run(numbers)
        }
        // The number cannot have been given to another process: nobody else reaps our child.
        let pidfd: Int32
        do throws(SyscallError) {
            pidfd = try syscall("pidfd_open", on: executable) { clinux_pidfd_open(pid) }
        } catch {
            _ = kill(pid, SIGKILL)
            _ = waitpid(pid, nil, 0)
            throw error
        }
        return ChildProcess(pid: pid, pidfd: Descriptor(owning: pidfd), ownGroup: newProcessGroup)
    }

    /// Starts a program in the network namespace of this name; else like
    /// ``spawn(_:_:environment:namespace:input:output:errors:newProcessGroup:)``.
    public static func spawn(
        _ executable: String, _ arguments: [String] = [], environment: [String: String]? = nil,
        inNamespace name: String, input: Int32? = nil, output: Output = .inherited, errors: Output = .inherited,
        newProcessGroup: Bool = false
    ) throws(SyscallError) -> ChildProcess {
        let namespace = try NetworkNamespace.open(name)
        return try spawn(
            executable, arguments, environment: environment, namespace: namespace.rawValue, input: input,
            output: output, errors: errors, newProcessGroup: newProcessGroup)
    }

    /// Sends a signal to the child, or to its whole group where it has its own. A child that has ended is fine.
    public func terminate(_ signal: Int32 = Signals.terminate) throws(SyscallError) {
        let code: Int32 = state.withLock { state in
            // Once reaped, the number may be another process's.
            if state.status != nil { return 0 }
            let result = ownGroup ? kill(-pid, signal) : clinux_pidfd_send_signal(pidfd.rawValue, signal)
            return result == 0 ? 0 : errno
        }
        if code != 0 && code != ESRCH { throw SyscallError(operation: "kill", object: "process \(pid)", code: code) }
    }

    /// Waits until the child has ended.
    public func wait() throws(SyscallError) -> ExitStatus {
        while true {
            if let status = try wait(timeoutMilliseconds: -1) { return status }
        }
    }

    /// Waits until the child has ended.
    ///
    /// - Parameter timeoutMilliseconds: -1 waits for ever, 0 only asks.
    /// - Returns: nil where the time ran out.
    public func wait(timeoutMilliseconds: Int32) throws(SyscallError) -> ExitStatus? {
        if let status = state.withLock({ $0.status }) { return status }
        guard try pidfd.waitReadable(timeoutMilliseconds: timeoutMilliseconds) else { return nil }
        let outcome: Result<ExitStatus, SyscallError> = state.withLock { state in
            // Another thread may have waited as well; only one reaps.
            if let status = state.status { return .success(status) }
            var raw: Int32 = 0
            while unsafe waitpid(pid, &raw, 0) == -1 {
                let code = errno
                if code != EINTR {
                    return .failure(SyscallError(operation: "waitpid", object: "process \(pid)", code: code))
                }
            }
            let signal = clinux_exit_signal(raw)
            let status: ExitStatus = signal != 0 ? .signal(signal) : .code(clinux_exit_code(raw))
            state.status = status
            return .success(status)
        }
        return try outcome.get()
    }

    /// Readable once the child has ended, for waiting beside other descriptors; valid while this object lives.
    public var endDescriptor: Int32 { pidfd.rawValue }

    /// Lets the child live on when this object goes.
    public func release() {
        state.withLock { $0.released = true }
    }
}
