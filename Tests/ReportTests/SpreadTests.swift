import Report
import Testing

@Suite struct SpreadTests {
    @Test func `The median of an even number of samples lies in the middle of two`() {
        let spread = Spread([4, 1, 3, 2])
        #expect(spread?.median == 2.5 && spread?.minimum == 1 && spread?.maximum == 4)
        #expect(Spread([]) == nil)
    }
}
