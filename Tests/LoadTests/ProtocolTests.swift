// The lines between client and server: each is read as it was written, and no other is a line.

import Testing

@testable import Load

@Suite("Lines of the control connection")
struct ProtocolTests {
    @Test(
        arguments: [
            .hello(version: 1), .order(.stream(flows: 16)), .order(.datagrams(payloadBytes: 1400, clientPort: 40000)),
            .order(.requests), .order(.connections), .order(.nothing), .go(LoadPeriod()), .finish,
        ] as [ClientLine])
    func whatAClientSaysIsReadAsItWasWritten(line: ClientLine) {
        #expect(ClientLine(line.line) == line)
    }

    @Test(
        arguments: [
            .ready(port: 40000), .going,
            .measured(MeasuredWindow(count: 1 << 40, nanoseconds: 3_000_000_001, busyMicroseconds: 5_120_000)),
            .finished(total: 7, failure: nil), .finished(total: 7, failure: "a stream broke"), .error("no such order"),
        ] as [ServerLine])
    func whatAServerSaysIsReadAsItWasWritten(line: ServerLine) {
        #expect(ServerLine(line.line) == line)
    }

    @Test(arguments: [
        "", " ", "hello", "hello one", "stream", "stream 0", "stream 257", "stream -1", "stream 1 2", "stream  1",
        "datagrams 65508 1", "datagrams 64 0", "datagrams 64 65536", "go 1", "go 1 0", "go 3600001 1",
        "go 1 99999999999999999999", "finish 1", "FINISH", "GET / HTTP/1.1",
    ])
    func whatNoClientSaysIsNoLine(text: String) {
        #expect(ClientLine(text) == nil)
    }

    @Test(arguments: [
        "", "ready", "ready 65536", "going on", "measured 1 2", "measured 1 0 1", "measured -1 1 1", "finished",
        "finished x", "error", "HTTP/1.1 400 Bad Request",
    ])
    func whatNoServerSaysIsNoLine(text: String) {
        #expect(ServerLine(text) == nil)
    }

    @Test func aGreetingOfAnotherVersionIsKnownAsSuchWhateverElseItSays() {
        #expect(Greeting("poplin-load 2 something=new and more") == .otherVersion(2))
        #expect(Greeting(Greeting.welcome(machine: "a-b").line) == .welcome(machine: "a-b"))
        #expect(Greeting(Greeting.busy(client: "10.0.0.1").line) == .busy(client: "10.0.0.1"))
        #expect(Greeting("SSH-2.0-OpenSSH_10.0") == nil && Greeting("poplin-load") == nil && Greeting("") == nil)
    }

    @Test func aFailureOfSeveralLinesIsOneLine() {
        let line = ServerLine.finished(total: 1, failure: "first\nsecond \u{1B}[31m\u{E9}").line
        #expect(line == "finished 1 first?second ?[31m?")
    }
}
