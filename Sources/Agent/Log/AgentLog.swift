// The agent's log: one line an event on standard error, for people and for the journal alike.

internal import FoundationEssentials
internal import LinuxSystem
public import Logging

/// A log handler that writes `TIME LEVEL message key=value`.
public struct AgentLog: LogHandler {
    public var metadata: Logger.Metadata = [:]
    public var logLevel: Logger.Level = .info

    /// The agent's logger.
    public static func logger() -> Logger {
        Logger(label: "poplin") { _ in AgentLog() }
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        let details = metadata.merging(event.metadata ?? [:]) { _, new in new }
            .sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        let time = Date.now.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        let level = event.level.rawValue.uppercased()
        // One event is one line, whatever names it holds; a log that cannot be written is no reason to stop.
        let text = "\(event.message)\(details)".split(whereSeparator: \.isNewline).joined(separator: " | ")
        try? StandardStream.error.write("\(time) \(level) \(text)\n")
    }
}
