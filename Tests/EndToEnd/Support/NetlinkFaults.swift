// Faults in an agent's netlink calls by a library preloaded into it: what is ordered, and what was really met.

import FoundationEssentials
import LinuxSystem
import TestSupport
import Testing

/// Which calls of an agent fail, and how: see `Faults/faults.c`.
enum FaultOrder: CustomStringConvertible {
    /// Of the calls from now on, or from the agent's start: every `period`-th from `first`, at most `budget`.
    case every(Int, first: Int, budget: Int)
    /// Each kind of call meets each fault once, of which every `shares`-th is dealt here; `spacing` requests and
    /// receives from one to the next.
    case deal(spacing: Int, share: Int, shares: Int)

    var description: String {
        switch self {
        case .every(let period, let first, let budget): "every \(period) from \(first) for \(budget)"
        case .deal(let spacing, let share, let shares): "deal \(spacing) share \(share) of \(shares)"
        }
    }
}

/// The library, compiled for one test.
final class FaultLibrary {
    private let scratch = ScratchDirectory()

    init() throws {
        try Clang.compile("Faults/faults.c", to: library, ["-shared", "-fPIC"])
    }

    private var library: String { scratch.path + "/faults.so" }

    /// For one agent, under a name of its own.
    func faults(for name: String) -> NetlinkFaults {
        NetlinkFaults(
            library: library, orderPath: "\(scratch.path)/\(name).order", tracePath: "\(scratch.path)/\(name).trace",
            callsPath: "\(scratch.path)/\(name).calls")
    }
}

/// The faults of one agent.
struct NetlinkFaults {
    /// A kind of call, at one of its points.
    struct Kind: Hashable, CustomStringConvertible {
        /// As `get link dump`.
        let name: String
        /// `open`, `send` or `receive`.
        let point: String

        var description: String { "\(point) \(name)" }
    }

    /// A fault that an agent has met.
    struct Fault: Hashable, CustomStringConvertible {
        /// The call's number from the order on.
        let call: Int
        let kind: Kind
        /// The error's name, for an answer with what became of the request.
        let error: String

        var description: String { "\(call) \(kind) \(error)" }
    }

    /// What the library has written down.
    struct Trace {
        /// Of all orders, in their order.
        var faults: [Fault] = []
        /// The kinds of calls since the latest order, with how many faults each can meet.
        var kinds: [Kind: Int] = [:]
    }

    fileprivate let library: String
    fileprivate let orderPath: String
    fileprivate let tracePath: String
    fileprivate let callsPath: String

    /// For the agent.
    var environment: [String: String] {
        ["LD_PRELOAD": library, "FAULTS_ORDER": orderPath, "FAULTS_TRACE": tracePath, "FAULTS_CALLS": callsPath]
    }

    /// How many netlink calls the agent has made since the latest order, or else since its start.
    var callCount: Int { get throws { Int(try FileStatus(callsPath).size) } }

    /// Has calls fail from the next one on; nil for none any more.
    func order(_ order: FaultOrder?) throws {
        if let order {
            try TextFile.replace(orderPath, with: "\(order)\n")
        } else {
            try Directory.removeFile(orderPath)
        }
    }

    /// After the agent's end by the fault of one call: goes on with those that would have failed after it.
    func resume(after call: Int) throws {
        let words = try TextFile.read(orderPath).split(whereSeparator: \.isWhitespace)
        guard words.count == 6, let period = Int(words[1]), let budget = Int(words[5]) else { return }
        try order(.every(period, first: call + period, budget: budget))
    }

    /// Reads what is written down so far.
    func trace() throws -> Trace {
        guard File.exists(tracePath) else { return Trace() }
        var trace = Trace()
        for line in try TextFile.read(tracePath).split(separator: "\n") {
            let words = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            switch words[0] {
            case "fault" where words.count == 5:
                let kind = Kind(name: words[2], point: words[3])
                trace.faults.append(Fault(call: Int(words[1]) ?? -1, kind: kind, error: words[4]))
            case "kind" where words.count == 4: trace.kinds[Kind(name: words[1], point: words[2])] = Int(words[3])
            case "order" where words.count == 2: trace.kinds = [:]
            default: Issue.record("the library wrote: \(line)")
            }
        }
        return trace
    }
}
