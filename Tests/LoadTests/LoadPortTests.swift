import Load
import Testing

@Suite struct LoadPortTests {
    @Test func `The control port is one that needs no privilege`() {
        #expect(LoadPort.control >= 1024)
    }
}
