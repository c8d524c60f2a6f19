// The host's filter table: read only when something has changed in nf_tables, changed by the difference alone.

internal import Net
internal import Nftables
public import Overlay
public import Rtnetlink

/// What a look at the packet filter has shown.
public struct FilterObservation: Hashable, Sendable {
    /// What our table does, as far as it can be understood; empty where there is none.
    public var filter = HostFilter()
    /// Whether the table is exactly as we make it for ``filter``.
    public var isIntact = true
    /// Why there can be no table; nil where there can.
    public var obstacle: String?
}

/// Reads and changes `table ip poplin`.
public struct FilterTable: ~Copyable, Sendable {
    /// Nil where the kernel has no netfilter, or would not open it.
    private var socket: TableSocket?
    /// Why there is no socket.
    private let refusal: NetlinkError?
    /// As of ``generation``.
    private var table: Table?
    /// What ``table`` does; of 65,000 elements it takes time to tell, and an idle walk asks as well.
    private var meaning: FilterObservation?
    private var generation: UInt32?
    /// Whether this kernel has taken a table of family `ip`.
    private var isKnownToWork = false

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

    /// Tells what the table does, and whether it is exactly as it should be for that.
    ///
    /// - Returns: nil where the caller may not ask (without `CAP_NET_ADMIN`).
    /// - Throws: ``NetlinkError`` where the table changed while it was read, each time it was tried.
    public mutating func observe() throws(NetlinkError) -> FilterObservation? {
        do throws(NetlinkError) {
            if let refusal { throw refusal }
            try refresh()
        } catch {
            guard !error.needsResync else { throw error }
            return error.meansNotPermitted
                ? nil : FilterObservation(obstacle: "this kernel has no nf_tables (\(error.reason))")
        }
        if let meaning { return meaning }
        if !isKnownToWork { isKnownToWork = socket?.takesTables() ?? false }
        return FilterObservation(
            obstacle: isKnownToWork ? nil : "this kernel's nf_tables has no IPv4 (CONFIG_NF_TABLES_IPV4)")
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
        meaning = table.map { table in
            let filter = FilterLayout.parse(table)
            return FilterObservation(filter: filter, isIntact: FilterLayout.render(filter) == table)
        }
        generation = current
    }
}
