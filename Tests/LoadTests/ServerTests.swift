// A server outlives whatever its clients do, and serves the next one; what it cannot do it says in one line.

import LinuxSystem
import Net
import TestSupport
import Testing

@testable import Load

@Suite("A load server", .needsNamespaces, .timeLimit(.minutes(15)))
struct ServerTests {
    @Test func saysWhyItCannotListen() throws {
        try TestNamespace.with { namespace in
            let (inUse, foreign) = try namespace.run {
                let server = try LoadServer(listeningOn: loopback, port: 0)
                return (
                    try loadError { _ = try LoadServer(listeningOn: loopback, port: server.port) },
                    try loadError { _ = try LoadServer(listeningOn: address("192.0.2.1"), port: 5277) }
                )
            }
            guard case .cannotListen(let line) = inUse, case .cannotListen(let other) = foreign else {
                Issue.record("\(inUse), \(foreign)")
                return
            }
            #expect(line.contains("127.0.0.1:") && line.contains("Address already in use"))
            #expect(other.contains("192.0.2.1:5277: Cannot assign requested address"))
        }
    }

    @Test func tellsTheSecondClientThatItIsBusyAndServesItLater() throws {
        try TestNamespace.with { namespace in
            let server = try TestServer(in: namespace)
            defer { server.stop() }
            let second = try namespace.run {
                let first = try LoadClient(to: loopback, port: server.port)
                let error = try loadError { _ = try LoadClient(to: loopback, port: server.port) }
                // It did not disturb the first.
                let report = try first.run(RequestLoad(period: .short))
                #expect(!report.samples.isEmpty)
                return error
            }
            guard case .busy(let line) = second else {
                Issue.record("\(second)")
                return
            }
            #expect(line.contains("127.0.0.1:\(server.port)") && line.contains("another client, 127.0.0.1"))
            try expectService(by: server, in: namespace)
        }
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\n\r\n", "\u{0}\u{1}\u{2}\n", String(repeating: "x", count: 10_000), "hello 2\n",
        "hello 1\nfinish\n", "hello 1\ngo 1 1\n", "hello 1\nstream 1\nstream 1\n", "hello 1\nhello 1\n",
    ])
    func sendsNonsenseAwayAndServesTheNext(text: String) throws {
        try TestNamespace.with { namespace in
            let server = try TestServer(in: namespace)
            defer { server.stop() }
            let answer = try namespace.run {
                let socket = try InetSocket(.tcp)
                try socket.connect(loopback.rawValue, port: server.port)
                try socket.descriptor.writeAll(Array(text.utf8), timeoutMilliseconds: 5000)
                // What it has not read when it closes resets the connection; its last words may be lost then.
                return (try? socket.descriptor.readAll(limit: 65536, timeoutMilliseconds: 10_000)) ?? []
            }
            let lines = String(decoding: answer, as: UTF8.self).split(separator: "\n")
            if let last = lines.last, lines.count > 1 { #expect(last.hasPrefix("error ")) }
            try expectService(by: server, in: namespace)
            #expect(server.log.contains { $0.hasPrefix("127.0.0.1: sent away: ") })
        }
    }

    @Test func endsTheLoadOfAClientThatDiesAndServesTheNext() throws {
        try TestNamespace.with { namespace in
            let server = try TestServer(in: namespace)
            defer { server.stop() }
            try namespace.run {
                let client = try RawClient(server.port)
                let port = try client.order("stream 2")
                let flows = try (SharedSocket(client.connect(port)), SharedSocket(client.connect(port)))
                try client.say("go 600000 600000", expecting: "going")
                _ = try flows.0.socket.send([1, 2, 3])
                // Here it dies.
            }
            try waitUntil("the session is over") { server.log.contains("127.0.0.1: left") }
            try waitUntil("its sockets to be gone") {
                let sockets = try namespace.sockets()
                return sockets.count == 1 && sockets[0].hasPrefix("LISTEN")
            }
            try expectService(by: server, in: namespace)
        }
    }

    @Test func takesNoConnectionFromAnotherAddress() throws {
        try TestNamespace.with { namespace in
            let server = try TestServer(in: namespace)
            defer { server.stop() }
            try namespace.run {
                let client = try RawClient(server.port)
                let port = try client.order("stream 1")
                let stranger = try InetSocket(.tcp)
                try stranger.bind(address("127.0.0.2").rawValue)
                try stranger.connect(loopback.rawValue, port: port)
                _ = try stranger.send([UInt8](repeating: 1, count: 1000))
                let flow = try client.connect(port)
                try client.say("go 0 1", expecting: "going")
                _ = try flow.send([1, 2, 3])
                try flow.shutdownSending()
                _ = try client.next()
                try client.say("finish", expecting: "finished 3")
                let isClosed = (try? stranger.receive(timeoutMilliseconds: 10_000)).map { $0?.isEmpty == true } ?? true
                #expect(isClosed)
            }
        }
    }

    @Test func waitsForNobodyWhoDoesNotConnect() throws {
        try TestNamespace.with { namespace in
            let server = try TestServer(in: namespace)
            defer { server.stop() }
            try namespace.run {
                let client = try RawClient(server.port)
                let port = try client.order("requests")
                try client.say(
                    "go 0 1", expecting: "error a connection of the load did not arrive on port \(port)")
            }
            try expectService(by: server, in: namespace)
        }
    }

    /// A client that comes now gets what it orders.
    private func expectService(by server: TestServer, in namespace: TestNamespace) throws {
        try waitUntil("the server is free") {
            do {
                let report = try namespace.run {
                    try LoadClient(to: loopback, port: server.port).run(StreamLoad(period: .short))
                }
                #expect(report.totalSent > 0 && report.totalReceived == report.totalSent)
                return true
            } catch LoadError.busy {
                return false
            }
        }
    }
}

/// A client that says line by line what a test wants.
private final class RawClient {
    private let control: ControlConnection

    init(_ port: UInt16) throws {
        let socket = try InetSocket(.tcp)
        try socket.connect(loopback.rawValue, port: port)
        control = try ControlConnection(socket)
        _ = try next()
        try control.send("hello 1")
    }

    func next() throws -> String {
        guard case .line(let line) = control.receive(timeoutMilliseconds: 20_000) else { throw NoError() }
        return line
    }

    func say(_ line: String, expecting answer: String) throws {
        try control.send(line)
        #expect(try next() == answer)
    }

    /// - Returns: the port that the server tells.
    func order(_ line: String) throws -> UInt16 {
        try control.send(line)
        let answer = try next()
        return try #require(UInt16(answer.dropFirst("ready ".count)), "\(answer)")
    }

    func connect(_ port: UInt16) throws -> InetSocket {
        let socket = try InetSocket(.tcp)
        try socket.connect(loopback.rawValue, port: port)
        return socket
    }
}
