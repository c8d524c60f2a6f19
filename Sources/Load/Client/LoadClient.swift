// The client of a load server: orders loads, runs their sending halves, and brings both ends' figures together.

internal import LinuxSystem
public import Net

/// A session with a load server. For one thread; sockets belong to that thread's network namespace.
///
/// Both ends of a load use the addresses of the control connection, and ports that the server chooses. So a packet
/// filter between them has to let TCP and UDP pass, and an address translator must keep the client's UDP ports.
public final class LoadClient {
    private static let connectMilliseconds = 3000

    /// The server's address.
    public let address: IPv4Address
    /// The port of its control connection.
    public let port: UInt16
    /// Whether both ends run on one machine (under one kernel), whose processor time counts once.
    let isOnSameMachine: Bool
    /// This end of the control connection.
    let localAddress: IPv4Address
    private let isInterrupted: () -> Bool
    private var control: ControlConnection?

    /// Connects to a server that is free.
    ///
    /// - Parameter isInterrupted: asked at least twenty times a second; once it is true, whatever is going on throws
    ///   ``LoadError/interrupted``.
    /// - Throws: ``LoadError/cannotConnect(_:)``, ``LoadError/notALoadServer(_:)``, ``LoadError/busy(_:)``,
    ///   ``LoadError/interrupted``.
    public init(
        to address: IPv4Address, port: UInt16 = LoadPort.control, isInterrupted: @escaping () -> Bool = { false }
    ) throws(LoadError) {
        let place = "\(address):\(port)"
        let socket = try Self.connect(to: address, port, isInterrupted) { error in
            switch error.code {
            case ErrorNumber.connectionRefused:
                "nobody listens at \(place): start `poplin bench --serve` there, or give the port where it listens"
            case ErrorNumber.timedOut:
                "no answer from \(place) in \(Self.connectMilliseconds / 1000) s: is the address right, and does a packet "
                    + "filter let TCP port \(port) pass?"
            case ErrorNumber.hostUnreachable, ErrorNumber.networkUnreachable:
                "there is no way to \(place): \(error.reason): is the address right, and is that host up?"
            default: "cannot connect to \(place): \(error.reason) (\(error.operation))"
            }
        }
        let control: ControlConnection
        let machine: String
        let local: UInt32
        do throws(SyscallError) {
            control = try ControlConnection(socket)
            machine = try Machine.identity()
            local = try control.localAddress()
        } catch {
            throw .failed("\(place): \(error)")
        }
        let reader = ControlReader(control, place, isInterrupted)
        isOnSameMachine = try reader.greeting() == machine
        try reader.send(.hello(version: Greeting.version), "the greeting")
        self.address = address
        self.port = port
        localAddress = IPv4Address(rawValue: local)
        self.isInterrupted = isInterrupted
        self.control = control
    }

    /// Runs a load and waits for its end.
    public func run<Load: NetworkLoad>(_ load: Load) throws(LoadError) -> Load.Report {
        try load.run(with: self)
    }

    /// Connects to a port that the server told.
    func connect(to dataPort: UInt16) throws(LoadError) -> InetSocket {
        try Self.connect(to: address, dataPort, isInterrupted) { error in
            "cannot connect to \(address):\(dataPort), where the server listens for this load: \(error.reason): does a "
                + "packet filter let it pass?"
        }
    }

    private static func connect(
        to address: IPv4Address, _ port: UInt16, _ isInterrupted: () -> Bool, _ line: (SyscallError) -> String
    ) throws(LoadError) -> InetSocket {
        do throws(SyscallError) {
            let socket = try InetSocket(.tcp)
            let isConnected = try socket.connect(address, port, within: connectMilliseconds) { !isInterrupted() }
            if isConnected { return socket }
        } catch {
            throw .cannotConnect(line(error))
        }
        throw .interrupted
    }

    /// Does something at this end that needs no server: opens a socket, say.
    func local<Result>(_ name: String, _ body: () throws(SyscallError) -> Result) throws(LoadError) -> Result {
        do throws(SyscallError) {
            return try body()
        } catch {
            let isDenied = [ErrorNumber.notPermitted, ErrorNumber.accessDenied].contains(error.code)
            throw .failed("\(name) to \(address): \(error)\(isDenied ? ": run it as root" : "")")
        }
    }

    /// Runs a load whose sending half a caller makes when the server is ready; the session ends with any error.
    ///
    /// - Parameter name: of the load, for the error when the server goes away.
    func measure<Half: SendingHalf>(
        _ order: LoadOrder, _ period: LoadPeriod, _ name: String, _ connect: (UInt16) throws(LoadError) -> Half
    ) throws(LoadError) -> (half: Half, outcome: LoadOutcome) {
        guard let control = control.take() else {
            throw .serverGone("the session with \(address):\(port) is over: connect again")
        }
        let reader = ControlReader(control, "\(address):\(port)", isInterrupted)
        let run = LoadRun(reader, order, period, name)
        let half = try run.connect(connect)
        var outcome = try run.run(half)
        if !isOnSameMachine { outcome.busySeconds += outcome.clientBusySeconds }
        self.control = control
        return (half, outcome)
    }
}
