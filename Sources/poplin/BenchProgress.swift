// Where a long run stands: one line that is rewritten on a terminal, else a line for each round.

internal import Bench
internal import LinuxSystem

final class BenchProgress {
    private let isTerminal = StandardStream.error.isTerminal
    private var stage = ""

    func show(_ progress: BenchRun.Progress) {
        let left = progress.secondsLeft.map { ", \(Self.text($0)) left" } ?? ""
        if isTerminal {
            try? StandardStream.error.write("\r\u{1B}[K\(progress.step)\(left)")
            return
        }
        // `round 2 of 5`, `building the network of bpf`.
        let stage = String(progress.step.prefix { $0 != ":" })
        if stage != self.stage { Terminal.say("\(stage)\(left)") }
        self.stage = stage
    }

    /// Takes the line away.
    func clear() {
        if isTerminal { try? StandardStream.error.write("\r\u{1B}[K") }
    }

    private static func text(_ seconds: Double) -> String {
        let seconds = Int(seconds.rounded(.up))
        return seconds < 100 ? "\(seconds) s" : "\((seconds + 30) / 60) min"
    }
}
