// The client's side of the control connection: what the server says, or one clear line why nothing comes.

internal import LinuxSystem

/// Sends lines and waits for answers, with a look at the client's interruption.
struct ControlReader {
    private let control: ControlConnection
    private let place: String
    private let isInterrupted: () -> Bool

    init(_ control: ControlConnection, _ place: String, _ isInterrupted: @escaping () -> Bool) {
        self.control = control
        self.place = place
        self.isInterrupted = isInterrupted
    }

    /// Waits for the first line.
    ///
    /// - Returns: the identity of the server's machine.
    func greeting() throws(LoadError) -> String {
        let stranger = LoadError.notALoadServer(
            "what listens at \(place) is no load server of Poplin: start `poplin bench --serve` there, on a free port")
        guard case .line(let line) = try input(until: Monotonic.now + 3_000_000_000),
            let greeting = Greeting(line)
        else { throw stranger }
        switch greeting {
        case .welcome(let machine): return machine
        case .busy(let client):
            throw .busy("the load server at \(place) serves another client, \(client): try again when that has ended")
        case .otherVersion(let version):
            throw .notALoadServer(
                "the load server at \(place) speaks version \(version) of its language and this program version "
                    + "\(Greeting.version): use the same release at both ends")
        }
    }

    /// - Parameter name: of what is going on.
    func send(_ line: ClientLine, _ name: String) throws(LoadError) {
        do throws(SyscallError) {
            try control.send(line.line)
        } catch {
            // What it said before it went is the better reason.
            while case .line(let text) = control.receive(timeoutMilliseconds: 0) {
                if case .error(let why) = ServerLine(text) { throw refusal(why) }
            }
            throw gone(name)
        }
    }

    /// Waits for the next line.
    ///
    /// - Parameters:
    ///   - deadline: in monotonic nanoseconds.
    ///   - isEnough: ends the wait early.
    /// - Returns: nil where the time ran out.
    func next(
        until deadline: UInt64, _ name: String, or isEnough: () -> Bool = { false }
    ) throws(LoadError) -> ServerLine? {
        switch try input(until: deadline, or: isEnough) {
        case .nothing: return nil
        case .end: throw gone(name)
        case .nonsense: throw nonsense(name)
        case .line(let text):
            guard let line = ServerLine(text) else { throw nonsense(name) }
            if case .error(let why) = line { throw refusal(why) }
            return line
        }
    }

    func gone(_ name: String) -> LoadError {
        .serverGone("the server at \(place) went away during \(name)")
    }

    func silent(_ name: String, seconds: UInt64) -> LoadError {
        .serverGone("the server at \(place) has not answered for \(seconds) s during \(name)")
    }

    func nonsense(_ name: String) -> LoadError {
        .serverGone("the server at \(place) said what nobody asked for during \(name)")
    }

    private func refusal(_ why: String) -> LoadError { .refused("the server at \(place): \(why)") }

    private func input(
        until deadline: UInt64, or isEnough: () -> Bool = { false }
    ) throws(LoadError) -> ControlConnection.Input {
        while true {
            if isInterrupted() { throw .interrupted }
            let now = Monotonic.now
            let left = now < deadline ? (deadline - now + 999_999) / 1_000_000 : 0
            let look = min(left, UInt64(LoadThreads.lookMilliseconds))
            let input = control.receive(timeoutMilliseconds: Int32(look))
            if input != .nothing || left == 0 || isEnough() { return input }
        }
    }
}
