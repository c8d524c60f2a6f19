import Bench
import Testing

@Suite struct BenchFailureTests {
    @Test func `A failure is shown as its line`() {
        #expect("\(BenchFailure("no peer"))" == "no peer")
    }
}
