// What the load tests share: networks to run in, a server on a thread, and ends that are not as they should be.

import Lab
import LinuxSystem
import Net
import Synchronization
import Testing

@testable import Load

extension LabSpecification {
    /// The standard network with every node forwarding and the router knowing the blocks.
    static func routed(_ stem: String = "load") -> LabSpecification {
        var specification = LabSpecification.standard(name: Lab.uniqueName(stem))
        specification.nodesForward = true
        specification.routerKnowsBlocks = true
        return specification
    }
}

let loopback = address("127.0.0.1")

func address(_ text: String) -> IPv4Address { IPv4Address(text) ?? .any }

extension LoadPeriod {
    /// Long enough for something to arrive, also where a thread is kept waiting for half of it.
    static let short = LoadPeriod(warmUpMilliseconds: 50, milliseconds: 600)
    /// Longer than any test.
    static let endless = LoadPeriod(warmUpMilliseconds: 600_000, milliseconds: 600_000)
}

/// A namespace of its own with a loopback device, removed on every way out.
struct TestNamespace: Sendable {
    private static let made = Atomic<Int>(0)
    let name: String

    static func with(_ body: (TestNamespace) throws -> Void) throws {
        let number = made.wrappingAdd(1, ordering: .relaxed).newValue
        let namespace = TestNamespace(name: "poplin-load-\(Host.processID)-\(number)")
        try NetworkNamespace.create(namespace.name)
        defer { try? NetworkNamespace.delete(namespace.name) }
        let up = try ChildProcess.run("ip", ["link", "set", "lo", "up"], inNamespace: namespace.name)
        try #require(up.status.isSuccess, "\(up.errors)")
        try body(namespace)
    }

    func run<T: ~Copyable & Sendable>(_ body: @Sendable () throws -> T) throws -> T {
        try NetworkNamespace.run(in: name, body)
    }

    /// The TCP sockets in it, one line each, but for those that only wait for their time to pass.
    func sockets() throws -> [String] {
        let output = try ChildProcess.run("ss", ["-Htan", "exclude", "time-wait"], inNamespace: name).output
        return output.split(separator: "\n").map(String.init)
    }
}

/// A server on a thread, which can be ended at any time.
final class TestServer: Sendable {
    private let server: LoadServer
    private let isStopping = Atomic<Bool>(false)
    private let lines = Mutex<[String]>([])
    private let thread = Mutex<SystemThread?>(nil)

    init(in namespace: TestNamespace) throws {
        server = try namespace.run { try LoadServer(listeningOn: loopback, port: 0) }
        let place = try NetworkNamespace.open(namespace.name)
        try thread.withLock {
            $0 = try SystemThread.start(name: "test-server") { [self] in
                guard (try? NetworkNamespace.enter(place)) != nil else { return }
                server.run(while: { !isStopping.load(ordering: .acquiring) }) { line in
                    self.lines.withLock { $0.append(line) }
                }
            }
        }
    }

    var port: UInt16 { server.port }
    /// What it said.
    var log: [String] { lines.withLock { $0 } }

    func stop() {
        isStopping.store(true, ordering: .releasing)
        if let thread = thread.withLock({ $0.take() }) { thread.join() }
    }
}

/// Somebody who listens, and answers each line that begins with a word by lines made before.
final class FakeServer: Sendable {
    let port: UInt16
    private let listener: SharedSocket
    private let thread = Mutex<SystemThread?>(nil)

    /// - Parameter greeting: what it says first; nil closes the connection at once.
    init(in namespace: TestNamespace, greeting: String?, answers: [String: [String]] = [:]) throws {
        listener = try namespace.run {
            let socket = try InetSocket(.tcp)
            try socket.bind(loopback.rawValue)
            try socket.listen()
            return SharedSocket(socket)
        }
        port = try listener.socket.localPort()
        try thread.withLock {
            $0 = try SystemThread.start(name: "test-fake") { [listener] in
                guard let connection = try? listener.socket.accept(timeoutMilliseconds: 10_000), let greeting,
                    let control = try? ControlConnection(connection), (try? control.send(greeting)) != nil
                else { return }
                while true {
                    switch control.receive(timeoutMilliseconds: 10_000) {
                    case .line(let line):
                        let verb = String(line.prefix { $0 != " " })
                        for answer in answers[verb] ?? [] where (try? control.send(answer)) == nil { return }
                    case .nothing: continue
                    case .nonsense, .end: return
                    }
                }
            }
        }
    }

    /// Returns when its client has gone.
    func join() {
        if let thread = thread.withLock({ $0.take() }) { thread.join() }
    }
}

/// Waits for something that comes about by itself.
func waitUntil(_ what: String, seconds: UInt64 = 30, _ condition: () throws -> Bool) throws {
    let deadline = Monotonic.now + seconds * 1_000_000_000
    while try !condition() {
        try #require(Monotonic.now < deadline, "in vain: \(what)")
        Monotonic.sleep(milliseconds: 5)
    }
}

/// The error that a body throws, which must be one line for a person.
func loadError(_ body: () throws -> Void) throws -> LoadError {
    do {
        try body()
    } catch let error as LoadError {
        #expect(!error.description.isEmpty && !error.description.contains("\n"))
        return error
    }
    throw NoError()
}

struct NoError: Error {}
