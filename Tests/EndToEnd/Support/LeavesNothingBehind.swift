// After every test the host is as it was before: namespaces, devices, routes, processes, descriptors, files.

import LinuxSystem
import Testing

/// Compares the host before and after each test case.
struct LeavesNothingBehind: TestTrait, SuiteTrait, TestScoping {
    var isRecursive: Bool { true }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        let before = try HostInventory.take()
        let result: Result<Void, any Error>
        do {
            try await function()
            result = .success(())
        } catch {
            result = .failure(error)
        }
        // Suites of other targets run beside these and have things of their own for a while, benchmarks for the longest:
        // what counts is what stays. Threads of a lab that let go of their sockets some milliseconds late are given the
        // time as well.
        var left = try HostInventory.take().subtracting(before)
        let deadline = Monotonic.now + 300_000_000_000
        while !left.isEmpty && Monotonic.now < deadline {
            Monotonic.sleep(milliseconds: 5)
            left.formIntersection(try HostInventory.take())
        }
        if !left.isEmpty {
            Issue.record("left behind: \(left.sorted().joined(separator: ", "))", sourceLocation: test.sourceLocation)
        }
        try result.get()
    }
}

extension Trait where Self == LeavesNothingBehind {
    /// Every test case is followed by a look at the host.
    static var leavesNothingBehind: Self { LeavesNothingBehind() }
}
