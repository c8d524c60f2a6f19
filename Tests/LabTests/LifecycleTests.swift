// A lab comes up whole and goes away whole, also when the process that made it did not get to clean up.

import LinuxSystem
import TestSupport
import Testing

@testable import Lab

@Suite("A lab's life", .needsNamespaces)
struct LifecycleTests {
    @Test func everythingIsGoneAfterDown() throws {
        let specification = LabSpecification.routed()
        let lab = try Lab.up(specification)
        #expect(try namespaces(of: lab.name).count == 7)
        #expect(File.exists("\(lab.clusterDirectory)/node-n1.yaml"))
        #expect(lab.down() == [])
        #expect(try namespaces(of: lab.name) == [])
        #expect(!File.exists(lab.path))
        #expect(lab.down() == [])
    }

    @Test func everythingIsGoneAfterAnError() throws {
        struct Failure: Error {}
        let specification = LabSpecification.routed()
        #expect(throws: Failure.self) {
            try Lab.with(specification) { _ in throw Failure() }
        }
        #expect(try namespaces(of: specification.name) == [])
        #expect(!File.exists(LabDirectory(lab: specification.name).path))
    }

    @Test func nothingIsLeftWhereTheNetworkCannotBeBuilt() throws {
        var specification = LabSpecification.routed()
        // The kernel refuses it, halfway through.
        specification.nodes[1].address = interface("0.0.0.0/0")
        specification.nodes[2].tunnelAddress = nil
        #expect(throws: (any Error).self) { try Lab.up(specification) }
        #expect(try namespaces(of: specification.name) == [])
        #expect(!File.exists(LabDirectory(lab: specification.name).path))
    }

    @Test func aLabOfALivingProcessIsNotTouched() throws {
        try Lab.with(LabSpecification.routed()) { lab in
            #expect(throws: LabError.self) { try Lab.up(lab.specification) }
            #expect(throws: LabError.self) { try AttachedLab(name: lab.name).down() }
            Lab.removeAbandoned()
            let left = try namespaces(of: lab.name)
            #expect(left.count == 7)
        }
    }

    @Test func leftoversOfACrashedLabAreReplaced() throws {
        let specification = LabSpecification.routed()
        let process = try abandonLab(specification)
        try Lab.with(specification) { lab in
            let end = try process.wait(timeoutMilliseconds: 0)
            #expect(end == .signal(Signals.terminate))
            #expect(try lab.ping(from: "w1", to: "w3").isComplete)
        }
        #expect(try namespaces(of: specification.name) == [])
    }

    @Test func abandonedLabsAreSweptAway() throws {
        let specification = LabSpecification.routed()
        let process = try abandonLab(specification)
        // Other tests may sweep at the same time; sweeps wait for each other.
        Lab.removeAbandoned()
        #expect(try process.wait(timeoutMilliseconds: 0) == .signal(Signals.terminate))
        #expect(!File.exists(LabDirectory(lab: specification.name).path))
        #expect(try namespaces(of: specification.name) == [])
    }

    @Test func aProcessThatOnlyHasTheNumberOfOursLivesOn() throws {
        let stranger = try ChildProcess.spawn("sleep", ["100"], output: .null, errors: .null)
        let specification = LabSpecification.routed()
        let lab = try Lab.up(specification)
        let directory = LabDirectory(lab: lab.name)
        let other = try #require(RunningProcess("\(stranger.pid) 1"))
        try directory.noteProcess(other)
        #expect(lab.down() == [])
        #expect(try stranger.wait(timeoutMilliseconds: 0) == nil)
        try stranger.terminate()
        _ = try stranger.wait()
    }

    @Test func aDetachedLabIsFoundAgain() throws {
        let specification = LabSpecification.routed()
        let lab = try Lab.up(specification)
        try lab.detach()
        let attached = try AttachedLab(name: specification.name)
        #expect(attached.nodes == ["n1", "n2", "n3"])
        #expect(attached.hosts.count == 7)
        #expect(throws: LabError.self) { try Lab.up(specification) }
        Lab.removeAbandoned()
        let result = try attached.host("w2").execute("cat", ["/sys/class/net/eth0/mtu"])
        #expect(result.status.isSuccess)
        #expect(try attached.down() == [])
        #expect(try namespaces(of: specification.name) == [])
        #expect(throws: LabError.notUp(name: specification.name)) { try AttachedLab(name: specification.name) }
    }

    @Test(arguments: ["", "a-b", "a/b", "..", String(repeating: "x", count: 25)])
    func impossibleNamesAreRefused(name: String) {
        #expect(throws: LabError.self) { try Lab.up(LabSpecification.standard(name: name)) }
    }

    /// Leaves a lab behind as a crash would: files, namespaces and a process, but nobody who owns them.
    private func abandonLab(_ specification: LabSpecification) throws -> ChildProcess {
        let lab = try Lab.up(specification)
        let directory = LabDirectory(lab: lab.name)
        let process = try ChildProcess.spawn(
            "sleep", ["100"], inNamespace: try lab.host("n1").namespace, output: .null, errors: .null)
        try directory.noteProcess(try #require(RunningProcess(pid: process.pid)))
        try lab.detach()
        // A process that surely is no more: the numbers end below this one.
        try directory.setOwner(.process(try #require(RunningProcess("4194304 1"))))
        return process
    }
}
