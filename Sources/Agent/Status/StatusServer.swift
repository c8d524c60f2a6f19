// The status socket: whoever connects gets one JSON document, and the connection is closed.

internal import LinuxSystem
internal import Logging

/// Serves the status socket.
enum StatusServer {
    private static let timeoutMilliseconds: Int32 = 5000

    /// Sends the report on a thread of its own, so that a client that does not read holds up nothing.
    static func answer(_ client: consuming Descriptor, with report: StatusReport, log: Logger) {
        do {
            let bytes = try JSON.encode(report)
            let number = client.release()
            _ = try SystemThread.start(name: "poplin-status") {
                let owned = Descriptor(owning: number)
                // A client that went away has nothing to be told.
                try? owned.writeAll(bytes, timeoutMilliseconds: timeoutMilliseconds)
            }
        } catch {
            log.error("status could not be given out: \(error)")
        }
    }
}

/// Asks a running agent.
public enum StatusClient {
    /// The agent's report; nil where no agent listens.
    ///
    /// - Throws: ``StatusError`` where an agent is there but its answer cannot be had.
    public static func ask(_ path: String) throws(StatusError) -> StatusReport? {
        let connection: Descriptor
        do throws(SyscallError) {
            connection = try UnixSocket.connect(path)
        } catch {
            guard !error.meansNobodyListens else { return nil }
            throw StatusError(message: "\(path): the agent cannot be asked: \(error.reason)")
        }
        do {
            let bytes = try connection.readAll(limit: 64 << 20, timeoutMilliseconds: 10_000)
            return try JSON.decode(StatusReport.self, from: bytes)
        } catch {
            throw StatusError(message: "\(path): the agent's answer cannot be read: \(error)")
        }
    }
}

/// A running agent could not be asked.
public struct StatusError: Error, Hashable, Sendable, CustomStringConvertible {
    let message: String
    public var description: String { message }
}
