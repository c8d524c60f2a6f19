// An agent that was killed comes back as if it had never been away; one that is told to end leaves the routes.

import Lab
import LinuxSystem
import Net
import Rtnetlink
import Testing

extension EndToEndTests {
    @Suite("Ending and starting again")
    struct Restart {
        @Test func `A killed agent leaves the routes, and its successor takes them over without touching one`() throws {
            try withLab(Self.specification) { lab in
                let node = try lab.host("n1")
                let before = try OwnState(of: node)
                #expect(try lab.ping(from: "w1", to: "w3").isComplete)
                let watch = try KernelWatch(node)
                try lab.killAgent(on: "n1")
                #expect(try lab.ownRoutes("n1").count == 3)
                #expect(try lab.ping(from: "w1", to: "w2").isComplete, "the direct way needs no agent")

                try lab.startAgent(on: "n1")
                try lab.waitReady("n1")
                try waitUntil("the state as it was") { try OwnState(of: node) == before }
                try watch.drain()
                #expect(watch.changes == [])
                for target in ["w2", "w3"] {
                    let report = try lab.ping(from: "w1", to: target)
                    #expect(report.isComplete, "\(target): \(report.summary)")
                }
            }
        }

        @Test(
            .tiers(
                .kernel, .mixed, .bpf, .bpfMixed, .bpfKernel,
                because: "without an agent nobody carries the packets of the userspace tier"))
        func `A tunnel in the kernel loses nothing while no agent runs, and a restarted one changes nothing`() throws {
            try withLab(Self.specification) { lab in
                let nodes = ["n1", "n2", "n3"].filter { Tiers.current.dataplane(of: $0) != "userspace" }
                let before = try nodes.map { try OwnState(of: try lab.host($0)) }
                #expect(try lab.ping(from: "w1", to: "w3").isComplete)
                let watches = try nodes.map { try KernelWatch(try lab.host($0)) }
                let pingers = [
                    try lab.startSteadyPing(from: "w1", to: "w3"), try lab.startSteadyPing(from: "w3", to: "w1"),
                ]
                func waitForReplies(_ count: Int) throws {
                    let targets = pingers.map { $0.received + count }
                    try waitUntil("replies") { zip(pingers, targets).allSatisfy { $0.received >= $1 } }
                }
                try waitForReplies(20)
                for node in nodes { try lab.killAgent(on: node) }
                try waitForReplies(200)
                for node in nodes { try lab.startAgent(on: node) }
                for node in nodes { try lab.waitReady(node) }
                try waitForReplies(20)
                for report in pingers.map({ $0.stop() }) {
                    #expect(report.isComplete && report.duplicates == 0, "\(report.summary)")
                }
                for watch in watches {
                    try watch.drain()
                    #expect(watch.changes == [])
                }
                #expect(try nodes.map { try OwnState(of: try lab.host($0)) } == before)
            }
        }

        @Test func `A stream through the tunnel outlives a killed agent`() throws {
            try withLab(Self.specification) { lab in
                let stream = try lab.startSteadyTransfer(from: "w3", to: "w1", bytesPerSecond: 1_000_000)
                try waitUntil("the stream to run") { stream.received > 100_000 }
                try lab.killAgent(on: "n1")
                try lab.startAgent(on: "n1")
                try lab.waitReady("n1")
                let received = stream.received
                try waitUntil("the stream to go on") { stream.received > received + 100_000 }
                let report = stream.stop()
                #expect(report.isIntact, "\(report)")
            }
        }

        @Test func `SIGTERM ends with 0 and leaves routes and device`() throws {
            try withLab(Self.specification) { lab in
                let before = try lab.ownRoutes("n1").map(\.destination)
                let watch = try KernelWatch(try lab.host("n1"))
                #expect(try lab.stopAgent(on: "n1") == .code(0))
                #expect(try lab.ownRoutes("n1").map(\.destination) == before)
                #expect(try lab.host("n1").linkIndex("tunl0") > 0)
                try watch.drain()
                #expect(watch.changes == [])
                #expect(!File.exists("\(lab.runDirectory("n1"))/status.sock"))
            }
        }

        /// What keeps a datastore from being read as a whole.
        enum Obstacle: String, CaseIterable, CustomTestStringConvertible {
            case directoryIsGone = "the directory is gone"
            case directoryIsAFile = "a file is in the directory's place"
            case oneFileIsBroken = "one file is broken"
            case oneFileIsUnreadable = "one file leads nowhere"

            var testDescription: String { rawValue }
        }

        @Test(arguments: Obstacle.allCases)
        func `Stale routes go only after the first complete snapshot`(obstacle: Obstacle) throws {
            try withLab(Self.specification) { lab in
                let stale = try lab.block(of: "n3")
                let before = try lab.ownRoutes("n1").map(\.destination)
                #expect(before.contains(stale))
                try lab.killAgent(on: "n1")
                // The block is given up while nobody looks.
                try lab.removeResource(try Self.blockFile(lab, node: "n3"))
                let watch = try KernelWatch(try lab.host("n1"))
                try raise(obstacle, lab)
                try lab.startAgent(on: "n1")
                try lab.waitStatus("n1", "an answer that names the obstacle") {
                    $0.warnings?.contains { $0.code == "datastore" } == true
                }
                #expect(try lab.ownRoutes("n1").map(\.destination) == before)
                try watch.drain()
                #expect(watch.removals == [])

                try lower(obstacle, lab)
                try waitUntil("the stale route to go") { try lab.ownRoute("n1", to: stale) == nil }
                try lab.waitReady("n1")
                #expect(try lab.ownRoutes("n1").map(\.destination) == before.filter { $0 != stale })
                try watch.drain()
                #expect(watch.removals.count == 1 && watch.removals.first?.contains("\(stale)") == true)
            }
        }

        @Test func `A second agent for one run directory says who has it`() throws {
            try withLab(Self.specification) { lab in
                let holder = try #require(lab.agent("n1")?.pid)
                let result = try PoplinProgram.run(["agent", "--config", lab.configPath("n1")], on: try lab.host("n1"))
                #expect(result.status == .code(1))
                #expect(result.output.isEmpty)
                #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
                #expect(result.errors.contains("process \(holder)"), "\(result.errors)")
                // The first one goes on.
                #expect(try lab.status("n1")?.pid == holder)
                try lab.waitReady("n1")
            }
        }

        @Test func `A second agent takes over from a first that goes in time`() throws {
            try withLab(Self.specification) { lab in
                let node = try lab.host("n1")
                let successor = try PoplinProgram.start(["agent", "--config", lab.configPath("n1")], on: node)
                #expect(try lab.stopAgent(on: "n1") == .code(0))
                let status = try lab.waitStatus("n1", "the successor") { $0.pid == successor.pid && $0.ready }
                #expect(status.routes?.installed == 3)
                try successor.terminate()
                #expect(try successor.wait(timeoutMilliseconds: 30_000) == .code(0))
            }
        }

        private static var specification: LabSpecification {
            var specification = LabSpecification.threeNodes()
            specification.hasSniffer = false
            return specification
        }

        private static func blockFile(_ lab: Lab, node: String) throws -> String {
            LabResource.block(try lab.block(of: node), node: node).name
        }

        private func raise(_ obstacle: Obstacle, _ lab: Lab) throws {
            let directory = lab.clusterDirectory
            switch obstacle {
            case .directoryIsGone:
                try Files.move(directory, to: directory + ".away")
            case .directoryIsAFile:
                try Files.move(directory, to: directory + ".away")
                try TextFile.replace(directory, with: "not a directory\n")
            case .oneFileIsBroken:
                try TextFile.replace("\(directory)/broken.yaml", with: "apiVersion: [\n")
            case .oneFileIsUnreadable:
                try Files.link("\(directory)/broken.yaml", to: "nowhere.yaml")
            }
        }

        private func lower(_ obstacle: Obstacle, _ lab: Lab) throws {
            let directory = lab.clusterDirectory
            switch obstacle {
            case .directoryIsGone:
                try Files.move(directory + ".away", to: directory)
            case .directoryIsAFile:
                try Directory.removeFile(directory)
                try Files.move(directory + ".away", to: directory)
            case .oneFileIsBroken, .oneFileIsUnreadable:
                try Directory.removeFile("\(directory)/broken.yaml")
            }
        }
    }
}
