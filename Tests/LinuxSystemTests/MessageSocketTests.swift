// Messages with open files in them: what arrives is usable and owned, and nothing stays open when a side goes away.

import Glibc
import LinuxSystem
import TestSupport
import Testing

@Suite struct MessageSocketTests {
    @Test func `a message brings descriptors that are usable, closed on exec and the receiver's own`() throws {
        try withPair { client, server in
            let event = try EventFD()
            var list = DescriptorList()
            try list.append(copyOf: event.descriptor)
            try list.append(copyOf: event.descriptor)
            try client.send([1, 2, 3], with: list)
            try client.send([4])
            let message = try unwrap(try server.receive(timeoutMilliseconds: 10_000))
            #expect(message.bytes == [1, 2, 3])
            var received = message.takeDescriptors()
            #expect(received.count == 2)
            let copy = try unwrap(received.removeFirst())
            #expect(copy.rawValue != event.descriptor.rawValue)
            #expect(fcntl(copy.rawValue, F_GETFD) & FD_CLOEXEC != 0)
            event.signal()
            let isSignalled = try copy.waitReadable(timeoutMilliseconds: 10_000)
            #expect(isSignalled)
            let second = try unwrap(try server.receive(timeoutMilliseconds: 10_000))
            #expect(second.bytes == [4])
            #expect(second.takeDescriptors().count == 0)
        }
    }

    @Test func `the other side is known, and both are this user`() throws {
        try withPair { client, server in
            for peer in [try client.peer(), try server.peer()] {
                #expect(peer.process == getpid() && peer.user == geteuid() && peer.isTrusted)
            }
        }
    }

    @Test func `silence ends with the time, and an end with nil after what was sent before it`() throws {
        try withPair { client, server in
            let error = #expect(throws: SyscallError.self) { _ = try server.receive(timeoutMilliseconds: 1) }
            #expect(error?.code == ETIMEDOUT)
        }
        try withDirectory { path in
            let listener = try UnixListener(path: "\(path)/socket", kind: .messages, mode: 0o600)
            var status = stat()
            #expect(stat("\(path)/socket", &status) == 0 && status.st_mode & 0o777 == 0o600)
            let client = try MessageSocket.connect("\(path)/socket")
            do {
                let server = MessageSocket(try unwrap(try listener.accept()))
                // Never read: the kernel says so to the client, once, and this must not hide the answer.
                try client.send([1])
                try server.send([2])
            }
            let last = try unwrap(try client.receive(timeoutMilliseconds: 10_000))
            #expect(last.bytes == [2])
            _ = last.takeDescriptors()
            let hasEnded = try client.receive(timeoutMilliseconds: 10_000) == nil
            #expect(hasEnded)
            let error = #expect(throws: SyscallError.self) { try client.send([3]) }
            #expect(error?.code == EPIPE)
        }
    }

    @Test func `a listener and a lock go on with whoever has their copy`() throws {
        try withDirectory { path in
            var list = DescriptorList()
            do {
                let listener = try UnixListener(path: "\(path)/socket")
                try list.append(copyOf: listener.descriptor)
                let lock = try FileLock.acquire(path: "\(path)/lock")
                try lock.append(copyTo: &list)
            }
            let early = try UnixSocket.connect("\(path)/socket")
            let listener = try UnixListener(adopting: try unwrap(list.removeFirst()), path: "\(path)/socket")
            let server = try unwrap(try listener.accept())
            try server.writeAll([7], timeoutMilliseconds: 1000)
            _ = consume server
            #expect(try early.readAll(limit: 10, timeoutMilliseconds: 10_000) == [7])
            do {
                let lock = try FileLock.adopt(try unwrap(list.removeFirst()), path: "\(path)/lock")
                #expect(throws: FileLockError.held(path: "\(path)/lock", by: getpid())) {
                    _ = try FileLock.acquire(path: "\(path)/lock")
                }
                _ = consume lock
            }
            _ = try FileLock.acquire(path: "\(path)/lock")
        }
    }

    @Test func `nothing stays open, wherever a side goes away`() async {
        await #expect(processExitsWith: .success) {
            try goAwayHalfWay()
            let before = try Directory.list("/proc/self/fd").count
            for _ in 0..<3 { try goAwayHalfWay() }
            let after = try Directory.list("/proc/self/fd").count
            try #require(before == after)
        }
    }
}

/// Descriptors sent and never received, received and never taken, received by one who expected none.
private func goAwayHalfWay() throws {
    for step in 0..<3 {
        try withPair { client, server in
            let event = try EventFD()
            var list = DescriptorList()
            try list.append(copyOf: event.descriptor)
            try list.append(copyOf: event.descriptor)
            try client.send([1], with: list)
            if step == 0 { return }
            let message = try unwrap(try server.receive(timeoutMilliseconds: 10_000))
            if step == 1 { return _ = consume message }
            var received = message.takeDescriptors()
            _ = received.removeFirst()
        }
    }
}

private func withPair(_ body: (borrowing MessageSocket, borrowing MessageSocket) throws -> Void) throws {
    try withDirectory { path in
        let listener = try UnixListener(path: "\(path)/socket", kind: .messages)
        let client = try MessageSocket.connect("\(path)/socket")
        let server = MessageSocket(try unwrap(try listener.accept()))
        try body(client, server)
    }
}
