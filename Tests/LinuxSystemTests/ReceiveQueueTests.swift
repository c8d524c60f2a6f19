// What a full receive queue loses is told.

import LinuxSystem
import TestSupport
import Testing

@Suite(.needsNamespaces) struct ReceiveQueueTests {
    @Test func `what a full receive queue does not take is counted`() throws {
        try withNamespace { name in
            let receiver = try NetworkNamespace.run(in: name) {
                try RawIPv4Socket(proto: 201)
            }
            try receiver.forceBuffers(receive: 16 << 10)
            #expect(try receiver.droppedCount() == 0)
            let packet = datagram(proto: 201, from: loopback, to: loopback, [UInt8](repeating: 1, count: 1000))
            for _ in 0..<200 {
                let isSent = try packet.withUnsafeBytes { try receiver.send($0, to: loopback) }
                #expect(isSent)
            }
            // The kernel may hand over what loopback carries only when its softirq thread has the turn.
            let deadline = Monotonic.now + 10_000_000_000
            while try receiver.droppedCount() == 0, Monotonic.now < deadline { Monotonic.sleep(milliseconds: 1) }
            var buffer = [UInt8](repeating: 0, count: 2000)
            var taken = 0
            repeat {
                while try buffer.withUnsafeMutableBytes({ try receiver.receive(into: $0) }) != nil { taken += 1 }
            } while try taken + Int(receiver.droppedCount()) < 200 && Monotonic.now < deadline
            #expect(taken > 0 && taken < 200)
            #expect(try Int(receiver.droppedCount()) == 200 - taken)
        }
    }
}
