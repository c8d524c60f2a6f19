// One client of a server from its greeting to its end: a line is carried out, or the session is over.

internal import LinuxSystem
internal import Net

/// What a server does for one client, step by step. For one thread.
final class LoadSession {
    /// How a session ended.
    enum End: Hashable, CustomStringConvertible {
        /// The client closed the connection, or died.
        case left
        /// The server was asked to end.
        case ended
        /// The client was told why it goes no further.
        case refused(String)

        var description: String {
            switch self {
            case .left: "left"
            case .ended: "cut off, the server ends"
            case .refused(let why): "sent away: \(why)"
            }
        }
    }

    private enum State {
        /// The client has until then to say hello.
        case greeted(until: UInt64)
        case idle
        /// The client has until then to connect and say go.
        case ready(any ReceivingHalf, until: UInt64)
        case going(ServedLoad)
    }

    private static let answerNanoseconds: UInt64 = 10_000_000_000

    let ends: DataEnds
    private let control: ControlConnection
    private let log: (String) -> Void
    private var state = State.greeted(until: Monotonic.now + 2_000_000_000)

    init(_ control: ControlConnection, _ ends: DataEnds, log: @escaping (String) -> Void) {
        self.control = control
        self.ends = ends
        self.log = log
    }

    /// When the next step is due, whether a line comes or not.
    var lookMilliseconds: Int32 {
        guard case .going(let load) = state else { return 100 }
        return load.lookMilliseconds
    }

    /// Does what is due, and what the client says.
    ///
    /// - Returns: nil while the session goes on.
    func step(isReadable: Bool, while isWanted: () -> Bool) -> End? {
        do {
            try doDue()
            return isReadable ? try listen(isWanted) : nil
        } catch {
            let why = "\(error)"
            do throws(SyscallError) {
                try control.send(ServerLine.error(why).line)
            } catch {
                return .left
            }
            return .refused(why)
        }
    }

    /// Ends whatever load there is; returns when its threads are gone.
    func close() {
        if case .ready(let half, _) = state { stop(half) }
        if case .going(let load) = state { stop(load.half) }
        state = .idle
    }

    private func stop(_ half: any ReceivingHalf) {
        half.threads.abort()
        half.threads.join()
    }

    private func doDue() throws {
        let now = Monotonic.now
        switch state {
        case .greeted(let until) where now > until: throw LoadError.refused("there was no hello in time")
        case .ready(_, let until) where now > until: throw LoadError.refused("there was no go in time")
        case .going(let load):
            for line in try load.due(now) {
                try control.send(line.line)
                if case .finished = line {
                    stop(load.half)
                    state = .idle
                }
            }
        default: break
        }
    }

    private func listen(_ isWanted: () -> Bool) throws -> End? {
        while true {
            switch control.receive(timeoutMilliseconds: 0) {
            case .nothing: return nil
            case .end: return .left
            case .nonsense: throw LoadError.refused("that was no line of text")
            case .line(let text):
                guard let line = ClientLine(text) else { throw LoadError.refused("there is no order '\(text)'") }
                try carryOut(line, isWanted)
            }
        }
    }

    private func carryOut(_ line: ClientLine, _ isWanted: () -> Bool) throws {
        switch (state, line) {
        case (.greeted, .hello(Greeting.version)): state = .idle
        case (.greeted, .hello(let version)):
            throw LoadError.refused("the client speaks version \(version), the server \(Greeting.version)")
        case (.idle, .order(let order)):
            let half = try order.receivingHalf(ends)
            log(line.line)
            state = .ready(half, until: Monotonic.now + Self.answerNanoseconds)
            try control.send(ServerLine.ready(port: half.port).line)
        case (.ready(let half, _), .go(let period)):
            try half.start(while: isWanted)
            // Said first: the client's time begins when it reads this, and the server's must not end later than it.
            try control.send(ServerLine.going.line)
            state = .going(ServedLoad(half, period))
        case (.going(let load), .finish): load.finish()
        default: throw LoadError.refused("'\(line.line)' is out of turn")
        }
    }
}

extension LoadOrder {
    /// What the server has to do for it.
    fileprivate func receivingHalf(_ ends: DataEnds) throws -> any ReceivingHalf {
        switch self {
        case .stream(let flows): try StreamReceiver(flows: flows, ends)
        case .datagrams(let payloadBytes, let clientPort):
            try DatagramReceiver(payloadBytes: payloadBytes, clientPort: clientPort, ends)
        case .requests: try RequestResponder(ends)
        case .connections: try ConnectionResponder(ends)
        case .nothing: NothingReceiver()
        }
    }
}

/// The half of a load that only the kernel answers.
private final class NothingReceiver: ReceivingHalf {
    let threads = LoadThreads()
    let port: UInt16 = 0
    let count = 0

    func start(while isWanted: () -> Bool) {}
}
