// Path MTUs as soft state (RFC 1191 section 6.3): each only falls until it has aged, and then it is forgotten.

internal import Net

/// What was learnt of the paths to the peers. Times are nanoseconds of the monotonic clock.
struct PathMTUTable {
    /// A learnt path MTU.
    struct Entry: Hashable {
        /// Bytes of the largest outer packet that comes through.
        var mtu: UInt16
        /// When it is forgotten, so that a packet may try whether the path is wider again.
        var expires: UInt64
    }

    /// How long a decrease holds: RFC 1191 section 6.3 recommends ten minutes, and `net.ipv4.route.mtu_expires` is that.
    static let lifetime: UInt64 = 600_000_000_000
    /// Every IPv4 link carries that much: RFC 791, RFC 1191 section 3.
    static let minimum: UInt16 = 68

    private(set) var entries: [IPv4Address: Entry] = [:]

    /// The path MTUs by the peers' outer addresses.
    var mtus: [IPv4Address: UInt16] { entries.mapValues(\.mtu) }

    /// When the first entry is due to be forgotten; nil where there is none.
    var nextExpiry: UInt64? { entries.values.lazy.map(\.expires).min() }

    /// Takes a report that packets of more than `mtu` bytes do not reach `peer`.
    ///
    /// One that confirms what is known lets it live on, and a larger one says nothing new: an older packet's, or a
    /// router's before the narrowest.
    ///
    /// - Returns: whether the known path MTU has fallen.
    mutating func learn(_ mtu: UInt16, to peer: IPv4Address, now: UInt64) -> Bool {
        let mtu = max(mtu, Self.minimum)
        let known = entries[peer].flatMap { $0.expires > now ? $0.mtu : nil }
        if let known, known < mtu { return false }
        entries[peer] = Entry(mtu: mtu, expires: now + Self.lifetime)
        return known != mtu
    }

    /// Forgets what has aged.
    mutating func expire(now: UInt64) {
        guard let next = nextExpiry, next <= now else { return }
        entries = entries.filter { $0.value.expires > now }
    }

    /// Forgets what was learnt of everybody who is no peer any more.
    mutating func keep(where isPeer: (IPv4Address) -> Bool) {
        guard !entries.isEmpty else { return }
        entries = entries.filter { isPeer($0.key) }
    }
}
