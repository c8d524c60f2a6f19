// One thing that `poplin check` found out about the host.

/// A finding with its remedy.
public struct HostFinding: Hashable, Sendable, Encodable {
    /// How bad it is.
    public enum Level: String, Hashable, Sendable, Encodable, CaseIterable {
        /// As it should be, or of no harm.
        case ok
        /// Works, or may work; a person should know.
        case warn
        /// Packets will not pass, or the agent cannot start.
        case fail
    }

    /// What was looked at; stable, for scripts.
    public let name: String
    public let level: Level
    /// What was found, in one line.
    public let detail: String
    /// What to do about it; empty where there is nothing to do.
    public let remedy: String

    /// A finding.
    public init(_ name: String, _ level: Level, _ detail: String, remedy: String = "") {
        self.name = name
        self.level = level
        self.detail = detail
        self.remedy = remedy
    }
}
