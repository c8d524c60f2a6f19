// A client says in one line why it cannot go on, whatever it finds at the other end, and ends when it is told to.

import LinuxSystem
import Synchronization
import TestSupport
import Testing

@testable import Load

@Suite("A load client", .needsNamespaces, .timeLimit(.minutes(15)))
struct ClientTests {
    @Test func saysThatNobodyListens() throws {
        try TestNamespace.with { namespace in
            let error = try namespace.run { try loadError { _ = try LoadClient(to: loopback, port: 5277) } }
            guard case .cannotConnect(let line) = error else { throw error }
            #expect(line.contains("nobody listens at 127.0.0.1:5277"))
        }
    }

    @Test func saysThatThereIsNoWay() throws {
        try TestNamespace.with { namespace in
            let error = try namespace.run { try loadError { _ = try LoadClient(to: address("192.0.2.1")) } }
            guard case .cannotConnect(let line) = error else { throw error }
            #expect(line.contains("no way to 192.0.2.1:5277: Network is unreachable"))
        }
    }

    @Test(arguments: ["SSH-2.0-OpenSSH_10.0", "poplin-load", nil])
    func saysThatWhoListensIsNoLoadServer(greeting: String?) throws {
        try TestNamespace.with { namespace in
            let server = try FakeServer(in: namespace, greeting: greeting)
            defer { server.join() }
            let error = try namespace.run { try loadError { _ = try LoadClient(to: loopback, port: server.port) } }
            guard case .notALoadServer(let line) = error else { throw error }
            #expect(line.contains("127.0.0.1:\(server.port) is no load server"))
        }
    }

    @Test func saysThatTheServerIsOfAnotherVersion() throws {
        try TestNamespace.with { namespace in
            let server = try FakeServer(in: namespace, greeting: "poplin-load 2 and more")
            defer { server.join() }
            let error = try namespace.run { try loadError { _ = try LoadClient(to: loopback, port: server.port) } }
            guard case .notALoadServer(let line) = error else { throw error }
            #expect(line.contains("speaks version 2") && line.contains("version 1"))
        }
    }

    @Test(arguments: TestedLoad.allCases)
    func saysThatTheServerWentAway(load: TestedLoad) throws {
        try TestNamespace.with { namespace in
            let server = try TestServer(in: namespace)
            defer { server.stop() }
            let result = Mutex<LoadError?>(nil)
            let client = try SystemThread.start(name: "test-client") {
                let error = try? namespace.run {
                    try loadError {
                        try load.run(with: LoadClient(to: loopback, port: server.port), .endless)
                    }
                }
                result.withLock { $0 = error }
            }
            try waitUntil("the load was ordered") { server.log.count >= 2 }
            server.stop()
            client.join()
            let error = result.withLock { $0 }
            guard case .serverGone(let line) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(line.contains("127.0.0.1:\(server.port) went away during"))
        }
    }

    @Test(arguments: TestedLoad.allCases)
    func endsWhenItIsInterruptedAndTheServerServesTheNext(load: TestedLoad) throws {
        try TestNamespace.with { namespace in
            let server = try TestServer(in: namespace)
            defer { server.stop() }
            let isInterrupted = Flag()
            let result = Mutex<LoadError?>(nil)
            let client = try SystemThread.start(name: "test-client") {
                let error = try? namespace.run {
                    try loadError {
                        let client = try LoadClient(to: loopback, port: server.port) { isInterrupted.value }
                        defer {
                            // The session is over, and says so.
                            let again = try? loadError { try load.run(with: client, .short) }
                            if case .serverGone = again {} else { Issue.record("\(String(describing: again))") }
                        }
                        try load.run(with: client, .endless)
                    }
                }
                result.withLock { $0 = error }
            }
            try waitUntil("the load was ordered") { server.log.count >= 2 }
            isInterrupted.set()
            client.join()
            #expect(result.withLock { $0 } == .interrupted)
            try waitUntil("the session is over") { server.log.contains("127.0.0.1: left") }
            try namespace.run { try load.run(with: LoadClient(to: loopback, port: server.port), .short) }
        }
    }

    @Test func addsTheProcessorsOfTheOtherMachineAndCountsThoseOfThisOneOnce() throws {
        let answers = [
            "nothing": ["ready 0"], "go": ["going", "measured 0 1000 5000000"], "finish": ["finished 0"],
        ]
        let here = try Machine.identity()
        for (machine, isSame) in [(here, true), ("another", false)] {
            try TestNamespace.with { namespace in
                let server = try FakeServer(
                    in: namespace, greeting: "poplin-load 1 \(machine)", answers: answers)
                defer { server.join() }
                let report = try namespace.run {
                    let client = try LoadClient(to: loopback, port: server.port)
                    #expect(client.isOnSameMachine == isSame)
                    // Pinging without a pause keeps a processor busy for more than the kernel's tick.
                    return try client.run(PingLoad(period: .short))
                }
                #expect(isSame ? report.busySeconds == 5 : report.busySeconds > 5)
            }
        }
    }

    @Test func refusesAServerThatTalksNonsense() throws {
        for answer in ["what?", "going", "measured 1 1 1"] {
            try TestNamespace.with { namespace in
                let server = try FakeServer(
                    in: namespace, greeting: Greeting.welcome(machine: "m").line, answers: ["nothing": [answer]])
                defer { server.join() }
                let error = try namespace.run {
                    try loadError { _ = try LoadClient(to: loopback, port: server.port).run(PingLoad(period: .short)) }
                }
                guard case .serverGone(let line) = error else { throw error }
                #expect(line.contains("said what nobody asked for"))
            }
        }
    }
}

/// All loads, as one kind.
enum TestedLoad: CaseIterable {
    case stream, datagrams, requests, connections, pings

    func run(with client: LoadClient, _ period: LoadPeriod) throws {
        switch self {
        case .stream: _ = try client.run(StreamLoad(flows: 2, period: period))
        case .datagrams: _ = try client.run(DatagramLoad(packetsPerSecond: 1000, period: period))
        case .requests: _ = try client.run(RequestLoad(period: period))
        case .connections: _ = try client.run(ConnectionLoad(period: period))
        case .pings: _ = try client.run(PingLoad(period: period))
        }
    }
}

private final class Flag: Sendable {
    private let flag = Atomic<Bool>(false)
    var value: Bool { flag.load(ordering: .acquiring) }
    func set() { flag.store(true, ordering: .releasing) }
}
