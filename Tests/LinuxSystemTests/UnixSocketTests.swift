// Local sockets: one listener a path, and clients that cannot hold it up.

import Glibc
import LinuxSystem
import Testing

@Suite struct UnixSocketTests {
    @Test func `a client writes, the listener answers, both see the end`() throws {
        try withDirectory { path in
            let listener = try UnixListener(path: "\(path)/socket")
            let early = try listener.accept() != nil
            #expect(!early)
            var status = stat()
            #expect(stat("\(path)/socket", &status) == 0 && status.st_mode & 0o777 == 0o660)
            let client = try UnixSocket.connect("\(path)/socket")
            let server = try unwrap(try listener.accept())
            let request = [UInt8](repeating: 7, count: 1000)
            try client.writeAll(request, timeoutMilliseconds: 10_000)
            shutdown(client.rawValue, Int32(SHUT_WR))
            #expect(try server.readAll(limit: 1000, timeoutMilliseconds: 10_000) == request)
            try server.writeAll([1, 2, 3], timeoutMilliseconds: 10_000)
            _ = consume server
            #expect(try client.readAll(limit: 10, timeoutMilliseconds: 10_000) == [1, 2, 3])
        }
    }

    @Test func `a silent peer, a long answer and a full pipe are errors`() throws {
        try withDirectory { path in
            let listener = try UnixListener(path: "\(path)/socket")
            let client = try UnixSocket.connect("\(path)/socket")
            let server = try unwrap(try listener.accept())
            var error = #expect(throws: SyscallError.self) {
                try client.readAll(limit: 10, timeoutMilliseconds: 1)
            }
            #expect(error?.code == ETIMEDOUT)
            try server.writeAll([1, 2, 3], timeoutMilliseconds: 1000)
            error = #expect(throws: SyscallError.self) { try client.readAll(limit: 2, timeoutMilliseconds: 1000) }
            #expect(error?.code == EMSGSIZE)
            error = #expect(throws: SyscallError.self) {
                try client.writeAll([UInt8](repeating: 0, count: 16 << 20), timeoutMilliseconds: 50)
            }
            #expect(error?.code == ETIMEDOUT)
            _ = consume server
            error = #expect(throws: SyscallError.self) { try client.writeAll([1], timeoutMilliseconds: 1000) }
            #expect(error?.code == EPIPE || error?.code == ECONNRESET)
        }
    }

    @Test func `a stale socket is replaced, a living one and a file are not`() throws {
        try withDirectory { path in
            do { _ = try UnixListener(path: "\(path)/socket") }
            let error = #expect(throws: SyscallError.self) { _ = try UnixSocket.connect("\(path)/socket") }
            #expect(error?.code == ECONNREFUSED)
            let listener = try UnixListener(path: "\(path)/socket")
            let second = #expect(throws: SyscallError.self) { _ = try UnixListener(path: "\(path)/socket") }
            #expect(second?.code == EADDRINUSE)
            try listener.removePath()
            try TextFile.replace("\(path)/file", with: "keep")
            let third = #expect(throws: SyscallError.self) { _ = try UnixListener(path: "\(path)/file") }
            #expect(third?.code == EEXIST)
            #expect(try TextFile.read("\(path)/file") == "keep")
            #expect(try Directory.list(path) == ["file"])
        }
    }

    @Test func `a path that does not fit is refused by name`() {
        let path = "/tmp/" + String(repeating: "x", count: 103)
        let error = #expect(throws: SyscallError.self) { _ = try UnixListener(path: path) }
        #expect(error?.code == ENAMETOOLONG)
        #expect(error?.description.contains("107") == true)
    }
}
