// What the lab reads of an agent's status document; it knows no more of the agent than any client does.

internal import FoundationEssentials
internal import LinuxSystem

/// An agent's answer on its status socket, as far as the lab uses it.
public struct AgentStatus: Codable, Hashable, Sendable {
    /// The tunnel device.
    public struct Tunnel: Codable, Hashable, Sendable {
        public var device: String
        public var mtu: Int?
        public var address: String?
        /// What became of ICMP about outer packets, by kind.
        public var icmp: [String: UInt64]?
    }

    /// Another node, as the agent sees it.
    public struct Peer: Codable, Hashable, Sendable {
        public var node: String
        public var address: String
        public var verdict: String
        public var reason: String
        /// `socket` or `frame`; nil where nothing is tunnelled there, or from an agent that does not tell.
        public var outer: String?
        public var outerReason: String?
        public var blocks: [String]
        public var txPackets: UInt64
        public var txBytes: UInt64
        public var rxPackets: UInt64
        public var rxBytes: UInt64
        /// Learnt, in bytes of an outer packet.
        public var pathMTU: Int?
        /// In seconds.
        public var pathMTUExpiresIn: Int?
    }

    /// A route of somebody else in the way of one of ours.
    public struct Conflict: Codable, Hashable, Sendable {
        public var destination: String
        public var predecessor: String?
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
    }

    public var node: String
    public var address: String
    public var pid: Int32?
    public var tier: String
    public var tierReason: String
    public var ready: Bool
    public var notReadyBecause: [String]
    public var tunnel: Tunnel?
    public var peers: [Peer]
    public var routes: Routes?
    public var drops: [String: UInt64]?
    public var warnings: [Notice]?

    /// The verdict for a peer; nil where the agent does not know it.
    public func peer(_ name: String) -> Peer? { peers.first { $0.node == name } }

    /// Reads one document.
    public init(json: [UInt8]) throws {
        self = try JSONDecoder().decode(AgentStatus.self, from: Data(json))
    }

    /// Asks the agent that listens at a path; nil where nobody does.
    ///
    /// - Throws: where an answer comes but is not a status document.
    static func ask(_ path: String, timeoutMilliseconds: Int32) throws -> AgentStatus? {
        let connection: Descriptor
        do throws(SyscallError) {
            connection = try UnixSocket.connect(path)
        } catch {
            return nil
        }
        let bytes = try connection.readAll(limit: 64 << 20, timeoutMilliseconds: timeoutMilliseconds)
        // An agent that ends closes the socket without a word.
        return bytes.isEmpty ? nil : try AgentStatus(json: bytes)
    }
}
