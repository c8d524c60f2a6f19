// `poplin bench` as a person runs it: what goes wrong is one line, and what was measured before is kept.

import FoundationEssentials
import LinuxSystem
import TestSupport
import Testing

@Suite("poplin bench", .serialized, .needsNamespaces)
struct BenchCommandTests {
    @Test(arguments: [
        (["--path", "vlan"], "--path vlan"), (["--measure", "tcp"], "--measure tcp"), (["--rounds", "0"], "--rounds"),
        (["--mtu", "100"], "--mtu"), (["--peer", "n2"], "--peer n2"), (["--peer", "=10.0.0.1"], "--peer =10.0.0.1"),
        (["--peer", "a=10.0.0.1", "--peer", "a=10.0.0.2"], "--peer"), (["--serve", "--peer", "10.0.0.1"], "--serve"),
        (["--seconds", "0"], "--seconds"), (["--mtu", "1500", "--mtu", "1500"], "--mtu"),
        (["--name", "a/b"], "--name"), (["--congestion", "none"], "--congestion none"),
        (["--congestion", "cubic", "--peer", "10.0.0.1"], "--congestion"),
    ])
    func `What cannot be meant is refused before anything is measured`(arguments: [String], named: String) throws {
        let result = try poplin(["bench"] + arguments)
        #expect(result.status == .code(64), "\(result.errors)")
        #expect(result.errors.contains(named) && result.errors.split(separator: "\n").count == 1, "\(result.errors)")
    }

    @Test func `A peer that does not serve is one line`() throws {
        let place = try BenchPlace()
        let result = try place.bench("--peer", "there=127.0.0.1", "--port", "9")
        #expect(result.status == .code(1))
        #expect(result.errors.split(separator: "\n").count { $0.hasPrefix("poplin: ") } == 1, "\(result.errors)")
        #expect(result.errors.contains("127.0.0.1:9") && result.errors.contains("poplin bench --serve"))
    }

    @Test func `A port in use is one line`() throws {
        let place = try BenchPlace()
        let server = try place.serve()
        let second = try poplin(["bench", "--serve", "--port", "\(BenchPlace.port)"], inNamespace: place.namespace)
        #expect(second.status == .code(1))
        #expect(second.errors.contains(":\(BenchPlace.port)") && second.errors.split(separator: "\n").count == 1)
        #expect(try server.wait(timeoutMilliseconds: 0) == nil)
    }

    @Test func `A directory that cannot be written to is told before anything is measured`() throws {
        let result = try poplin(["bench", "--quick", "--directory", "/proc/nowhere"])
        #expect(result.status == .code(1))
        #expect(result.errors.contains("/proc/nowhere") && result.errors.contains("--directory"), "\(result.errors)")
        #expect(result.errors.split(separator: "\n").count == 1)
    }

    @Test func `Without permission it says what is missing`() throws {
        let result = try ChildProcess.run(
            "setpriv", ["--reuid", "65534", "--clear-groups", program, "bench", "--quick", "--directory", "/tmp"])
        #expect(result.status == .code(1))
        #expect(result.errors.contains("CAP_SYS_ADMIN") && result.errors.contains("sudo"), "\(result.errors)")
        #expect(result.errors.split(separator: "\n").count == 1)
    }

    @Test func `On a full disk the table is shown all the same, and what could not be kept is named`() throws {
        let place = try BenchPlace()
        let server = try place.serve()
        // One page, less than the page of the report needs; in a mount namespace that ends with the command.
        let script = """
            mount -t tmpfs -o size=8k none '\(place.directory)' && exec '\(program)' bench --peer here=127.0.0.1 \
            --port \(BenchPlace.port) --measure rr --rounds 1 --seconds 1 --directory '\(place.directory)'
            """
        let result = try ChildProcess.run(
            "unshare", ["--mount", "sh", "-c", script], environment: ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"],
            inNamespace: place.namespace)
        #expect(result.status == .code(1))
        #expect(result.output.contains("Request and response"), "\(result.output)")
        #expect(result.errors.contains("poplin-bench.html could not be written"), "\(result.errors)")
        #expect(try server.wait(timeoutMilliseconds: 0) == nil)
    }

    @Test func `A server that is killed is one line, and what was measured before is reported`() throws {
        let place = try BenchPlace()
        let server = try place.serve()
        let log = "\(place.directory)/log"
        let bench = try ChildProcess.spawn(
            program,
            [
                "bench", "--peer", "here=127.0.0.1", "--port", "\(BenchPlace.port)", "--measure", "rr", "--rounds",
                "100",
                "--seconds", "0.2", "--directory", place.directory,
            ], environment: ["PATH": "/usr/sbin:/usr/bin"], inNamespace: place.namespace,
            output: .file("\(place.directory)/table"), errors: .file(log))
        let deadline = Monotonic.now + 30_000_000_000
        while Monotonic.now < deadline, try !TextFile.read(log).contains("round 3 of") {
            Monotonic.sleep(milliseconds: 5)
        }
        try server.terminate(Signals.kill)
        #expect(try bench.wait(timeoutMilliseconds: 20_000) == .code(1))
        let errors = try TextFile.read(log).split(separator: "\n").filter { $0.hasPrefix("poplin: ") }
        #expect(errors.count == 1 && errors.first?.contains("127.0.0.1:\(BenchPlace.port)") == true, "\(errors)")
        #expect(try TextFile.read("\(place.directory)/table").contains("Request and response"))
        #expect(try TextFile.read("\(place.directory)/poplin-bench.json").contains("\"rr-p50\""))
    }
}

/// A network namespace with loopback, and a directory; both are gone with this value.
private final class BenchPlace: Sendable {
    static let port = 5399
    let namespace: String
    let directory: String

    init() throws {
        namespace = "poplin-cmd-\(Host.processID)-\(UInt32.random(in: 0 ... .max))"
        directory = "/tmp/\(namespace)"
        try Directory.create(directory)
        try NetworkNamespace.create(namespace)
        _ = try ChildProcess.run("ip", ["link", "set", "lo", "up"], inNamespace: namespace)
    }

    deinit {
        try? NetworkNamespace.delete(namespace)
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// Starts a server and waits until it says so.
    func serve() throws -> ChildProcess {
        let log = "\(directory)/server"
        let server = try ChildProcess.spawn(
            program, ["bench", "--serve", "--port", "\(Self.port)"], environment: [:], inNamespace: namespace,
            output: .null, errors: .file(log))
        let deadline = Monotonic.now + 20_000_000_000
        while Monotonic.now < deadline, (try? TextFile.read(log))?.contains("serving") != true {
            Monotonic.sleep(milliseconds: 5)
        }
        try #require(try TextFile.read(log).contains("serving"))
        return server
    }

    func bench(_ arguments: String...) throws -> ProgramResult {
        try poplin(["bench", "--directory", directory] + arguments, inNamespace: namespace)
    }
}
