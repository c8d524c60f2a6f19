// The packet filter's chains, asked of nf_tables itself: which of them a locally sent packet meets.

internal import CMnl
internal import Glibc

/// A base chain of nf_tables: one that packets meet at a hook of the kernel. `iptables-nft` makes them too.
public struct FilterChain: Hashable, Sendable {
    /// What packets a chain is for (`NFPROTO_*`).
    public enum Family: Hashable, Sendable {
        case ip, inet, netdev
        /// One that IPv4 packets do not meet, or that is not known here.
        case other(UInt8)
    }

    public var family: Family
    public var table: String
    public var name: String
    /// The hook's number, which depends on the family: `NF_INET_*` or `NF_NETDEV_*`.
    public var hook: UInt32
    /// Whether what no rule decides on is dropped.
    public var dropsByDefault: Bool
    public var ruleCount: Int

    /// A chain.
    public init(
        family: Family, table: String, name: String, hook: UInt32, dropsByDefault: Bool = false, ruleCount: Int = 0
    ) {
        self.family = family
        self.table = table
        self.name = name
        self.hook = hook
        self.dropsByDefault = dropsByDefault
        self.ruleCount = ruleCount
    }

    /// Whether IPv4 packets that this host sends meet it: on the hooks output and postrouting, or on a device's egress.
    public var seesSentPackets: Bool {
        switch family {
        case .ip, .inet: hook == UInt32(NF_INET_LOCAL_OUT.rawValue) || hook == UInt32(NF_INET_POST_ROUTING.rawValue)
        case .netdev: hook == UInt32(NF_NETDEV_EGRESS.rawValue)
        case .other: false
        }
    }

    /// Whether it can make a difference to a packet: an empty chain that accepts cannot.
    public var isEffective: Bool { ruleCount > 0 || dropsByDefault }

    /// Decodes `NFT_MSG_NEWCHAIN`; nil for a chain without a hook and for a truncated message.
    init?(_ message: Message) {
        guard let header = message.fixed(nfgenmsg.self) else { return nil }
        self.init(family: Family(number: header.nfgen_family), table: "", name: "", hook: 0)
        var hook: UInt32?
        var attributes = message.attributes(at: MemoryLayout<nfgenmsg>.size)
        while let attribute = attributes.next() {
            switch attribute.type {
            case FilterChainAttribute.table: table = attribute.text
            case FilterChainAttribute.name: name = attribute.text
            case FilterChainAttribute.policy: dropsByDefault = attribute.bigEndian32 == UInt32(NF_DROP)
            // Of a base chain, which nothing can jump to, these are its rules.
            case FilterChainAttribute.use: ruleCount = Int(attribute.bigEndian32 ?? 0)
            case FilterChainAttribute.hook:
                var inside = attribute.nested()
                while let entry = inside.next() {
                    if entry.type == FilterChainAttribute.hookNumber { hook = entry.bigEndian32 }
                }
            default: break
            }
        }
        guard attributes.isExhausted, let hook else { return nil }
        self.hook = hook
    }
}

extension FilterChain.Family {
    fileprivate init(number: UInt8) {
        switch Int(number) {
        case Int(NFPROTO_IPV4): self = .ip
        case Int(NFPROTO_INET): self = .inet
        case Int(NFPROTO_NETDEV): self = .netdev
        default: self = .other(number)
        }
    }
}

extension FilterChain: CustomStringConvertible {
    /// As nft would name it: `chain output of table inet filter`.
    public var description: String {
        let words =
            switch family {
            case .ip: "ip"
            case .inet: "inet"
            case .netdev: "netdev"
            case .other(let number): "family \(number)"
            }
        return "chain \(name) of table \(words) \(table)"
    }

    /// The base chains of the calling thread's network namespace. A kernel without nf_tables has none; one that has it
    /// as a module loads it for this question.
    ///
    /// - Throws: ``NetlinkError``, `EPERM` without `CAP_NET_ADMIN`.
    public static func list() throws(NetlinkError) -> [FilterChain] {
        do throws(NetlinkError) {
            var socket = NetlinkSocket(try Endpoint(NETLINK_NETFILTER))
            var request = RequestBuffer()
            request.append(type: FilterMessageType.getChain, flags: MessageFlag.dump) { $0.put(nfgenmsg()) }
            let chains: [FilterChain?] = try socket.list(&request, operation: "list filter chains") { FilterChain($0) }
            return chains.compactMap { $0 }
        } catch {
            // No such netlink family, or nothing in it that answers for nf_tables.
            if error.kind == .refused && [EPROTONOSUPPORT, EINVAL, EOPNOTSUPP].contains(error.code) { return [] }
            throw error
        }
    }
}
