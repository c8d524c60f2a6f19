// The two halves of a load: one in the client, which sends, and one in the server, which receives or answers.

internal import LinuxSystem
internal import Net

/// What the client does. It is connected when it is made; its threads do the rest.
protocol SendingHalf: AnyObject, Sendable {
    var threads: LoadThreads { get }

    /// Begins to send; warm-up and measured time begin now.
    func start() throws
}

/// What the server does. It listens when it is made.
protocol ReceivingHalf: AnyObject, Sendable {
    var threads: LoadThreads { get }
    /// Where the client shall connect to; 0 for nowhere.
    var port: UInt16 { get }
    /// Bytes, datagrams, requests or connections up to now.
    var count: Int { get }

    /// Takes the connections that the client has made, and begins to receive.
    func start(while isWanted: () -> Bool) throws
}

/// Between which addresses a load of the server goes: those of its control connection, so that no route and no source
/// address is chosen twice.
struct DataEnds: Hashable, Sendable {
    var server: IPv4Address
    var client: IPv4Address
}

/// A socket that several threads use; closed when the last of them has returned.
final class SharedSocket: Sendable {
    let socket: InetSocket

    init(_ socket: consuming InetSocket) {
        self.socket = socket
    }
}

/// A TCP port of the server for one load and one client: connections from elsewhere are closed at once.
struct DataListener: ~Copyable, Sendable {
    private static let patienceMilliseconds = 5000

    let port: UInt16
    private let client: UInt32
    private let socket: InetSocket

    init(_ ends: DataEnds) throws(SyscallError) {
        let listener = try InetSocket(.tcp)
        try listener.bind(ends.server.rawValue)
        try listener.listen(backlog: Int32(LoadOrder.mostFlows))
        port = try listener.localPort()
        client = ends.client.rawValue
        socket = listener
    }

    /// Takes the next connection; nil where none came in the time, or that of a stranger.
    func accept(timeoutMilliseconds: Int32) throws(SyscallError) -> InetSocket? {
        guard let connection = try socket.accept(timeoutMilliseconds: timeoutMilliseconds) else { return nil }
        // A connection that was reset meanwhile has no peer any more.
        guard let peer = try? connection.peerAddress(), peer == client else { return nil }
        return connection
    }

    /// Waits for a connection that the client says it has made.
    func acceptMade(while isWanted: () -> Bool) throws -> InetSocket {
        let deadline = Monotonic.now + UInt64(Self.patienceMilliseconds) * 1_000_000
        while isWanted() && Monotonic.now < deadline {
            if let connection = try accept(timeoutMilliseconds: LoadThreads.lookMilliseconds) { return connection }
        }
        throw LoadError.failed("a connection of the load did not arrive on port \(port)")
    }
}
