// The elements of sets and what was counted: the one listing that may be long.

internal import CMnl
public import Net
public import Rtnetlink

/// Packets and their bytes, IP header included.
public struct PacketCount: Hashable, Sendable {
    public var packets: UInt64
    public var bytes: UInt64

    /// A count.
    public init(packets: UInt64 = 0, bytes: UInt64 = 0) {
        self.packets = packets
        self.bytes = bytes
    }
}

extension TableSocket {
    /// What the elements of a set of addresses have counted; a kernel before 5.7 counts nothing there.
    public mutating func counts(ofSet set: String, in table: String) throws(NetlinkError) -> [IPv4Address: PacketCount]
    {
        var counts: [IPv4Address: PacketCount] = [:]
        try eachElement(of: set, in: table, onRestart: { counts = [:] }) { element in
            guard let key = element.key else { return }
            counts[IPv4Address(rawValue: UInt32(truncatingIfNeeded: key))] = element.count ?? PacketCount()
        }
        return counts
    }

    /// What the named counters of a table have counted.
    public mutating func counts(in table: String) throws(NetlinkError) -> [String: PacketCount] {
        var request = RequestBuffer()
        request.append(type: TableMessage.getObject, flags: MessageFlag.dump) { request in
            request.put(nfgenmsg.ipv4)
            request.put(number(NFTA_OBJ_TABLE), table)
        }
        var counts: [String: PacketCount] = [:]
        let object = "the counters of table ip \(table)"
        try netlink.list(&request, operation: "list", object: object, onRestart: { counts = [:] }) { message in
            let fields = Fields(message)
            guard fields.text(NFTA_OBJ_TABLE) == table, fields[NFTA_OBJ_TYPE] == UInt32(NFT_OBJECT_COUNTER),
                let name = fields.text(NFTA_OBJ_NAME), let data = fields.inside(NFTA_OBJ_DATA)
            else { return }
            counts[name] = PacketCount(data)
        }
        return counts
    }

    /// The elements of a set, ascending.
    mutating func elements(of set: ElementSet, in table: String) throws(NetlinkError) -> [UInt64] {
        var keys: [UInt64] = []
        var ends: [UInt64] = []
        try eachElement(of: set.name, in: table, onRestart: { (keys, ends) = ([], []) }) { element in
            guard let key = element.key else { return }
            if element.isEnd { ends.append(key) } else { keys.append(key) }
        }
        keys.sort()
        if set.kind == .ranges { return ElementSet.ranges(starts: keys, ends: ends.sorted()) }
        // While the kernel resizes a large set, its listing can tell of an element twice (`rhashtable_walk_next`).
        var unique: [UInt64] = []
        unique.reserveCapacity(keys.count)
        for key in keys where key != unique.last { unique.append(key) }
        return unique
    }

    private mutating func eachElement(
        of set: String, in table: String, onRestart: () -> Void, _ body: (Element) -> Void
    ) throws(NetlinkError) {
        var request = RequestBuffer()
        request.append(type: TableMessage.getElements, flags: MessageFlag.dump) { request in
            request.put(nfgenmsg.ipv4)
            request.put(number(NFTA_SET_ELEM_LIST_TABLE), table)
            request.put(number(NFTA_SET_ELEM_LIST_SET), set)
        }
        let object = "set \(set) of table ip \(table)"
        try netlink.list(&request, operation: "list", object: object, onRestart: onRestart) { message in
            var attributes = message.attributes(at: MemoryLayout<nfgenmsg>.size)
            while let attribute = attributes.next() {
                guard attribute.type == number(NFTA_SET_ELEM_LIST_ELEMENTS) else { continue }
                var elements = attribute.nested()
                while let element = elements.next() { body(Element(attribute: element)) }
            }
        }
    }
}

/// One element of a set, read where it lies.
private struct Element {
    var attribute: Attribute

    /// The key, of four bytes or of eight.
    var key: UInt64? {
        var parts = attribute.nested()
        while let part = parts.next() {
            guard part.type == number(NFTA_SET_ELEM_KEY) else { continue }
            var values = part.nested()
            guard let value = values.next() else { return nil }
            return value.bigEndian64 ?? value.bigEndian32.map { UInt64($0) }
        }
        return nil
    }

    /// Whether it is the first address behind a range.
    var isEnd: Bool {
        var parts = attribute.nested()
        while let part = parts.next() {
            guard part.type == number(NFTA_SET_ELEM_FLAGS) else { continue }
            return (part.bigEndian32 ?? 0) & UInt32(NFT_SET_ELEM_INTERVAL_END.rawValue) != 0
        }
        return false
    }

    /// What it has counted; nil where it does not count.
    var count: PacketCount? {
        let fields = Fields(attribute.nested())
        // Several expressions are a list (5.11), one is itself.
        var list = fields.attribute(NFTA_SET_ELEM_EXPRESSIONS)?.nested()
        let expression = list?.next().map { Fields($0.nested()) } ?? fields.inside(NFTA_SET_ELEM_EXPR)
        guard let expression, expression.text(NFTA_EXPR_NAME) == "counter",
            let data = expression.inside(NFTA_EXPR_DATA)
        else { return nil }
        return PacketCount(data)
    }
}

extension PacketCount {
    /// From the attributes of a counter.
    init(_ fields: Fields) {
        self.init(
            packets: fields.attribute(NFTA_COUNTER_PACKETS)?.bigEndian64 ?? 0,
            bytes: fields.attribute(NFTA_COUNTER_BYTES)?.bigEndian64 ?? 0)
    }
}

extension ElementSet {
    /// Ranges from their first addresses and the addresses behind them; an open one ends with the last address there is.
    static func ranges(starts: [UInt64], ends: [UInt64]) -> [UInt64] {
        var ranges: [UInt64] = []
        var next = 0
        for (index, start) in starts.enumerated() {
            while next < ends.count && ends[next] <= start { next += 1 }
            let following = index + 1 < starts.count ? starts[index + 1] : 1 << 32
            let end = next < ends.count ? min(ends[next], following) : following
            ranges.append(start << 32 | end - 1)
        }
        return ranges
    }
}
