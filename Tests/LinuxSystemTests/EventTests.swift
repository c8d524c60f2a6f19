// Epoll and what it is used to wait for.

import Glibc
import LinuxSystem
import Testing

@Suite struct EventTests {
    @Test func `epoll reports the token of what is ready, and nothing when all is drained`() throws {
        var epoll = try Epoll()
        let first = try EventFD()
        let second = try EventFD()
        try epoll.add(first.descriptor.rawValue, token: 7)
        try epoll.add(second.descriptor.rawValue, token: UInt64.max)
        #expect(try epoll.wait(timeoutMilliseconds: 0) == 0)
        second.signal()
        #expect(try epoll.wait() == 1)
        #expect(epoll[0].token == .max)
        #expect(epoll[0].readable && !epoll[0].hangup)
        second.drain()
        #expect(try epoll.wait(timeoutMilliseconds: 0) == 0)
    }

    @Test func `epoll changes and removes`() throws {
        var epoll = try Epoll(capacity: 1)
        let event = try EventFD()
        try epoll.add(event.descriptor.rawValue, token: 1)
        try epoll.modify(event.descriptor.rawValue, token: 2, [.readable, .writable])
        #expect(try epoll.wait(timeoutMilliseconds: 0) == 1)
        #expect(epoll[0].token == 2 && epoll[0].writable && !epoll[0].readable)
        try epoll.remove(event.descriptor.rawValue)
        #expect(try epoll.wait(timeoutMilliseconds: 0) == 0)
        #expect(throws: SyscallError.self) { try epoll.remove(event.descriptor.rawValue) }
    }

    @Test func `several signals of an eventfd are one`() throws {
        let event = try EventFD()
        #expect(event.drain() == false)
        event.signal()
        event.signal()
        #expect(event.drain() == true)
        #expect(event.drain() == false)
    }

    @Test func `a timer goes off once, at once for zero, and not when disarmed`() throws {
        let timer = try TimerFD()
        try timer.arm(afterNanoseconds: 0)
        #expect(try timer.descriptor.waitReadable(timeoutMilliseconds: 10_000))
        #expect(timer.drain() == true)
        #expect(timer.drain() == false)
        try timer.arm(afterNanoseconds: 1_000_000_000_000)
        try timer.disarm()
        #expect(try !timer.descriptor.waitReadable(timeoutMilliseconds: 0))
    }

    @Test func `a blocked signal is read and not delivered`() throws {
        let signals = try SystemThread.throwaway {
            try SignalFD.block([Signals.user1])
            let source = try SignalFD([Signals.user1, Signals.terminate])
            var seen = [try source.read()]
            raise(Signals.user1)
            seen.append(try source.read())
            seen.append(try source.read())
            return seen
        }
        #expect(signals == [nil, Signals.user1, nil])
    }

    @Test func `inotify tells of files written, moved and deleted`() throws {
        try withDirectory { path in
            let inotify = try Inotify()
            let watch = try inotify.add(path)
            #expect(try inotify.read().isEmpty)
            try TextFile.replace("\(path)/a.yaml", with: "x")
            let written = try inotify.read()
            #expect(written.contains { $0.watch == watch && $0.name == "a.yaml" && $0.mask.contains(.movedIn) })
            #expect(!written.contains { $0.isOverflow })
            try Directory.removeFile("\(path)/a.yaml")
            #expect(try inotify.read().contains { $0.name == "a.yaml" && $0.mask.contains(.deleted) })
            rmdir(path)
            let gone = try inotify.read()
            #expect(gone.contains { $0.mask.contains(.selfDeleted) && $0.name.isEmpty })
            #expect(gone.contains { $0.mask.contains(.watchRemoved) })
        }
    }

    @Test func `inotify reports that its queue ran over`() throws {
        try withDirectory { path in
            let limit = try #require(Int(try Sysctl.read("fs/inotify/max_queued_events")))
            try #require(limit <= 200_000, "the queue is too long to fill in a test")
            let inotify = try Inotify()
            _ = try inotify.add(path, [.created, .deleted])
            // Two names in turn: equal events in a row are merged.
            for index in 0...(limit / 2) {
                close(open("\(path)/\(index % 2)", O_CREAT | O_WRONLY, 0o600))
                unlink("\(path)/\(index % 2)")
            }
            let events = try inotify.read()
            #expect(events.last?.isOverflow == true)
            #expect(events.last?.watch == -1)
        }
    }

    @Test func `inotify refuses a file where a directory is wanted`() throws {
        let inotify = try Inotify()
        let error = #expect(throws: SyscallError.self) { try inotify.add("/etc/passwd") }
        #expect(error?.code == ENOTDIR)
        #expect(error?.object == "/etc/passwd")
    }

    @Test func `the clock goes forwards`() {
        let before = Monotonic.now
        Monotonic.sleep(milliseconds: 1)
        #expect(Monotonic.now >= before + 1_000_000)
    }
}
