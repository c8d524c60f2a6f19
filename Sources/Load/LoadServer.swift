// The far end of loads: serves one client at a time, and does nothing that no client has ordered.

internal import LinuxSystem
public import Net

/// A server of loads on a TCP port; see ``LoadClient``.
///
/// A load of the server lasts no longer than its client ordered (two hours at most) and a minute for the rest to arrive,
/// and ends within 100 ms of a closed control connection; a client whose host falls silent is given up after 30 seconds. Who can reach the port can order
/// loads: it takes and answers traffic, and sends none of its own but one byte for each that it gets.
public final class LoadServer: Sendable {
    private static let lookMilliseconds: Int32 = 50

    /// Where it listens.
    public let address: IPv4Address
    /// The port of the control connections.
    public let port: UInt16
    private let listener: InetSocket
    private let machine: String

    /// Begins to listen, in the network namespace of the calling thread.
    ///
    /// - Parameters:
    ///   - address: one of this host's; 0.0.0.0 for all.
    ///   - port: 0 lets the kernel choose.
    /// - Throws: ``LoadError/cannotListen(_:)``.
    public init(listeningOn address: IPv4Address = .any, port: UInt16 = LoadPort.control) throws(LoadError) {
        do throws(SyscallError) {
            let listener = try InetSocket(.tcp)
            try listener.bind(address.rawValue, port: port)
            try listener.listen()
            self.port = try listener.localPort()
            self.address = address
            self.listener = listener
            machine = try Machine.identity()
        } catch {
            let advice =
                switch error.code {
                case ErrorNumber.addressInUse: ": end what listens there (`ss -ltnp`), or choose another port"
                case ErrorNumber.accessDenied: ": choose a port from 1024 on, or run it as root"
                case ErrorNumber.addressNotAvailable: ": choose an address of this host (`ip address`), or 0.0.0.0"
                default: ""
                }
            throw .cannotListen(
                "cannot listen for loads on \(address):\(port): \(error.reason) (\(error.operation))\(advice)")
        }
    }

    /// Serves clients, one after the other; whatever one does ends its own session only.
    ///
    /// - Parameters:
    ///   - isWanted: asked at least ten times a second; once it is false, the session ends and this returns.
    ///   - log: is told who came, what was ordered, and how it ended: one line each.
    public func run(while isWanted: () -> Bool, log: @escaping (String) -> Void = { _ in }) {
        while isWanted() {
            guard let connection = accept(timeoutMilliseconds: Self.lookMilliseconds) else { continue }
            guard let control = try? ControlConnection(connection), let ends = try? Self.ends(control) else { continue }
            log("\(ends.client): came")
            let end = serve(LoadSession(control, ends, log: { log("\(ends.client): \($0)") }), control, isWanted)
            log("\(ends.client): \(end)")
        }
    }

    /// - Returns: how it ended.
    private func serve(
        _ session: LoadSession, _ control: ControlConnection, _ isWanted: () -> Bool
    ) -> LoadSession.End {
        defer { session.close() }
        guard (try? control.send(Greeting.welcome(machine: machine).line)) != nil else { return .left }
        var sockets = PollSet([control.descriptor, listener.descriptor.rawValue])
        while isWanted() {
            guard (try? sockets.wait(timeoutMilliseconds: session.lookMilliseconds)) != nil else { return .ended }
            if let end = session.step(isReadable: sockets.isReady(0), while: isWanted) { return end }
            if sockets.isReady(1) { refuse(busyWith: session.ends.client) }
        }
        return .ended
    }

    /// Tells the next client in one line that it came too early.
    private func refuse(busyWith client: IPv4Address) {
        guard let connection = accept(timeoutMilliseconds: 0), let control = try? ControlConnection(connection) else {
            return
        }
        try? control.send(Greeting.busy(client: "\(client)").line)
    }

    /// nil where there is no connection, or no descriptor left for it; then later.
    private func accept(timeoutMilliseconds: Int32) -> InetSocket? {
        do throws(SyscallError) {
            return try listener.accept(timeoutMilliseconds: timeoutMilliseconds)
        } catch {
            Monotonic.sleep(milliseconds: 10)
            return nil
        }
    }

    private static func ends(_ control: ControlConnection) throws(SyscallError) -> DataEnds {
        DataEnds(
            server: IPv4Address(rawValue: try control.localAddress()),
            client: IPv4Address(rawValue: try control.peerAddress()))
    }
}
