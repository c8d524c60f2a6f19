// Programs started from here.

import Glibc
import LinuxSystem
import TestSupport
import Testing

@Suite struct ChildProcessTests {
    @Test func `a program's outputs and exit status come back`() throws {
        let result = try ChildProcess.run("sh", ["-c", "echo out; echo err >&2; exit 3"])
        #expect(result.status == .code(3))
        #expect(result.output == "out\n" && result.errors == "err\n" && !result.isTruncated)
    }

    @Test func `a program that is not there is an error with its name`() {
        let error = #expect(throws: SyscallError.self) { _ = try ChildProcess.run("/no/such/program") }
        #expect(error?.code == ENOENT && error?.object == "/no/such/program")
    }

    @Test func `long output is cut at the limit and the program still ends`() throws {
        let result = try ChildProcess.run("sh", ["-c", "head -c 3000000 /dev/zero"], limit: 1000)
        #expect(result.status == .code(0) && result.isTruncated && result.output.utf8.count == 1000)
    }

    @Test func `a program that hangs is killed after its time`() throws {
        let error = #expect(throws: SyscallError.self) {
            _ = try ChildProcess.run("sleep", ["1000"], timeoutMilliseconds: 50)
        }
        #expect(error?.code == ETIMEDOUT)
    }

    @Test func `a grandchild that keeps the output open is not waited for`() throws {
        let result = try ChildProcess.run("sh", ["-c", "sleep 5 & echo done"], timeoutMilliseconds: 60_000)
        #expect(result.output == "done\n")
    }

    @Test func `environment and input are what was given`() throws {
        let result = try ChildProcess.run("/usr/bin/env", environment: ["ONLY": "this"])
        #expect(result.output == "ONLY=this\n")
        #expect(try ChildProcess.run("cat").output.isEmpty)
        try withDirectory { path in
            try TextFile.replace("\(path)/input", with: "hello")
            let file = Descriptor(owning: open("\(path)/input", O_RDONLY | O_CLOEXEC))
            #expect(try ChildProcess.run("cat", input: file.rawValue).output == "hello")
        }
    }

    @Test func `output can go to a file, appended`() throws {
        try withDirectory { path in
            for word in ["one", "two"] {
                let child = try ChildProcess.spawn("echo", [word], output: .file("\(path)/log"), errors: .null)
                #expect(try child.wait() == .code(0))
            }
            #expect(try TextFile.read("\(path)/log") == "one\ntwo\n")
        }
    }

    @Test func `a child ends by signal, and is reaped once for all who wait`() throws {
        let child = try ChildProcess.spawn("sleep", ["1000"], output: .null, errors: .null)
        #expect(try child.wait(timeoutMilliseconds: 0) == nil)
        try child.terminate()
        #expect(try child.wait() == .signal(SIGTERM))
        #expect(try child.wait(timeoutMilliseconds: 0) == .signal(SIGTERM))
        try child.terminate()
        #expect(kill(child.pid, 0) == -1 && errno == ESRCH)
    }

    @Test func `a whole process group can be ended`() throws {
        let child = try ChildProcess.spawn(
            "sh", ["-c", "sleep 1000 & wait"], output: .null, errors: .null, newProcessGroup: true)
        #expect(getpgid(child.pid) == child.pid)
        try child.terminate(Signals.kill)
        #expect(try child.wait() == .signal(SIGKILL))
    }

    @Test func `a forgotten child is killed and reaped, a released one lives on`() throws {
        let pid = try ChildProcess.spawn("sleep", ["1000"], output: .null, errors: .null).pid
        #expect(kill(pid, 0) == -1 && errno == ESRCH)
        let released = try releasedChild()
        #expect(kill(released, 0) == 0)
        kill(released, SIGKILL)
        #expect(waitpid(released, nil, 0) == released)
    }

    private func releasedChild() throws -> Int32 {
        let child = try ChildProcess.spawn("sleep", ["1000"], output: .null, errors: .null)
        child.release()
        return child.pid
    }

    @Test func `blocked signals and other descriptors do not reach a child`() throws {
        let status = try SystemThread.throwaway {
            try SignalFD.block([Signals.terminate, Signals.user1])
            return try ChildProcess.run("sh", ["-c", "grep SigBlk /proc/self/status; ls /proc/self/fd"]).output
        }
        #expect(status.contains("SigBlk:\t0000000000000000"))
        // 3 is the directory that ls itself reads.
        #expect(status.split(separator: "\n").dropFirst() == ["0", "1", "2", "3"])
    }

    @Test(.needsNamespaces)
    func `a child starts in the namespace it was given`() throws {
        try withNamespace { name in
            try ip(in: name, "link", "add", "here0", "type", "veth", "peer", "name", "here1")
            #expect(try ChildProcess.run("ip", ["-o", "link"], inNamespace: name).output.contains("here0"))
            #expect(try !ChildProcess.run("ip", ["-o", "link"]).output.contains("here0"))
            let child = try ChildProcess.spawn("sleep", ["1000"], inNamespace: name, output: .null, errors: .null)
            let path = "/proc/\(child.pid)/ns/net"
            var status = stat()
            #expect(stat(path, &status) == 0)
            #expect(try UInt64(status.st_ino) == NetworkNamespace.identity(of: NetworkNamespace.open(name)))
        }
    }
}
