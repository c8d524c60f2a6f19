// What became of each test of one run, from the event stream that Swift Testing writes: one JSON object a line.

import Foundation

/// How a test ended.
enum Outcome: Equatable {
    case passed
    case failed
    /// It was not run, for this reason.
    case skipped(String)
    /// It was begun, and nothing more was heard of it.
    case unfinished
}

/// One run of the test runner.
struct Run {
    struct Test {
        let id: String
        var outcome: Outcome
        /// The first lines of what was wrong.
        var issues: [String] = []
    }

    /// The displayed names of suites, by identifier.
    private(set) var suites: [String: String] = [:]
    /// The displayed names of test functions, by identifier.
    private(set) var names: [String: String] = [:]
    /// All that were begun or skipped, in this order.
    private(set) var tests: [Test] = []
    /// Issues of suites, and of no test.
    private(set) var otherIssues: [String] = []
    /// The runner's last words; nil where it did not come to them.
    private(set) var summary: String?
    private(set) var hasPassed = false

    /// - Parameter stream: what `--event-stream-output-path` gave, whole or broken off.
    init(stream: Data) {
        let decoder = JSONDecoder()
        for line in stream.split(separator: UInt8(ascii: "\n")) {
            // A runner that was killed leaves half a line.
            guard let record = try? decoder.decode(Record.self, from: line) else { continue }
            record.kind == "test" ? takeDescription(record.payload) : takeEvent(record.payload)
        }
    }

    private mutating func takeDescription(_ test: Record.Payload) {
        guard let id = test.id else { return }
        let name = test.displayName ?? test.name ?? id
        if test.kind == "suite" { suites[id] = name } else { names[id] = name }
    }

    private mutating func takeEvent(_ event: Record.Payload) {
        let text = event.messages?.first?.text ?? ""
        switch event.kind {
        case "runEnded":
            summary = text
            hasPassed = event.messages?.first?.symbol == "pass"
        case "testStarted":
            if let id = event.testID, names[id] != nil { tests.append(Test(id: id, outcome: .unfinished)) }
        case "testSkipped":
            let words = text.split(separator: " skipped: ", maxSplits: 1).last ?? ""
            let reason = words.split(separator: "\n").first.map(String.init) ?? ""
            if let id = event.testID, names[id] != nil {
                tests.append(Test(id: id, outcome: .skipped(reason.trimmingCharacters(in: ["\""]))))
            }
        case "testEnded":
            guard let index = tests.lastIndex(where: { $0.id == event.testID }) else { return }
            tests[index].outcome = event.messages?.first?.symbol == "fail" ? .failed : .passed
        case "issueRecorded" where event.issue?.isKnown != true:
            let first = text.split(separator: "\n").first.map(String.init) ?? ""
            if let index = tests.lastIndex(where: { $0.id == event.testID }) {
                tests[index].issues.append(first)
            } else {
                otherIssues.append(first)
            }
        default:
            break
        }
    }
}

/// A line of the stream, in Swift Testing's own words.
private struct Record: Decodable {
    struct Message: Decodable {
        let symbol: String
        let text: String
    }

    struct Issue: Decodable {
        let isKnown: Bool
    }

    struct Payload: Decodable {
        let kind: String
        let id: String?
        let name: String?
        let displayName: String?
        let testID: String?
        let messages: [Message]?
        let issue: Issue?
    }

    let kind: String
    let payload: Payload
}
