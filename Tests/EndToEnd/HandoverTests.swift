// A running agent is replaced by another, and the packets do not notice.

import Foundation
import Lab
import LinuxSystem
import Packet
import Testing

extension EndToEndTests {
    @Suite("Handover")
    struct Handover {
        /// Echoes of one series that may miss their reply in five handovers. None is lost by design; but a machine that
        /// stands still for longer than its queues are long is no fault of the agent.
        private static let tolerated = 5

        @Test func `An agent is replaced five times, and neither pings nor a stream notice`() throws {
            try withLab(Self.specification) { lab in
                let node = try lab.host("n1")
                let before = try OwnState(of: node)
                let watch = try KernelWatch(node)
                #expect(try lab.ping(from: "w1", to: "w3").isComplete)
                let outward = try lab.startSteadyPing(from: "w1", to: "w3")
                let inward = try lab.startSteadyPing(from: "w3", to: "w1")
                let stream = try lab.startSteadyTransfer(from: "w3", to: "w1", bytesPerSecond: 2_000_000)
                try waitUntil("traffic") { outward.received > 50 && inward.received > 50 && stream.received > 100_000 }
                for _ in 0..<5 {
                    let former = try #require(lab.agent("n1")?.pid)
                    #expect(try lab.replaceAgent(on: "n1") == .code(0))
                    let status = try lab.waitReady("n1")
                    #expect(status.pid == lab.agent("n1")?.pid && status.pid != former)
                    let (there, back) = (outward.received, inward.received)
                    try waitUntil("replies") { outward.received > there + 20 && inward.received > back + 20 }
                }
                let received = stream.received
                try waitUntil("the stream to go on") { stream.received > received + 100_000 }
                for report in [outward.stop(), inward.stop()] {
                    #expect(report.lost.count <= Self.tolerated, "\(report.summary)")
                    #expect(report.duplicates == 0 && report.corrupted == 0)
                }
                let transfer = stream.stop()
                #expect(transfer.isIntact, "\(transfer)")
                try watch.drain()
                #expect(watch.changes == [])
                #expect(try OwnState(of: node) == before)
                let holder = try TextFile.read("\(lab.runDirectory("n1"))/lock")
                #expect(holder == "\(try #require(lab.agent("n1")).pid)\n")
                #expect(try lab.stopAgent(on: "n1") == .code(0))
                #expect(try Directory.list(lab.runDirectory("n1")).allSatisfy { !$0.contains("sock") })
                #expect(!File.exists("\(lab.runDirectory("n1"))/handover"))
            }
        }

        @Test func `Where no agent runs, --take-over starts as usual`() throws {
            try withIdleLab(Self.specification) { lab in
                try lab.startAgent(on: "n1", arguments: ["--take-over"])
                try lab.waitReady("n1")
            }
        }

        @Test func `A successor that dies before it carries leaves the tunnel to the running agent`() throws {
            try withLab(Self.specification) { lab in
                let holder = try #require(lab.agent("n1")?.pid)
                #expect(try lab.ping(from: "w1", to: "w3").isComplete)
                let pinger = try lab.startSteadyPing(from: "w1", to: "w3")
                for round in 1...3 {
                    try waitUntil("replies") { pinger.received > 20 * round }
                    let sent = pinger.sent
                    do {
                        let successor = try Successor(lab, "n1")
                        let descriptors = try successor.ask().takeDescriptors()
                        #expect(descriptors.count == Self.descriptorCount)
                        try waitUntil("packets to wait") { pinger.sent > sent + 20 }
                    }
                    try waitUntil("the log to say so") {
                        let log = try TextFile.read(lab.logPath("n1"))
                        return log.split(separator: "\n").count { $0.contains("did not take over (it ended)") } == round
                    }
                }
                let status = try lab.waitReady("n1")
                #expect(status.pid == holder)
                let report = pinger.stop()
                #expect(report.lost.count <= Self.tolerated, "\(report.summary)")
                #expect(try TextFile.read("\(lab.runDirectory("n1"))/lock") == "\(holder)\n")
                // Nothing of it is left in the way of a real one.
                #expect(try lab.replaceAgent(on: "n1") == .code(0))
                try lab.waitReady("n1")
            }
        }

        @Test func `A request for another version, node, device, tier or namespace is refused, and nothing stops`()
            throws
        {
            try withLab(Self.specification) { lab in
                let pinger = try lab.startSteadyPing(from: "w1", to: "w3")
                let wrong: [(key: String, value: any Sendable, word: String)] = [
                    ("version", 99, "version 2"), ("node", "n9", "node n1"), ("device", "tunl9", "tunl0"),
                    ("tier", Self.otherTier, "takes a break"), ("namespace", 1, "namespace"),
                ]
                for (key, value, word) in wrong {
                    let successor = try Successor(lab, "n1")
                    let answer = try successor.ask { $0[key] = value }
                    #expect(String(decoding: answer.bytes, as: UTF8.self).contains(word))
                    #expect(answer.takeDescriptors().count == 0)
                }
                let silent = try Successor(lab, "n1")
                let result = try PoplinProgram.run(
                    ["agent", "--config", lab.configPath("n1"), "--take-over"], on: try lab.host("n1"),
                    environment: ["POPLIN_NODE": "n9"])
                #expect(result.status == .code(1))
                #expect(result.errors.contains("nothing was taken over: the running agent is node n1, not n9"))
                _ = consume silent
                let received = pinger.received
                try waitUntil("replies") { pinger.received > received + 20 }
                let report = pinger.stop()
                #expect(report.isComplete, "\(report.summary)")
            }
        }

        @Test func `A successor that says nothing for too long is told that the running agent has gone on`() throws {
            try withLab(Self.specification) { lab in
                let holder = try #require(lab.agent("n1")?.pid)
                let successor = try Successor(lab, "n1")
                let descriptors = try successor.ask().takeDescriptors()
                #expect(descriptors.count == Self.descriptorCount)
                let answer = try successor.answer(timeoutMilliseconds: 30_000)
                #expect(String(decoding: answer.bytes, as: UTF8.self).contains("went on"))
                // Also while the other still has copies of everything.
                let report = try lab.ping(from: "w1", to: "w3")
                #expect(report.isComplete, "\(report.summary)")
                #expect(try lab.waitReady("n1").pid == holder)
                #expect(descriptors.count == Self.descriptorCount)
            }
        }

        @Test func `A successor that does not know the whole datastore leaves the running agent alone`() throws {
            try withLab(Self.specification) { lab in
                let holder = try #require(lab.agent("n1")?.pid)
                let broken = "\(lab.clusterDirectory)/broken.yaml"
                try TextFile.replace(broken, with: "apiVersion: [\n")
                let pinger = try lab.startSteadyPing(from: "w1", to: "w3")
                let result = try PoplinProgram.run(
                    ["agent", "--config", lab.configPath("n1"), "--take-over"], on: try lab.host("n1"))
                #expect(result.status == .code(1))
                #expect(result.errors.contains("nothing was taken over: the datastore"), "\(result.errors)")
                try Directory.removeFile(broken)
                let report = pinger.stop()
                #expect(report.isComplete, "\(report.summary)")
                #expect(try lab.waitReady("n1").pid == holder)
                #expect(!(try TextFile.read(lab.logPath("n1"))).contains("handover"))
            }
        }

        @Test func `A config that needs a restart is in force after a handover`() throws {
            // Without a word in the config the driver takes the inner one, which has lost a hop.
            let usual: UInt8 = Tiers.current.dataplane(of: "n1") == "kernel" ? 63 : 64
            try withLab(Self.specification) { lab in
                #expect(try Self.outerTimeToLive(lab) == usual)
                let path = lab.configPath("n1")
                try TextFile.replace(path, with: try TextFile.read(path) + "tunnel:\n  ttl: 33\n")
                try lab.waitStatus("n1", "a restart to be asked for") {
                    $0.warnings?.contains { $0.message.contains("tunnel.ttl") } == true
                }
                #expect(try Self.outerTimeToLive(lab) == usual)
                #expect(try lab.replaceAgent(on: "n1") == .code(0))
                let status = try lab.waitReady("n1")
                #expect(status.ownWarnings == [])
                #expect(try Self.outerTimeToLive(lab) == 33)
            }
        }

        @Test(.tiers(.userspace, because: "of several queues there is only use in the userspace tier"))
        func `All queues are handed over, and their number may change both ways`() throws {
            var specification = Self.specification
            specification.nodes[0].extraConfig = "tunnel:\n  queues: 2\n"
            try withLab(specification) { lab in
                #expect(try Self.packetThreads(lab) == 2)
                let pinger = try lab.startSteadyPing(from: "w1", to: "w3")
                try waitUntil("replies") { pinger.received > 20 }
                #expect(try lab.replaceAgent(on: "n1") == .code(0))
                #expect(try lab.waitReady("n1").pid == lab.agent("n1")?.pid)
                #expect(try Self.packetThreads(lab) == 2)
                let report = pinger.stop()
                #expect(report.lost.count <= Self.tolerated && report.duplicates == 0, "\(report.summary)")
                let path = lab.configPath("n1")
                for (before, after) in [(2, 1), (1, 2)] {
                    let text = try TextFile.read(path)
                    try TextFile.replace(
                        path, with: text.replacingOccurrences(of: "queues: \(before)", with: "queues: \(after)"))
                    #expect(try lab.replaceAgent(on: "n1") == .code(0))
                    try lab.waitReady("n1")
                    #expect(try Self.packetThreads(lab) == after)
                    for _ in 0..<8 {
                        // Another flow each time: each finds its queue and its socket, and only one.
                        for (source, target) in [("w1", "w3"), ("w3", "w1")] {
                            let echo = try lab.echo(.udp, from: source, to: target, count: 3)
                            #expect(echo.isComplete, "\(source) to \(target): \(echo)")
                        }
                    }
                    let pings = try lab.ping(from: "w1", to: "w3", count: 20)
                    #expect(pings.isComplete && pings.duplicates == 0, "\(pings.summary)")
                }
            }
        }

        private static func packetThreads(_ lab: Lab) throws -> Int {
            let process = try #require(lab.agent("n1")).pid
            return try ProcessThread.all(of: process).count(where: \.carriesPackets)
        }

        /// Of what n1 sends to n3.
        private static func outerTimeToLive(_ lab: Lab) throws -> UInt8 {
            let sniffer = try #require(lab.sniffer)
            sniffer.clear(samplingFrom: address("10.0.1.1"))
            #expect(try lab.ping(from: "w1", to: "w3", count: 1).isComplete)
            try waitUntil("request and reply in the tunnel") {
                sniffer.counts().ipip(innerProtocol: IPProtocol.icmp) >= 2
            }
            let packet = try #require(sniffer.sample())
            let header = try IPv4Header.parse(packet.span.bytes).get()
            try #require(header.source == address("10.0.1.1"))
            return header.timeToLive
        }

        /// Two sockets and two locks; where a TUN device carries, a queue of it and a raw socket as well.
        private static var descriptorCount: Int { Tiers.current.dataplane(of: "n1") == "kernel" ? 4 : 6 }

        /// A tier that cannot go on with what n1's carries by.
        private static var otherTier: String { Tiers.current.dataplane(of: "n1") == "kernel" ? "bpf" : "kernel" }

        private static var specification: LabSpecification { .twoNodes() }
    }
}

/// One who asks for the tunnel as an agent does, and then does as the test likes.
private struct Successor: ~Copyable {
    private let connection: MessageSocket
    private let request: [String: any Sendable]

    init(_ lab: Lab, _ node: String) throws {
        let namespace = try lab.host(node).run { try FileStatus("/proc/thread-self/ns/net").inode }
        connection = try MessageSocket.connect("\(lab.runDirectory(node))/handover")
        request = [
            "version": 2, "node": node, "device": "tunl0", "tier": Tiers.current.dataplane(of: node),
            "namespace": namespace, "pid": Host.processID,
        ]
    }

    /// Sends the request, changed or not, and waits for the answer.
    func ask(_ change: (inout [String: any Sendable]) -> Void = { _ in }) throws -> ReceivedMessage {
        var request = request
        change(&request)
        try connection.send(Array(try JSONSerialization.data(withJSONObject: request)))
        return try answer(timeoutMilliseconds: 10_000)
    }

    /// Waits for the agent's next word.
    func answer(timeoutMilliseconds: Int32) throws -> ReceivedMessage {
        guard let answer = try connection.receive(timeoutMilliseconds: timeoutMilliseconds) else {
            throw WaitedInVain(description: "the agent closed the connection")
        }
        return answer
    }
}
