// What `poplin status` shows: a value made from the same desired state and observation that were applied.

/// The agent's state, as the status socket gives it out. Keys are stable; absent values are null.
public struct StatusReport: Codable, Hashable, Sendable {
    /// The tunnel device.
    public struct Tunnel: Codable, Hashable, Sendable {
        public var device: String
        public var mtu: Int
        @Nullable public var address: String?
        /// Whether the tier carries the device's packets.
        public var isCarried: Bool
        /// Which peers the tier accepts packets from, as `TunnelPeer.fingerprint` tells them; null before the first.
        @Nullable public var peersInForce: String?
        public var icmp: ICMP

        private enum CodingKeys: String, CodingKey {
            case device, mtu, address, peersInForce, icmp
            case isCarried = "carried"
        }
    }

    /// What became of ICMP errors about outer packets, since the start.
    public struct ICMP: Codable, Hashable, Sendable {
        /// Told to inner senders.
        public var relayed: UInt64
        /// Not told, for the rate.
        public var limited: UInt64
        /// Not believed, or nobody is told of their kind.
        public var ignored: UInt64
        /// Those by which a known path MTU fell.
        public var learnt: UInt64
    }

    /// Another node.
    public struct Peer: Codable, Hashable, Sendable {
        public var node: String
        public var address: String
        @Nullable public var tunnelAddress: String?
        public var verdict: String
        public var reason: String
        /// How outer packets leave, `socket`, `frame`, `redirect` or `kernel` (the kernel tier); null where none are sent to this node.
        @Nullable public var outer: String?
        /// Why, as ``OuterReason`` names it.
        @Nullable public var outerReason: String?
        public var blocks: [String]
        public var txPackets: UInt64
        public var txBytes: UInt64
        public var rxPackets: UInt64
        public var rxBytes: UInt64
        /// Bytes of the largest outer packet that comes through, where ICMP or the kernel has told; null where not.
        @Nullable public var pathMTU: Int?
        /// Seconds until that is forgotten, unless it is confirmed.
        @Nullable public var pathMTUExpiresIn: Int?
    }

    /// A route of somebody else in the way of one of ours.
    public struct Conflict: Codable, Hashable, Sendable {
        public var destination: String
        public var `protocol`: Int
        /// Who made it, where that is known: `felix`, `bird`, `flannel`, `kube-router`.
        @Nullable public var predecessor: String?
    }

    /// How many routes should be there and how many are.
    public struct Routes: Codable, Hashable, Sendable {
        public var desired: Int
        public var installed: Int
        public var conflicts: [Conflict]
    }

    /// A warning with its code.
    public struct Notice: Codable, Hashable, Sendable {
        public var code: String
        public var message: String

        /// A notice.
        public init(code: String, message: String) {
            self.code = code
            self.message = message
        }
    }

    public var node: String
    public var address: String
    public var pid: Int32
    public var tier: String
    public var tierReason: String
    public var ready: Bool
    public var notReadyBecause: [String]
    public var tunnel: Tunnel
    public var peers: [Peer]
    public var routes: Routes
    public var drops: [String: UInt64]
    /// RFC 3339, UTC.
    @Nullable public var lastResync: String?
    public var warnings: [Notice]
    public var notes: [String]
}
