// The status socket: whoever connects gets one JSON document, and the connection is closed.

internal import Datastore
internal import LinuxSystem
internal import Logging
internal import Synchronization

/// Serves the status socket.
enum StatusServer {
    private static let timeoutMilliseconds: Int32 = 5000
    /// Clients served at a time; a further one finds its connection closed.
    private static let maximumClients = 16
    private static let clients = Atomic<Int>(0)
    /// From this many bytes on, what making the report has taken is worth giving back to the kernel.
    private static let largeReport = 1 << 18

    /// Sends the report on a thread of its own, so that a client that does not read holds up nothing.
    static func answer(_ client: consuming Descriptor, with report: StatusReport, log: Logger) {
        guard clients.load(ordering: .relaxed) < maximumClients else { return }
        do {
            let bytes = try JSON.encode(report)
            if bytes.count >= largeReport { Memory.returnFreed() }
            let connection = Connection(client)
            clients.add(1, ordering: .relaxed)
            do {
                _ = try SystemThread.start(name: "poplin-status") {
                    // A client that went away has nothing to be told.
                    try? connection.descriptor.writeAll(bytes, timeoutMilliseconds: timeoutMilliseconds)
                    clients.subtract(1, ordering: .relaxed)
                }
            } catch {
                clients.subtract(1, ordering: .relaxed)
                throw error
            }
        } catch {
            log.error("status could not be given out: \(error)")
        }
    }

    /// A client's descriptor on its way to its thread; closed with the last reference, whatever happens.
    private final class Connection: Sendable {
        let descriptor: Descriptor

        init(_ descriptor: consuming Descriptor) {
            self.descriptor = descriptor
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
