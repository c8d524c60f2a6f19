// Why a benchmark cannot go on, in one line.

/// What, where, why, and what to do.
public struct BenchFailure: Error, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}
