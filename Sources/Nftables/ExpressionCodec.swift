// Expressions to and from netlink attributes; everything that is not exactly as written here is read as a foreign one.

internal import CMnl
internal import Rtnetlink

extension Expression {
    /// Appends `NFTA_LIST_ELEM` with this expression.
    func encode(into request: RequestBuilder) {
        request.nest(number(NFTA_LIST_ELEM)) { encodeInside(request) }
    }

    private func encodeInside(_ request: RequestBuilder) {
        func named(_ name: String, _ body: () -> Void) {
            request.put(number(NFTA_EXPR_NAME), name)
            request.nest(number(NFTA_EXPR_DATA), body)
        }
        func put(_ type: UInt16, _ value: UInt32) { request.put(type, value.bigEndian) }
        switch self {
        case .load(let header, let offset, let count, let register):
            named("payload") {
                put(number(NFTA_PAYLOAD_DREG), register.rawValue)
                put(number(NFTA_PAYLOAD_BASE), header.rawValue)
                put(number(NFTA_PAYLOAD_OFFSET), offset)
                put(number(NFTA_PAYLOAD_LEN), count)
            }
        case .mask(let register, let mask):
            named("bitwise") {
                put(number(NFTA_BITWISE_SREG), register.rawValue)
                put(number(NFTA_BITWISE_DREG), register.rawValue)
                put(number(NFTA_BITWISE_LEN), 4)
                request.nest(number(NFTA_BITWISE_MASK)) { put(number(NFTA_DATA_VALUE), mask) }
                request.nest(number(NFTA_BITWISE_XOR)) { put(number(NFTA_DATA_VALUE), 0) }
            }
        case .isEqual(let bytes), .isNotEqual(let bytes):
            let operation = if case .isEqual = self { NFT_CMP_EQ } else { NFT_CMP_NEQ }
            named("cmp") {
                put(number(NFTA_CMP_SREG), Register.first.rawValue)
                put(number(NFTA_CMP_OP), UInt32(operation.rawValue))
                request.nest(number(NFTA_CMP_DATA)) { request.put(number(NFTA_DATA_VALUE), bytes) }
            }
        case .isIn(let set), .isNotIn(let set):
            named("lookup") {
                request.put(number(NFTA_LOOKUP_SET), set)
                put(number(NFTA_LOOKUP_SREG), Register.first.rawValue)
                if case .isNotIn = self { put(number(NFTA_LOOKUP_FLAGS), UInt32(NFT_LOOKUP_F_INV.rawValue)) }
            }
        case .count(let counter):
            named("objref") {
                put(number(NFTA_OBJREF_IMM_TYPE), UInt32(NFT_OBJECT_COUNTER))
                request.put(number(NFTA_OBJREF_IMM_NAME), counter)
            }
        case .decide(let verdict):
            named("immediate") {
                put(number(NFTA_IMMEDIATE_DREG), UInt32(NFT_REG_VERDICT.rawValue))
                request.nest(number(NFTA_IMMEDIATE_DATA)) {
                    request.nest(number(NFTA_DATA_VERDICT)) {
                        put(number(NFTA_VERDICT_CODE), UInt32(bitPattern: verdict.code))
                        if let chain = verdict.chain { request.put(number(NFTA_VERDICT_CHAIN), chain) }
                    }
                }
            }
        case .masquerade:
            named("masq") {}
        case .other(let name):
            named(name) {}
        }
    }

    /// Decodes `NFTA_LIST_ELEM`.
    init(_ attribute: Attribute) {
        var name = ""
        var data = Fields()
        var parts = attribute.nested()
        while let part = parts.next() {
            switch part.type {
            case number(NFTA_EXPR_NAME): name = part.text
            case number(NFTA_EXPR_DATA): data = Fields(part.nested())
            default: break
            }
        }
        self = Expression.decoded(name, data) ?? .other(name)
    }

    /// Nil where anything is set that ``encode(into:)`` would not have written so.
    private static func decoded(_ name: String, _ data: Fields) -> Expression? {
        switch name {
        case "payload":
            guard let base = data[NFTA_PAYLOAD_BASE], let header = Header(rawValue: base),
                let offset = data[NFTA_PAYLOAD_OFFSET], let count = data[NFTA_PAYLOAD_LEN],
                let target = data[NFTA_PAYLOAD_DREG], let register = Register(rawValue: target)
            else { return nil }
            return .load(header, offset: offset, count: count, into: register)
        case "bitwise":
            guard let source = data[NFTA_BITWISE_SREG], let register = Register(rawValue: source),
                data[NFTA_BITWISE_DREG] == source, data[NFTA_BITWISE_LEN] == 4,
                data[NFTA_BITWISE_OP] ?? 0 == 0,
                let mask = data.value(NFTA_BITWISE_MASK)?.bigEndian32,
                data.value(NFTA_BITWISE_XOR)?.bigEndian32 == 0
            else { return nil }
            return .mask(register, mask)
        case "cmp":
            guard data[NFTA_CMP_SREG] == Register.first.rawValue,
                let bytes = data.value(NFTA_CMP_DATA)?.bytes
            else { return nil }
            switch data[NFTA_CMP_OP] {
            case UInt32(NFT_CMP_EQ.rawValue): return .isEqual(bytes)
            case UInt32(NFT_CMP_NEQ.rawValue): return .isNotEqual(bytes)
            default: return nil
            }
        case "lookup":
            guard data[NFTA_LOOKUP_SREG] == Register.first.rawValue,
                data[NFTA_LOOKUP_DREG] == nil, let set = data.text(NFTA_LOOKUP_SET)
            else { return nil }
            let flags = data[NFTA_LOOKUP_FLAGS] ?? 0
            return flags == 0 ? .isIn(set) : flags == UInt32(NFT_LOOKUP_F_INV.rawValue) ? .isNotIn(set) : nil
        case "objref":
            guard data[NFTA_OBJREF_IMM_TYPE] == UInt32(NFT_OBJECT_COUNTER) else { return nil }
            return data.text(NFTA_OBJREF_IMM_NAME).map { .count($0) }
        case "immediate":
            guard data[NFTA_IMMEDIATE_DREG] == UInt32(NFT_REG_VERDICT.rawValue),
                let verdict = data.inside(NFTA_IMMEDIATE_DATA, NFTA_DATA_VERDICT),
                let code = verdict[NFTA_VERDICT_CODE]
            else { return nil }
            return Verdict(
                code: Int32(bitPattern: code), chain: verdict.text(NFTA_VERDICT_CHAIN)
            ).map { .decide($0) }
        case "masq":
            return data.isEmpty ? .masquerade : nil
        default:
            return nil
        }
    }
}

extension Expression.Verdict {
    fileprivate var code: Int32 {
        switch self {
        case .accept: Int32(NF_ACCEPT)
        case .drop: Int32(NF_DROP)
        case .jump: Int32(NFT_JUMP.rawValue)
        case .goto: Int32(NFT_GOTO.rawValue)
        }
    }

    fileprivate var chain: String? {
        switch self {
        case .accept, .drop: nil
        case .jump(let chain), .goto(let chain): chain
        }
    }

    fileprivate init?(code: Int32, chain: String?) {
        switch (code, chain) {
        case (Int32(NF_ACCEPT), nil): self = .accept
        case (Int32(NF_DROP), nil): self = .drop
        case (Int32(NFT_JUMP.rawValue), let chain?): self = .jump(chain)
        case (Int32(NFT_GOTO.rawValue), let chain?): self = .goto(chain)
        default: return nil
        }
    }
}

/// The attributes of one level, by their numbers.
struct Fields {
    private var attributes: [UInt16: Attribute] = [:]

    init() {}

    /// Of a message of nf_tables.
    init(_ message: Message) {
        self.init(message.attributes(at: MemoryLayout<nfgenmsg>.size))
    }

    init(_ list: Attributes) {
        var list = list
        while let attribute = list.next() { attributes[attribute.type] = attribute }
    }

    var isEmpty: Bool { attributes.isEmpty }

    /// A number in network byte order.
    subscript(_ type: some RawRepresentable<UInt32>) -> UInt32? { attributes[number(type)]?.bigEndian32 }

    func text(_ type: some RawRepresentable<UInt32>) -> String? { attributes[number(type)]?.text }

    func attribute(_ type: some RawRepresentable<UInt32>) -> Attribute? { attributes[number(type)] }

    /// What stands inside an attribute.
    func inside(_ type: some RawRepresentable<UInt32>) -> Fields? {
        attributes[number(type)].map { Fields($0.nested()) }
    }

    func inside(_ outer: some RawRepresentable<UInt32>, _ inner: some RawRepresentable<UInt32>) -> Fields? {
        inside(outer)?.inside(inner)
    }

    /// `NFTA_DATA_VALUE` inside an attribute.
    func value(_ type: some RawRepresentable<UInt32>) -> Attribute? {
        inside(type)?.attribute(NFTA_DATA_VALUE)
    }
}
