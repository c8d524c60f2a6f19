// Which kernel runs, as two numbers that can be compared: for faults that were mended in a known version.

/// A kernel's version.
public struct KernelVersion: Hashable, Sendable, Comparable {
    public var major: Int
    public var minor: Int

    /// A version.
    public init(_ major: Int, _ minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// Reads the beginning of a release (`5.10.0-21-amd64`); nil where there are no two numbers.
    public init?(release: String) {
        let parts = release.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count >= 2, let major = Int(parts[0]), let minor = Int(parts[1].prefix(while: \.isNumber)) else {
            return nil
        }
        self.init(major, minor)
    }

    public static func < (left: KernelVersion, right: KernelVersion) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }
}
