// Reports say what happened in the fewest words that are exact.

import Testing

@testable import Lab

@Suite("Reports of traffic")
struct ReportTests {
    @Test(arguments: [
        ([], "0 of 100 lost"),
        ([17], "1 of 100 lost (17)"),
        ([17, 18, 19, 40], "4 of 100 lost (17-19, 40)"),
    ])
    func lossesAreNamedInRanges(lost: [Int], text: String) {
        var report = PingReport()
        report.sent = 100
        report.received = 100 - lost.count
        report.lost = lost
        #expect(report.summary == text)
        #expect(report.isComplete == lost.isEmpty)
    }

    @Test func aSeriesThatNeverBeganIsNotComplete() {
        #expect(!PingReport().isComplete)
    }

    @Test func streamContentIsTheSameInAnyPieces() {
        let content = StreamContent(seed: 42)
        let whole = content.bytes(at: 0, count: 1000)
        for cut in [1, 7, 8, 9, 500, 999] {
            let pieces = content.bytes(at: 0, count: cut) + content.bytes(at: cut, count: 1000 - cut)
            #expect(pieces == whole)
        }
        var damaged = Array(whole[100...])
        damaged[23] ^= 1
        #expect(content.firstDifference(damaged, at: 100) == 123)
        #expect(content.firstDifference(Array(whole[100...]), at: 100) == nil)
    }
}
