// Whole listings of the kernel's state; one that changed while it was read is read again.

internal import CMnl
internal import Glibc
internal import Net

extension NetlinkSocket {
    /// How often an interrupted listing is tried before the caller hears of it.
    static let dumpAttempts = 5

    /// All devices of the namespace.
    public mutating func links() throws(NetlinkError) -> [LinkMessage] {
        var request = RequestBuffer()
        request.append(type: MessageType.getLink, flags: MessageFlag.dump) { $0.put(ifinfomsg()) }
        return try list(&request, operation: "list links") { LinkMessage($0) }
    }

    /// All IPv4 addresses of the namespace.
    public mutating func addresses() throws(NetlinkError) -> [AddressMessage] {
        var header = ifaddrmsg()
        header.ifa_family = ipv4Family
        var request = RequestBuffer()
        request.append(type: MessageType.getAddress, flags: MessageFlag.dump) { $0.put(header) }
        return try list(&request, operation: "list addresses") { AddressMessage($0) }
    }

    /// All IPv4 rules of the namespace, in the order in which they are tried.
    public mutating func rules() throws(NetlinkError) -> [RuleMessage] {
        var header = fib_rule_hdr()
        header.family = ipv4Family
        var request = RequestBuffer()
        request.append(type: MessageType.getRule, flags: MessageFlag.dump) { $0.put(header) }
        return try list(&request, operation: "list rules") { RuleMessage($0) }
    }

    /// All neighbours of IPv4 (the ARP table); those that nobody has asked for yet are not in it.
    public mutating func neighbours() throws(NetlinkError) -> [NeighbourMessage] {
        var header = ndmsg()
        header.ndm_family = ipv4Family
        var request = RequestBuffer()
        request.append(type: MessageType.getNeighbour, flags: MessageFlag.dump) { $0.put(header) }
        return try list(&request, operation: "list neighbours") { NeighbourMessage($0) }
    }

    /// The queueing disciplines of all devices.
    public mutating func qdiscs() throws(NetlinkError) -> [QdiscMessage] {
        var request = RequestBuffer()
        request.append(type: MessageType.getQdisc, flags: MessageFlag.dump) { $0.put(tcmsg()) }
        return try list(&request, operation: "list queueing disciplines") { QdiscMessage($0) }
    }

    /// The IPv4 routes that `filter` lets through, as one array.
    public mutating func routes(filter: RouteFilter = RouteFilter()) throws(NetlinkError) -> [RouteMessage] {
        var found: [RouteMessage] = []
        try routes(filter: filter, onRestart: { found.removeAll(keepingCapacity: true) }, body: { found.append($0) })
        return found
    }

    /// Gives each IPv4 route that `filter` lets through to `body`, ascending by prefix within a table.
    ///
    /// A table that does not exist has no routes.
    ///
    /// - Parameter onRestart: called when the listing was interrupted and begins again: all that `body` got is void.
    public mutating func routes(
        filter: RouteFilter = RouteFilter(), onRestart: () -> Void, body: (RouteMessage) -> Void
    ) throws(NetlinkError) {
        var request = RequestBuffer()
        filter.encode(into: &request)
        try dump(
            &request, operation: "list routes", object: filter.table.map { "table \($0)" } ?? "", absent: ENOENT,
            onRestart: onRestart
        ) { message in
            guard let route = RouteMessage(message) else { return false }
            if filter.accepts(route) { body(route) }
            return true
        }
    }

    /// Runs a listing and decodes each of its messages; one that cannot be decoded fails it.
    mutating func list<Item>(
        _ request: inout RequestBuffer, operation: String, decode: (Message) -> Item?
    ) throws(NetlinkError) -> [Item] {
        var items: [Item] = []
        try dump(&request, operation: operation, onRestart: { items.removeAll() }) { message in
            guard let item = decode(message) else { return false }
            items.append(item)
            return true
        }
        return items
    }

    /// Runs a listing of an object's parts and gives each message to `body`.
    package mutating func list(
        _ request: inout RequestBuffer, operation: String, object: String, onRestart: () -> Void,
        body: (Message) -> Void
    ) throws(NetlinkError) {
        try dump(&request, operation: operation, object: object, onRestart: onRestart) { message in
            body(message)
            return true
        }
    }

    /// Runs a listing until it was read without interruption. `each` says whether it understood the message.
    private mutating func dump(
        _ request: inout RequestBuffer, operation: String, object: String = "", absent: Int32 = 0,
        onRestart: () -> Void, each: (Message) -> Bool
    ) throws(NetlinkError) {
        for attempt in 0..<Self.dumpAttempts {
            if attempt > 0 { onRestart() }
            let sequence = nextSequence()
            let (bytes, _) = unsafe request.chunk(from: 0, byteLimit: .max, countLimit: 1, sequence: sequence)
            let code = unsafe endpoint.send(bytes)
            guard code == 0 else { throw NetlinkError(code: code, operation: operation, object: object) }
            var progress = DumpProgress(sequence: sequence)
            while progress.outcome == nil {
                switch endpoint.receive() {
                case .datagram(var messages): progress.consume(&messages, each: each)
                case .empty: progress.outcome = .overrun
                case .overrun:
                    progress.outcome = .overrun
                    endpoint.discardWaiting()
                case .failed(let code):
                    progress.outcome = .refused(code, "")
                    endpoint.discardWaiting()
                }
            }
            switch progress.outcome {
            case .complete?: return
            case .interrupted?, nil: continue
            case .refused(let code, _)? where code == absent: return
            case .refused(let code, let text)?:
                throw NetlinkError(code: code, message: text, operation: operation, object: object)
            case .overrun?:
                throw NetlinkError(kind: .overrun, code: ENOBUFS, operation: operation, object: object)
            case .malformed?:
                throw NetlinkError(kind: .malformed, code: EBADMSG, operation: operation, object: object)
            }
        }
        throw NetlinkError(kind: .interrupted, code: EINTR, operation: operation, object: object)
    }
}

extension RouteFilter {
    /// Writes the request for a listing: with strict checking, its fields are what the kernel filters by.
    func encode(into requests: inout RequestBuffer) {
        var header = rtmsg()
        header.rtm_family = ipv4Family
        header.rtm_protocol = routeProtocol ?? 0
        header.rtm_type = kind?.rawValue ?? 0
        if let table, table <= 255 { header.rtm_table = UInt8(table) }
        requests.append(type: MessageType.getRoute, flags: MessageFlag.dump) { request in
            request.put(header)
            if let table, table > 255 { request.put(RouteAttribute.table, table) }
            if let link { request.put(RouteAttribute.outputLink, link) }
        }
    }
}

/// Where a listing stands: it takes datagrams and knows the end.
struct DumpProgress {
    /// How a listing ended.
    enum Outcome: Hashable {
        case complete
        case interrupted
        case overrun
        case malformed
        case refused(Int32, String)
    }

    /// The number of the request; answers to others are left over from before and are passed over.
    let sequence: UInt32
    /// Nil while there is more to come.
    var outcome: Outcome?
    private var isInterrupted = false
    private var isMalformed = false

    init(sequence: UInt32) {
        self.sequence = sequence
    }

    /// Takes the messages of one datagram.
    @inline(__always)
    mutating func consume(_ messages: inout Messages, each: (Message) -> Bool) {
        while outcome == nil, let message = messages.next() {
            guard message.sequence == sequence else { continue }
            if message.flags & MessageFlag.dumpInterrupted != 0 { isInterrupted = true }
            if message.type >= 16 {
                if !each(message) { isMalformed = true }
            } else {
                end(message)
            }
        }
    }

    private mutating func end(_ message: Message) {
        if message.type == MessageType.overrun {
            outcome = .overrun
        } else if let end = Acknowledgement(message) {
            if end.code != 0 {
                outcome = .refused(end.code, end.message)
            } else if message.type == MessageType.done {
                outcome = isInterrupted ? .interrupted : isMalformed ? .malformed : .complete
            }
        }
    }
}
