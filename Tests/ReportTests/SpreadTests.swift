import Report
import Testing

@Suite struct SpreadTests {
    @Test func `The median of an even number of samples lies in the middle of two`() {
        let spread = Spread([4, 1, 3, 2])
        #expect(spread?.median == 2.5 && spread?.minimum == 1 && spread?.maximum == 4)
        #expect(Spread([]) == nil)
    }

    @Test func `Ratios are formed within rounds, so what a round does to both is not in them`() {
        let base = SmallReport.figure("native", .tcp1, [10, 20, 40])
        let half = SmallReport.figure("bpf", .tcp1, [5, 10, 20])
        #expect(half.ratio(to: base) == Spread([0.5, 0.5, 0.5]))
    }

    @Test func `A ratio has the rounds that both sides have`() {
        let base = SmallReport.figure("native", .tcp1, [10, 20, 40])
        let interrupted = SmallReport.figure("bpf", .tcp1, [5, 15])
        #expect(interrupted.ratio(to: base) == Spread([0.5, 0.75]))
    }

    @Test func `There is no ratio to nothing`() {
        let nothing = SmallReport.figure("native", .udp64Loss, [0, 1])
        let something = SmallReport.figure("bpf", .udp64Loss, [2, 2])
        #expect(something.ratio(to: nothing) == nil)
        #expect(nothing.ratio(to: something) == Spread([0, 0.5]))
    }
}
