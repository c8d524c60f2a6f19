// Traffic that goes on while something happens: as much of it as the kernel under test can carry without losing any.

import Foundation
import Lab

/// How much slower than usual the packets of a load follow each other: a kernel that runs as a program, on one
/// processor, has queues that overflow under what another one does not notice. What is expected stays the same.
let loadFactor: Int = {
    let value = ProcessInfo.processInfo.environment["POPLIN_TEST_LOAD_FACTOR"] ?? "1"
    guard let factor = Int(value), factor > 0 else { preconditionFailure("POPLIN_TEST_LOAD_FACTOR is '\(value)'") }
    return factor
}()

extension Lab {
    /// Pings until they are stopped, once a millisecond times the load factor.
    func startSteadyPing(from source: String, to destination: String) throws -> Pinger {
        try startPing(from: source, to: destination, intervalMilliseconds: loadFactor)
    }

    /// Sends over TCP until it is stopped.
    ///
    /// - Parameter bytesPerSecond: divided by the load factor.
    func startSteadyTransfer(
        from source: String, to destination: String, bytesPerSecond: Int
    ) throws -> StreamTraffic {
        try startTransfer(from: source, to: destination, bytesPerSecond: bytesPerSecond / loadFactor)
    }
}
