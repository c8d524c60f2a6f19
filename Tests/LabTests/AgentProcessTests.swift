// Agents are processes: they are started, watched and ended, and none outlives its lab.

import Glibc
import LinuxSystem
import TestSupport
import Testing

@testable import Lab

@Suite("A lab's agents", .needsNamespaces)
struct AgentProcessTests {
    @Test func anAgentThatEndsByItselfIsNoticed() throws {
        try Lab.with(.routed(), agentBinary: "false") { lab in
            try lab.startAgent(on: "n1")
            #expect(throws: LabError.agentEnded(node: "n1", status: "exit status 1", log: "")) {
                try lab.waitReady("n1")
            }
        }
    }

    @Test func anAgentThatDoesNotAnswerIsNotWaitedForForEver() throws {
        try withSleepingAgents { lab in
            try lab.startAgent(on: "n1")
            #expect(throws: LabError.self) { try lab.waitReady("n1", timeoutMilliseconds: 50) }
            #expect(throws: LabError.self) { try lab.startAgent(on: "n1") }
            let status = try lab.status("n1")
            #expect(status == nil)
        }
    }

    @Test func agentsEndInGoodOrderOrAsInACrash() throws {
        try withSleepingAgents { lab in
            try lab.startAgents()
            let processes = LabDirectory(lab: lab.name).processes
            #expect(processes.count == 3)
            let end = try lab.stopAgent(on: "n1")
            #expect(end == .signal(Signals.terminate))
            try lab.killAgent(on: "n2")
            #expect(lab.agent("n1") == nil && lab.agent("n2") == nil && lab.agent("n3") != nil)
            let again = try lab.stopAgent(on: "n1")
            #expect(again == nil)
            #expect(running(processes) == 1)
            #expect(lab.down() == [])
            #expect(running(processes) == 0)
        }
    }

    @Test func aDetachedLabsAgentsEndWithIt() throws {
        try withSleepingAgents { lab in
            try lab.startAgents()
            let processes = LabDirectory(lab: lab.name).processes
            try lab.detach()
            #expect(running(processes) == 3)
            let problems = try AttachedLab(name: lab.name).down()
            #expect(problems == [])
            #expect(running(processes) == 0)
            // They are this process's children all the same, and nobody else waits for them: unreaped, they would keep
            // the test library's own wait for any child spinning.
            for process in processes { waitpid(process.pid, nil, 0) }
        }
    }

    @Test func aStatusDocumentIsRead() throws {
        let text = """
            {"node": "n1", "address": "10.0.1.1/24", "tier": "userspace", "tierReason": "why", "ready": false,
             "notReadyBecause": ["x"], "peers": [{"node": "n2", "address": "10.0.1.2/24", "verdict": "direct",
             "reason": "sameSubnet", "blocks": [], "txPackets": 1, "txBytes": 2, "rxPackets": 3, "rxBytes": 4}],
             "somethingNew": 1}
            """
        let status = try AgentStatus(json: Array(text.utf8))
        #expect(!status.ready && status.peer("n2")?.verdict == "direct" && status.peer("n3") == nil)
    }

    private func running(_ processes: [RunningProcess]) -> Int {
        processes.count { $0.isRunning }
    }

    /// A lab whose agents only sleep.
    private func withSleepingAgents(_ body: (Lab) throws -> Void) throws {
        let program = "/run/poplin-test-\(Lab.uniqueName())"
        try TextFile.replace(program, with: "#!/bin/sh\nexec sleep 100\n", mode: 0o755)
        defer { _ = try? Directory.removeFile(program) }
        try Lab.with(.routed(), agentBinary: program, body)
    }
}
