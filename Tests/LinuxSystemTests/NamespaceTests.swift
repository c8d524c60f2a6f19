// Named network namespaces, and what belongs to a thread.

import Glibc
import LinuxSystem
import Synchronization
import TestSupport
import Testing

@Suite(.needsNamespaces) struct NamespaceTests {
    @Test func `a namespace is made, listed, used by ip and deleted`() throws {
        let name = uniqueName()
        try NetworkNamespace.create(name)
        defer { try? NetworkNamespace.delete(name) }
        #expect(try NetworkNamespace.list().contains(name))
        let again = #expect(throws: SyscallError.self) { try NetworkNamespace.create(name) }
        #expect(again?.code == EEXIST)
        #expect(try ip("netns", "exec", name, "ip", "-o", "link").contains(": lo:"))
        try NetworkNamespace.delete(name)
        #expect(try !NetworkNamespace.list().contains(name))
        let gone = #expect(throws: SyscallError.self) { try NetworkNamespace.delete(name) }
        #expect(gone?.code == ENOENT)
    }

    @Test func `a namespace that ip made is opened and deleted`() throws {
        let name = uniqueName()
        try ip("netns", "add", name)
        defer { try? NetworkNamespace.delete(name) }
        let inside = try NetworkNamespace.run(in: name) {
            try NetworkNamespace.identity(of: NetworkNamespace.openCurrent())
        }
        #expect(try inside == NetworkNamespace.identity(of: NetworkNamespace.open(name)))
        try NetworkNamespace.delete(name)
        #expect(try !ip("netns", "list").contains(name))
    }

    @Test(arguments: ["", ".", "..", "a/b", String(repeating: "x", count: 256)])
    func `a name that is no file name is refused`(_ name: String) {
        let error = #expect(throws: SyscallError.self) { try NetworkNamespace.create(name) }
        #expect(error?.code == EINVAL)
    }

    @Test func `the caller stays where it is, and errors come back`() throws {
        try withNamespace { name in
            try SystemThread.throwaway {
                let before = try NetworkNamespace.identity(of: NetworkNamespace.openCurrent())
                let inside = try NetworkNamespace.run(in: name) {
                    try NetworkNamespace.identity(of: NetworkNamespace.openCurrent())
                }
                #expect(inside != before)
                #expect(try NetworkNamespace.identity(of: NetworkNamespace.openCurrent()) == before)
                #expect(throws: SyscallError(operation: "test", code: EPERM)) {
                    try NetworkNamespace.run(in: name) { throw SyscallError(operation: "test", code: EPERM) }
                }
            }
        }
    }

    @Test func `a socket opened inside stays inside when handed out`() throws {
        try withNamespace { name in
            let socket = try NetworkNamespace.run(in: name) {
                let socket = try InetSocket(.udp)
                try socket.bind(loopback)
                return socket
            }
            let port = try socket.localPort()
            try NetworkNamespace.run(in: name) { try InetSocket(.udp).send([42], to: loopback, port: port) }
            #expect(try socket.receive(timeoutMilliseconds: 10_000) == [42])
        }
    }

    @Test func `network settings are those of the calling thread's namespace`() throws {
        try withNamespace { first in
            try withNamespace { second in
                let setting = "net/ipv4/ip_forward"
                let outside = try Sysctl.read(setting)
                try NetworkNamespace.run(in: first) { try Sysctl.write(setting, "1") }
                try NetworkNamespace.run(in: second) { try Sysctl.write(setting, "0") }
                #expect(try NetworkNamespace.run(in: first) { try Sysctl.read(setting) } == "1")
                #expect(try NetworkNamespace.run(in: second) { try Sysctl.read(setting) } == "0")
                #expect(try Sysctl.read(setting) == outside)
                // Devices of another namespace are not there.
                try ip(in: first, "link", "add", "only0", "type", "veth", "peer", "name", "only1")
                let path = "net/ipv4/conf/only0/rp_filter"
                #expect(try NetworkNamespace.run(in: first) { try Sysctl.read(path) }.isEmpty == false)
                #expect(throws: SyscallError.self) {
                    _ = try NetworkNamespace.run(in: second) { try Sysctl.read(path) }
                }
            }
        }
    }

    @Test func `many namespaces can be made at once`() throws {
        let names = (0..<4).map { _ in uniqueName() }
        defer { for name in names { try? NetworkNamespace.delete(name) } }
        let failures = Atomic<Int>(0)
        try withThreads(names.count) { index in
            do {
                try NetworkNamespace.create(names[index])
            } catch {
                failures.wrappingAdd(1, ordering: .relaxed)
            }
        }
        #expect(failures.load(ordering: .relaxed) == 0)
        #expect(Set(try NetworkNamespace.list()).isSuperset(of: names))
    }
}

/// Runs a body on several threads at once and waits for all.
private func withThreads(_ count: Int, _ body: @Sendable (Int) -> Void) throws {
    guard count > 0 else { return }
    try withoutActuallyEscaping(body) { body in
        let thread = try SystemThread.start(name: "many-\(count)") { body(count - 1) }
        let others = Result { try withThreads(count - 1, body) }
        thread.join()
        try others.get()
    }
}

@Suite struct ThreadTests {
    @Test func `a thread has its name, cut at a character`() throws {
        let names = try ["short", "a-rather-long-name", "fourteen-bytes-ü"].map { name in
            try SystemThread.throwaway(name: name) { try TextFile.read("/proc/thread-self/comm") }
        }
        #expect(names == ["short\n", "a-rather-long-n\n", "fourteen-bytes-\n"])
    }

    @Test func `a pinned thread may run on one processor only`() throws {
        let result = Mutex("")
        try withoutActuallyEscaping({ @Sendable () -> Void in
            let text = (try? TextFile.read("/proc/thread-self/status")) ?? ""
            let line = text.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") }
            result.withLock { $0 = line.map(String.init) ?? "" }
        }) { body in
            let thread = try SystemThread.start(name: "pinned", cpu: 0, body)
            thread.join()
        }
        #expect(result.withLock { $0 } == "Cpus_allowed_list:\t0")
    }

    @Test(arguments: [-1, 1_000_000]) func `a processor that does not exist is refused`(_ cpu: Int) {
        let error = #expect(throws: SyscallError.self) { _ = try SystemThread.start(name: "nowhere", cpu: cpu) {} }
        #expect(error?.code == EINVAL)
    }

    @Test func `a throw-away thread is another thread`() throws {
        #expect(try SystemThread.throwaway { SystemThread.currentID } != SystemThread.currentID)
    }
}
