// D9: hostile input has exactly the outcome that the reference models give it, in every parser and in both whole steps.

import Net
import Packet
import LinuxSystem
import TestSupport
import Testing

@Suite(.serialized) struct FuzzTests {
    /// How many inputs the ordinary test run tries, and what it must meet among them.
    private static let goals: [(target: FuzzTarget, inputs: Int, meets: Set<String>)] = [
        (.header, 1000, ["accepted", "truncated", "notIPv4", "badHeaderLength", "badTotalLength"]),
        (.icmpError, 1000, ["refused", "inner unknown", "inner known"]),
        (.unreachable, 700, ["silent", "written"]),
        (.checksum, 700, ["finished", "badOffload"]),
        (
            .outward, 2000,
            [
                "sent", "segments", "badOffload", "truncated", "notIPv4", "badHeaderLength", "badTotalLength",
                "ttlZero",
                "noPeer", "recursion",
            ]
        ),
        (
            .inward, 600,
            [
                "finished", "partial", "superframe", "merged", "merged more than two", "truncated", "notIPv4",
                "badHeaderLength", "badTotalLength", "notIPIP", "notForUs", "outerFragment", "unknownOuterSource",
                "innerSourceNotOfPeer", "ttlZero", "ecnIllegalCombination", "recursion",
            ]
        ),
    ]

    @Test("D9: broken packets have the outcome of the reference model", arguments: goals.map(\.target))
    func fuzz(target: FuzzTarget) throws {
        let goal = try #require(Self.goals.first { $0.target == target })
        var run = FuzzRun(target)
        let failure = try run.run(inputs: goal.inputs)
        #expect(failure == nil)
        let missing = goal.meets.subtracting(run.coverage.seen)
        #expect(missing.isEmpty || FuzzPlan.environment.seconds != nil)
    }

    @Test("D9: inputs found earlier have the outcome of the reference model", arguments: FuzzTarget.allCases)
    func found(target: FuzzTarget) throws {
        let folder = Captures.folder + "found"
        let names = try Directory.list(folder)
        #expect(!names.isEmpty)
        for name in names {
            let input = try #require(try FoundInput.read("\(folder)/\(name)"), "\(name) is no hexadecimal text")
            var coverage = FuzzCoverage()
            let defect = target.defect(input, &coverage)
            #expect(defect == nil, "\(name)")
        }
    }

    @Test("D9: noise of any length is survived and judged by the reference model", arguments: FuzzTarget.allCases)
    func noise(target: FuzzTarget) {
        var random = SeededGenerator(seed: 791)
        var coverage = FuzzCoverage()
        for _ in 0..<1000 {
            let input = (0..<Int.random(in: 0...80, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            let defect = target.defect(input, &coverage)
            #expect(defect == nil)
        }
    }

    @Test("D9: a datagram cut at any length is dropped")
    func everyLength() {
        let whole = tunnelled(transportPacket(protocolNumber: 6, dataLength: 40, isPartial: true))
        for length in 0..<whole.count {
            #expect(decision(Array(whole[..<length])) == .drop(.truncated))
            // The same, with an outer header that admits it.
            guard length >= 20 else { continue }
            let honest = tunnelled(Array(whole[20..<length]))
            #expect(decision(honest) == .drop(length < 40 ? .badTotalLength : .truncated))
        }
    }
}
