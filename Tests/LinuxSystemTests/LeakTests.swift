// Nothing stays open: counted in a process of its own, where no other test opens anything.

import Glibc
import LinuxSystem
import TestSupport
import Testing

@Suite(.needsNamespaces) struct LeakTests {
    @Test func `every descriptor is closed, after success and after failure`() async {
        await #expect(processExitsWith: .success) {
            // The first round opens what the runtime keeps.
            try useEverything()
            let before = try Directory.list("/proc/self/fd").count
            for _ in 0..<3 { try useEverything() }
            let after = try Directory.list("/proc/self/fd").count
            try #require(before == after)
        }
    }
}

private func useEverything() throws {
    try withNamespace { name in
        try NetworkNamespace.run(in: name) {
            _ = try TunDevice.open("ptun0", multiQueue: true)
            let tun = try TunDevice.open("ptun1", multiQueue: false)
            _ = try? TunDevice.open(tun.name, multiQueue: false)
            _ = try? TunDevice.open("lo", multiQueue: false)
            try? RawIPv4Socket(proto: 4).bind(to: 1)
            _ = try PacketSocket(.link, .all)
            _ = try? PacketSocket(.link, .all, interfaceIndex: 9999)
            try? InetSocket(.tcp).connect(loopback, port: 1, timeoutMilliseconds: 1000)
            try? NetworkNamespace.run(in: name) { throw SyscallError(operation: "test", code: 1) }
        }
        _ = try? NetworkNamespace.create(name)
    }
    try withDirectory { path in
        let listener = try UnixListener(path: "\(path)/socket")
        _ = try UnixSocket.connect("\(path)/socket")
        _ = try listener.accept()
        _ = try? UnixListener(path: "\(path)/socket")
        _ = try FileLock.acquire(path: "\(path)/lock")
        try TextFile.replace("\(path)/text", with: "text")
        _ = try? TextFile.read(path)
        let inotify = try Inotify()
        _ = try inotify.add(path)
        _ = try Directory.list(path)
    }
    var epoll = try Epoll()
    let event = try EventFD()
    let timer = try TimerFD()
    try epoll.add(event.descriptor.rawValue, token: 1)
    try epoll.add(timer.descriptor.rawValue, token: 2)
    _ = try epoll.wait(timeoutMilliseconds: 0)
    _ = try SignalFD([Signals.user1])
    _ = try Sysctl.read("kernel/ostype")
    _ = try ChildProcess.run("true")
    _ = try? ChildProcess.run("/no/such/program")
    _ = try? ChildProcess.run("sleep", ["100"], timeoutMilliseconds: 1)
}
