// Waiting for a few descriptors by their positions.

import LinuxSystem
import Testing

@Suite struct PollSetTests {
    @Test func `only what can be read is ready, until it was read or is removed`() throws {
        let first = try EventFD()
        let second = try EventFD()
        var set = PollSet([first.descriptor.rawValue, second.descriptor.rawValue])
        var seen: [[Bool]] = []
        for step in 0..<5 {
            switch step {
            case 1: second.signal()
            case 2: first.signal()
            case 3: second.drain()
            case 4: set.remove(at: 0)
            default: break
            }
            try set.wait(timeoutMilliseconds: 0)
            seen.append([set.isReady(0), set.isReady(1)])
        }
        #expect(seen == [[false, false], [false, true], [true, true], [true, false], [false, false]])
    }

    @Test func `a wait ends when another thread makes a descriptor readable`() throws {
        let signalled = Signalled(event: try EventFD())
        var set = PollSet([signalled.event.descriptor.rawValue])
        let thread = try SystemThread.start(name: "signaller") { signalled.event.signal() }
        try set.wait()
        thread.join()
        #expect(set.isReady(0) == true)
    }
}

private final class Signalled: Sendable {
    let event: EventFD
    init(event: consuming EventFD) { self.event = event }
}
