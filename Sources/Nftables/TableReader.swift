// Reads one table whole, each kind of object with a listing of its own.

internal import CMnl
internal import Glibc
public import Rtnetlink

/// A socket to nf_tables, through which tables of family `ip` are read and changed.
public struct TableSocket: ~Copyable, Sendable {
    var netlink: NetlinkSocket

    /// Opens a socket in the calling thread's network namespace, where it stays.
    ///
    /// - Throws: ``NetlinkError``, `EPROTONOSUPPORT` where the kernel has no netfilter.
    public init() throws(NetlinkError) {
        netlink = NetlinkSocket(try Endpoint(NETLINK_NETFILTER))
    }

    /// The socket's address, by which a monitor knows the echo of its changes.
    public var portID: UInt32 { netlink.portID }

    /// The number of the latest transaction of this network namespace, whoever made it and in whichever table. A kernel
    /// that has nf_tables as a module loads it for this question.
    ///
    /// - Throws: ``NetlinkError``, `EINVAL` or `EOPNOTSUPP` where the kernel has no nf_tables.
    public mutating func generation() throws(NetlinkError) -> UInt32 {
        var request = RequestBuffer()
        request.append(type: TableMessage.getGeneration, flags: MessageFlag.acknowledge) { $0.put(nfgenmsg.ipv4) }
        do throws(NetlinkError) {
            return try netlink.ask(&request) { Fields($0)[NFTA_GEN_ID] } ?? 0
        } catch {
            throw error.saying("ask for the generation of nf_tables", of: "")
        }
    }

    /// The table of this name; nil where there is none.
    public mutating func read(_ name: String) throws(NetlinkError) -> Table? {
        var request = RequestBuffer()
        request.append(type: TableMessage.getTable, flags: MessageFlag.acknowledge) { request in
            request.put(nfgenmsg.ipv4)
            request.put(number(NFTA_TABLE_NAME), name)
        }
        var table = Table()
        do throws(NetlinkError) {
            guard let flags = try netlink.ask(&request, absent: ENOENT, decode: { Fields($0)[NFTA_TABLE_FLAGS] ?? 0 })
            else { return nil }
            table.hasForeignDetail = flags != 0
        } catch {
            throw error.saying("read", of: "table ip \(name)")
        }
        let objects = try list(TableMessage.getObject, NFTA_OBJ_TABLE, of: name) { fields in
            (fields.text(NFTA_OBJ_NAME) ?? "", fields[NFTA_OBJ_TYPE] == UInt32(NFT_OBJECT_COUNTER))
        }
        table.counters = objects.filter(\.1).map(\.0).sorted()
        let sets = try list(TableMessage.getSet, NFTA_SET_TABLE, of: name) { ElementSet($0) }
        table.hasForeignDetail =
            table.hasForeignDetail || objects.contains { !$0.1 } || sets.contains { $0 == nil }
        for var set in sets.compactMap({ $0 }) {
            set.elements = try elements(of: set, in: name)
            table.sets.append(set)
        }
        table.sets.sort { $0.name < $1.name }
        table.chains = try list(TableMessage.getChain, NFTA_CHAIN_TABLE, of: name) { Chain($0) }
            .sorted { $0.name < $1.name }
        let rules = try list(TableMessage.getRule, NFTA_RULE_TABLE, of: name) { fields in
            (fields.text(NFTA_RULE_CHAIN) ?? "", Self.expressions(fields))
        }
        let places = Dictionary(uniqueKeysWithValues: table.chains.enumerated().map { ($1.name, $0) })
        for (chain, expressions) in rules {
            if let place = places[chain] { table.chains[place].rules.append(expressions) }
        }
        return table
    }

    /// Lists the objects of one kind that a table holds; old kernels list those of the other tables as well.
    private mutating func list<Item>(
        _ type: UInt16, _ tableAttribute: some RawRepresentable<UInt32>, of table: String, decode: (Fields) -> Item
    ) throws(NetlinkError) -> [Item] {
        var request = RequestBuffer()
        request.append(type: type, flags: MessageFlag.dump) { request in
            request.put(nfgenmsg.ipv4)
            request.put(number(tableAttribute), table)
        }
        var items: [Item] = []
        let object = "table ip \(table)"
        try netlink.list(&request, operation: "list", object: object, onRestart: { items = [] }) { message in
            let fields = Fields(message)
            guard message.fixed(nfgenmsg.self)?.nfgen_family == UInt8(NFPROTO_IPV4),
                fields.text(tableAttribute) == table
            else { return }
            items.append(decode(fields))
        }
        return items
    }

    private static func expressions(_ rule: Fields) -> [Expression] {
        var found: [Expression] = []
        guard var list = rule.attribute(NFTA_RULE_EXPRESSIONS)?.nested() else { return [] }
        while let part = list.next() { found.append(Expression(part)) }
        return found
    }
}

extension NetlinkError {
    /// The same failure in the words of this room.
    fileprivate func saying(_ operation: String, of object: String) -> NetlinkError {
        var failure = self
        (failure.operation, failure.object) = (operation, object)
        return failure
    }
}

extension ElementSet {
    /// Decodes a set without its elements; nil for one of a kind that is not used here.
    init?(_ fields: Fields) {
        guard let name = fields.text(NFTA_SET_NAME), let length = fields[NFTA_SET_KEY_LEN] else { return nil }
        let flags = (fields[NFTA_SET_FLAGS] ?? 0) & ~UInt32(NFT_SET_EXPR.rawValue)
        switch (length, flags) {
        case (4, 0): self.init(name, .addresses)
        case (8, 0): self.init(name, .addressPairs)
        case (4, UInt32(NFT_SET_INTERVAL.rawValue)): self.init(name, .ranges)
        default: return nil
        }
    }
}

extension Chain {
    /// Decodes a chain without its rules.
    init(_ fields: Fields) {
        self.init(fields.text(NFTA_CHAIN_NAME) ?? "")
        guard let hook = fields.inside(NFTA_CHAIN_HOOK) else { return }
        self.hook = Hook(
            type: fields.text(NFTA_CHAIN_TYPE) ?? "", number: hook[NFTA_HOOK_HOOKNUM] ?? .max,
            priority: Int32(bitPattern: hook[NFTA_HOOK_PRIORITY] ?? 0),
            dropsByDefault: fields[NFTA_CHAIN_POLICY] == UInt32(NF_DROP))
    }
}
