// The host's filter table: read only when something has changed in nf_tables, changed by the difference alone.

internal import Net
internal import Nftables
public import Overlay
public import Rtnetlink

/// Reads and changes `table ip poplin`.
public struct FilterTable: ~Copyable, Sendable {
    /// Nil where the kernel has no netfilter, or would not open it.
    private var socket: TableSocket?
    /// Why there is no socket.
    private let refusal: NetlinkError?
    /// As of ``generation``.
    private var table: Table?
    private var generation: UInt32?

    /// A table in the calling thread's network namespace.
    public init() {
        do throws(NetlinkError) {
            socket = try TableSocket()
            refusal = nil
        } catch {
            socket = nil
            refusal = error
        }
    }

    /// The port by which the kernel names our own changes; 0 where there can be none.
    public var portID: UInt32 {
        switch socket {
        case .some(let socket): socket.portID
        case .none: 0
        }
    }

    /// Tells what the table does, and whether it is exactly as it should be for that. A kernel without nf_tables has no
    /// table.
    ///
    /// - Returns: nil where the caller may not ask (without `CAP_NET_ADMIN`).
    /// - Throws: ``NetlinkError`` where the table changed while it was read, each time it was tried.
    public mutating func observe() throws(NetlinkError) -> (filter: HostFilter, isIntact: Bool)? {
        do throws(NetlinkError) {
            try refresh()
        } catch {
            guard !error.needsResync else { throw error }
            guard !error.meansNotPermitted else { return nil }
            // What cannot be asked for is not there; who wants it is told why by `set`.
            return (HostFilter(), true)
        }
        guard let table else { return (HostFilter(), true) }
        let filter = FilterLayout.parse(table)
        return (filter, FilterLayout.render(filter) == table)
    }

    /// Makes the table what `filter` asks for, or takes it away, in one transaction.
    ///
    /// - Throws: ``NetlinkError`` with the reason; nothing has changed then.
    public mutating func set(_ filter: HostFilter) throws(NetlinkError) {
        if let refusal { throw refusal }
        try refresh()
        let wanted = FilterLayout.render(filter)
        // Whatever becomes of it, what is known is old.
        let present = table
        generation = nil
        try socket?.change(HostFilter.tableName, from: present, to: wanted)
    }

    private mutating func refresh() throws(NetlinkError) {
        guard let current = try socket?.generation() else { return }
        guard current != generation else { return }
        generation = nil
        table = try socket?.read(HostFilter.tableName)
        generation = current
    }
}
