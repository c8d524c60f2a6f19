// The difference of two tables as one transaction: the kernel does all of it at once or nothing at all.

internal import CMnl
internal import Glibc
public import Rtnetlink

extension TableSocket {
    /// Turns a table into another in one transaction; packets meet the former one or the new one, never anything between.
    ///
    /// Sets keep their counts unless the whole table has to be made anew, because it is not one of ours.
    ///
    /// - Parameters:
    ///   - present: what the kernel has; nil where there is no such table.
    ///   - wanted: what it should have; nil takes the table away.
    /// - Throws: ``NetlinkError`` with the object that was refused; nothing has changed then.
    public mutating func change(_ name: String, from present: Table?, to wanted: Table?) throws(NetlinkError) {
        var transaction = Transaction(table: name)
        switch (present, wanted) {
        case (nil, nil): return
        case (_?, nil): transaction.deleteTable()
        case (nil, let wanted?): transaction.create(wanted)
        case (let present?, let wanted?):
            if present.isExtensible(to: wanted) {
                transaction.turn(present, into: wanted)
            } else {
                transaction.replace(by: wanted)
            }
        }
        try perform(&transaction)
    }

    /// Whether the kernel's nf_tables is built for tables of family `ip`; asked with a transaction that cannot succeed,
    /// so that nothing changes and nobody is told.
    public mutating func takesTables() -> Bool {
        var transaction = Transaction(table: "poplin-probe")
        transaction.probe()
        do throws(NetlinkError) {
            try perform(&transaction)
            return true
        } catch {
            return error.code != EOPNOTSUPP
        }
    }

    private mutating func perform(_ transaction: inout Transaction) throws(NetlinkError) {
        transaction.end()
        let first = netlink.nextSequence(count: transaction.requests.count)
        let (bytes, _) = unsafe transaction.requests.chunk(
            from: 0, byteLimit: .max, countLimit: .max, sequence: first)
        // The kernel wants the transaction in one piece, and room for its own overhead.
        netlink.endpoint.setSendBuffer(bytes.count + 4096)
        let code = unsafe netlink.endpoint.send(bytes)
        guard code == 0 else {
            throw NetlinkError(code: code, operation: "change", object: "table ip \(transaction.table)")
        }
        // All answers are there already: the kernel works during the send.
        var isAnswered = false
        var failure: NetlinkError?
        while true {
            switch netlink.endpoint.receive() {
            case .datagram(var messages):
                while let message = messages.next() {
                    guard let answer = Acknowledgement(message) else { continue }
                    isAnswered = true
                    guard answer.code != 0, failure == nil else { continue }
                    failure = transaction.failure(answer, at: Int(message.sequence &- first))
                }
            case .empty:
                if let failure { throw failure }
                guard isAnswered else {
                    throw NetlinkError(
                        kind: .overrun, code: ENOBUFS, operation: "change", object: "table ip \(transaction.table)")
                }
                return
            case .overrun:
                throw failure
                    ?? NetlinkError(
                        kind: .overrun, code: ENOBUFS, operation: "change", object: "table ip \(transaction.table)")
            case .failed(let code):
                throw NetlinkError(
                    kind: .overrun, code: code, operation: "change", object: "table ip \(transaction.table)")
            }
        }
    }
}

extension Table {
    /// Whether what is there can stay, and only has to be added to and taken from.
    func isExtensible(to wanted: Table) -> Bool {
        guard !hasForeignDetail else { return false }
        for set in sets where wanted.set(set.name).map({ $0.kind != set.kind }) ?? false { return false }
        for chain in chains where wanted.chain(chain.name).map({ $0.hook != chain.hook }) ?? false { return false }
        return true
    }
}

/// The requests of one transaction, and what each is about.
struct Transaction: ~Copyable {
    /// Elements of one request: each takes at most 40 bytes.
    private static let elementsPerRequest = 20

    let table: String
    var requests = RequestBuffer(capacity: 1 << 16)
    private var subjects: [(operation: String, object: String)] = []

    init(table: String) {
        self.table = table
        requests.append(type: TableMessage.beginBatch, flags: 0) { $0.put(nfgenmsg.batch) }
        subjects.append(("change", ""))
    }

    mutating func end() {
        requests.append(type: TableMessage.endBatch, flags: 0) { $0.put(nfgenmsg.batch) }
        subjects.append(("change", ""))
    }

    /// What the request at a place was refused for.
    func failure(_ answer: Acknowledgement, at place: Int) -> NetlinkError {
        let subject = subjects.indices.contains(place) ? subjects[place] : ("change", "")
        return NetlinkError(
            code: answer.code, message: answer.message, offset: answer.offset, operation: subject.0,
            object: subject.1.isEmpty ? "table ip \(table)" : "\(subject.1) of table ip \(table)")
    }

    mutating func deleteTable() {
        append(TableMessage.deleteTable, MessageFlag.acknowledge, "delete", "") { [table] request in
            request.put(number(NFTA_TABLE_NAME), table)
        }
    }

    /// Also right where the table is there: then nothing happens.
    private mutating func addTable() {
        append(TableMessage.newTable, MessageFlag.create | MessageFlag.acknowledge, "add", "") { [table] request in
            request.put(number(NFTA_TABLE_NAME), table)
        }
    }

    /// A table, and a chain of it to be deleted that is not there.
    mutating func probe() {
        addTable()
        delete(Chain("none"))
    }

    mutating func create(_ wanted: Table) {
        turn(Table(), into: wanted)
    }

    mutating func replace(by wanted: Table) {
        deleteTable()
        create(wanted)
    }

    /// Users go before what they use, and come after it.
    mutating func turn(_ present: Table, into wanted: Table) {
        addTable()
        let stale = present.chains.filter { wanted.chain($0.name)?.rules != $0.rules }
        for chain in stale where !chain.rules.isEmpty { flush(chain) }
        for chain in present.chains where wanted.chain(chain.name) == nil { delete(chain) }
        for set in present.sets where wanted.set(set.name) == nil { delete(set) }
        for counter in present.counters where !wanted.counters.contains(counter) { deleteCounter(counter) }

        for counter in wanted.counters where !present.counters.contains(counter) { addCounter(counter) }
        for set in wanted.sets {
            if present.set(set.name) == nil { add(set) }
            change(set, from: present.set(set.name)?.elements ?? [])
        }
        for chain in wanted.chains where present.chain(chain.name) == nil { add(chain) }
        for chain in wanted.chains where present.chain(chain.name)?.rules != chain.rules {
            for rule in chain.rules { add(rule, to: chain) }
        }
    }

    private mutating func change(_ set: ElementSet, from present: [UInt64]) {
        guard set.elements != present else { return }
        if set.kind == .ranges && !present.isEmpty {
            // Ranges that overlap former ones: all go first.
            put([], of: set, TableMessage.deleteElements, "flush")
            put(set.elements, of: set, TableMessage.newElements, "add to")
        } else {
            let (gone, new) = Transaction.difference(present, set.elements)
            if !gone.isEmpty { put(gone, of: set, TableMessage.deleteElements, "remove from") }
            if !new.isEmpty { put(new, of: set, TableMessage.newElements, "add to") }
        }
    }

    /// Both lists ascend.
    private static func difference(_ present: [UInt64], _ wanted: [UInt64]) -> (gone: [UInt64], new: [UInt64]) {
        var gone: [UInt64] = []
        var new: [UInt64] = []
        var (left, right) = (0, 0)
        while left < present.count || right < wanted.count {
            if right == wanted.count || left < present.count && present[left] < wanted[right] {
                gone.append(present[left])
                left += 1
            } else if left == present.count || wanted[right] < present[left] {
                new.append(wanted[right])
                right += 1
            } else {
                (left, right) = (left + 1, right + 1)
            }
        }
        return (gone, new)
    }

    private mutating func append(
        _ type: UInt16, _ flags: UInt16, _ operation: String, _ object: String, _ body: (RequestBuilder) -> Void
    ) {
        requests.append(type: type, flags: flags) { request in
            request.put(nfgenmsg.ipv4)
            body(request)
        }
        subjects.append((operation, object))
    }

    private mutating func addCounter(_ name: String) {
        append(TableMessage.newObject, MessageFlag.create, "add", "counter \(name)") { [table] request in
            request.put(number(NFTA_OBJ_TABLE), table)
            request.put(number(NFTA_OBJ_NAME), name)
            request.put(number(NFTA_OBJ_TYPE), UInt32(NFT_OBJECT_COUNTER).bigEndian)
            request.nest(number(NFTA_OBJ_DATA)) {}
        }
    }

    private mutating func deleteCounter(_ name: String) {
        append(TableMessage.deleteObject, 0, "delete", "counter \(name)") { [table] request in
            request.put(number(NFTA_OBJ_TABLE), table)
            request.put(number(NFTA_OBJ_NAME), name)
            request.put(number(NFTA_OBJ_TYPE), UInt32(NFT_OBJECT_COUNTER).bigEndian)
        }
    }

    private mutating func add(_ set: ElementSet) {
        let identity = UInt32(truncatingIfNeeded: requests.count)
        append(TableMessage.newSet, MessageFlag.create, "add", "set \(set.name)") { [table] request in
            request.put(number(NFTA_SET_TABLE), table)
            request.put(number(NFTA_SET_NAME), set.name)
            let isPair = set.kind == .addressPairs
            request.put(
                number(NFTA_SET_FLAGS), (set.kind == .ranges ? UInt32(NFT_SET_INTERVAL.rawValue) : 0).bigEndian)
            request.put(number(NFTA_SET_KEY_TYPE), (isPair ? KeyType.pair : KeyType.address).bigEndian)
            request.put(number(NFTA_SET_KEY_LEN), UInt32(isPair ? 8 : 4).bigEndian)
            request.put(number(NFTA_SET_ID), identity.bigEndian)
            guard set.kind == .addresses else { return }
            // Every element counts what it matches.
            request.nest(number(NFTA_SET_EXPR)) {
                request.put(number(NFTA_EXPR_NAME), "counter")
                request.nest(number(NFTA_EXPR_DATA)) {}
            }
        }
    }

    private mutating func delete(_ set: ElementSet) {
        append(TableMessage.deleteSet, 0, "delete", "set \(set.name)") { [table] request in
            request.put(number(NFTA_SET_TABLE), table)
            request.put(number(NFTA_SET_NAME), set.name)
        }
    }

    /// No elements at all is all of them, for a removal.
    private mutating func put(_ elements: [UInt64], of set: ElementSet, _ type: UInt16, _ operation: String) {
        var position = 0
        repeat {
            let end = min(position + Self.elementsPerRequest, elements.count)
            let part = elements[position..<end]
            position = end
            let flags = type == TableMessage.newElements ? MessageFlag.create : 0
            append(type, flags, operation, "set \(set.name)") { [table] request in
                request.put(number(NFTA_SET_ELEM_LIST_TABLE), table)
                request.put(number(NFTA_SET_ELEM_LIST_SET), set.name)
                guard !part.isEmpty else { return }
                request.nest(number(NFTA_SET_ELEM_LIST_ELEMENTS)) {
                    for element in part { set.kind.encode(element, into: request) }
                }
            }
        } while position < elements.count
    }

    private mutating func add(_ chain: Chain) {
        append(TableMessage.newChain, MessageFlag.create, "add", "chain \(chain.name)") { [table] request in
            request.put(number(NFTA_CHAIN_TABLE), table)
            request.put(number(NFTA_CHAIN_NAME), chain.name)
            guard let hook = chain.hook else { return }
            request.nest(number(NFTA_CHAIN_HOOK)) {
                request.put(number(NFTA_HOOK_HOOKNUM), hook.number.bigEndian)
                request.put(number(NFTA_HOOK_PRIORITY), UInt32(bitPattern: hook.priority).bigEndian)
            }
            request.put(number(NFTA_CHAIN_POLICY), UInt32(hook.dropsByDefault ? NF_DROP : NF_ACCEPT).bigEndian)
            request.put(number(NFTA_CHAIN_TYPE), hook.type)
        }
    }

    private mutating func delete(_ chain: Chain) {
        append(TableMessage.deleteChain, 0, "delete", "chain \(chain.name)") { [table] request in
            request.put(number(NFTA_CHAIN_TABLE), table)
            request.put(number(NFTA_CHAIN_NAME), chain.name)
        }
    }

    /// Takes all rules out of a chain.
    private mutating func flush(_ chain: Chain) {
        append(TableMessage.deleteRule, 0, "flush", "chain \(chain.name)") { [table] request in
            request.put(number(NFTA_RULE_TABLE), table)
            request.put(number(NFTA_RULE_CHAIN), chain.name)
        }
    }

    private mutating func add(_ rule: [Expression], to chain: Chain) {
        let flags = MessageFlag.create | MessageFlag.append
        append(TableMessage.newRule, flags, "add rule to", "chain \(chain.name)") { [table] request in
            request.put(number(NFTA_RULE_TABLE), table)
            request.put(number(NFTA_RULE_CHAIN), chain.name)
            request.nest(number(NFTA_RULE_EXPRESSIONS)) {
                for expression in rule { expression.encode(into: request) }
            }
        }
    }
}

extension ElementSet.Kind {
    /// Appends `NFTA_LIST_ELEM`; for a range two, its first address and the one behind it, where there is one.
    fileprivate func encode(_ element: UInt64, into request: RequestBuilder) {
        func put(_ key: UInt32, isEnd: Bool = false) {
            request.nest(number(NFTA_LIST_ELEM)) {
                request.nest(number(NFTA_SET_ELEM_KEY)) { request.put(number(NFTA_DATA_VALUE), key.bigEndian) }
                guard isEnd else { return }
                request.put(number(NFTA_SET_ELEM_FLAGS), UInt32(NFT_SET_ELEM_INTERVAL_END.rawValue).bigEndian)
            }
        }
        switch self {
        case .addresses:
            put(UInt32(truncatingIfNeeded: element))
        case .addressPairs:
            request.nest(number(NFTA_LIST_ELEM)) {
                request.nest(number(NFTA_SET_ELEM_KEY)) { request.put(number(NFTA_DATA_VALUE), element.bigEndian) }
            }
        case .ranges:
            put(UInt32(truncatingIfNeeded: element >> 32))
            let last = UInt32(truncatingIfNeeded: element)
            if last != .max { put(last + 1, isEnd: true) }
        }
    }
}
