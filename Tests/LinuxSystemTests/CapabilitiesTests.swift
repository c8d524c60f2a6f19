// Rights are a thread's: what one gives up, the others keep.

import Glibc
import LinuxSystem
import TestSupport
import Testing

@Suite(.needsNamespaces) struct CapabilitiesTests {
    @Test func `a thread gives up all but what it names, and others keep theirs`() throws {
        let before = try Capabilities.current()
        let reduced = try SystemThread.throwaway {
            try Capabilities.reduce(to: [.netAdmin, .netRaw])
            return try Capabilities.current()
        }
        #expect(reduced.effective == [.netAdmin, .netRaw] && reduced.permitted == [.netAdmin, .netRaw])
        #expect(reduced.inheritable == [])
        #expect(try Capabilities.current() == before)
    }

    @Test func `what is given up does not come back, not by asking and not by executing a program`() throws {
        let (after, error, child) = try SystemThread.throwaway {
            try Capabilities.dropAll()
            var refused: SyscallError?
            do throws(SyscallError) { _ = try RawIPv4Socket(proto: 4) } catch { refused = error }
            let result = try ChildProcess.run("grep", ["-E", "CapEff|NoNewPrivs", "/proc/self/status"])
            try Capabilities.reduce(to: [.netAdmin])
            return (try Capabilities.current(), refused, result.output)
        }
        #expect(after.effective == [] && after.permitted == [])
        #expect(error?.code == EPERM)
        #expect(child.contains("NoNewPrivs:\t1"), "\(child)")
    }

    @Test func `a program that a reduced thread executes has no more than that, although it is root`() throws {
        let child = try SystemThread.throwaway {
            try Capabilities.reduce(to: [.netAdmin])
            return try ChildProcess.run("grep", ["CapEff", "/proc/self/status"]).output
        }
        #expect(child == "CapEff:\t0000000000001000\n")
    }
}
