// A wish to end that every wait in the lab looks at, so that Ctrl-C leads to an orderly clean-up.

internal import Synchronization

/// A flag that is set once, from any thread.
public final class Interruption: Sendable {
    private let flag = Atomic<Bool>(false)

    /// Not interrupted yet.
    public init() {}

    /// Whether an end was asked for.
    public var isRequested: Bool { flag.load(ordering: .acquiring) }

    /// Asks for an end; waits in progress throw ``LabError/interrupted`` within about 100 ms.
    public func request() {
        flag.store(true, ordering: .releasing)
    }

    /// - Throws: ``LabError/interrupted`` once an end was asked for.
    public func check() throws(LabError) {
        if isRequested { throw .interrupted }
    }
}
