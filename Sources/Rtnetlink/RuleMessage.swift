// An IPv4 routing rule: what the kernel tells, and what is asked of it.

internal import CMnl
public import Net

/// A rule of the routing policy (`ip rule`).
public struct RuleMessage: Hashable, Sendable {
    /// What a matching rule does (`FR_ACT_*`).
    public enum Action: Hashable, Sendable {
        /// The lookup goes on in ``RuleMessage/table``.
        case lookup
        case blackhole, unreachable, prohibit
        /// `goto`, `nop` or one that is not known here.
        case other(UInt8)
    }

    /// Rules are tried in ascending order of priority.
    public var priority: UInt32
    public var action: Action
    /// The table; 0 where the action names none.
    public var table: UInt32
    /// Nil for any.
    public var source: IPv4Prefix?
    /// Nil for any.
    public var destination: IPv4Prefix?
    /// The packet mark that must match under ``markMask``; both 0 for any.
    public var mark: UInt32
    public var markMask: UInt32
    /// Empty for any.
    public var inputLink: String
    /// Empty for any.
    public var outputLink: String
    public var tos: UInt8
    /// Whether the rule applies where the selector does not match.
    public var isInverted: Bool
    /// Who made the rule (`FRA_PROTOCOL`).
    public var ruleProtocol: UInt8
    /// Whether the rule carries something that has no field here.
    public var hasForeignDetail: Bool

    /// A rule.
    public init(
        priority: UInt32, action: Action = .lookup, table: UInt32 = 0, source: IPv4Prefix? = nil,
        destination: IPv4Prefix? = nil, mark: UInt32 = 0, markMask: UInt32 = 0, inputLink: String = "",
        outputLink: String = "", tos: UInt8 = 0, isInverted: Bool = false, ruleProtocol: UInt8 = 0
    ) {
        self.priority = priority
        self.action = action
        self.table = table
        self.source = source
        self.destination = destination
        self.mark = mark
        self.markMask = markMask
        self.inputLink = inputLink
        self.outputLink = outputLink
        self.tos = tos
        self.isInverted = isInverted
        self.ruleProtocol = ruleProtocol
        self.hasForeignDetail = false
    }

    /// Whether it is one of the three rules that the kernel makes for every namespace.
    public var isDefault: Bool {
        let tables: [UInt32: UInt32] = [0: 255, 32766: 254, 32767: 253]
        var plain = RuleMessage(priority: priority, table: table)
        plain.ruleProtocol = ruleProtocol
        plain.hasForeignDetail = hasForeignDetail
        return tables[priority] == table && plain == self
    }

    /// Decodes `RTM_NEWRULE` or `RTM_DELRULE`; nil for another family or a truncated message.
    init?(_ message: Message) {
        guard let header = message.fixed(fib_rule_hdr.self), header.family == ipv4Family, header.dst_len <= 32,
            header.src_len <= 32
        else { return nil }
        self.init(
            priority: 0, action: Action(number: header.action), table: UInt32(header.table), tos: header.tos,
            isInverted: header.flags & UInt32(FIB_RULE_INVERT) != 0)
        var attributes = message.attributes(at: MemoryLayout<fib_rule_hdr>.size)
        while let attribute = attributes.next() {
            switch attribute.type {
            case RuleAttribute.source:
                guard let value = attribute.bigEndian32 else { return nil }
                source = IPv4Prefix(containing: IPv4Address(rawValue: value), length: header.src_len)
            case RuleAttribute.destination:
                guard let value = attribute.bigEndian32 else { return nil }
                destination = IPv4Prefix(containing: IPv4Address(rawValue: value), length: header.dst_len)
            case RuleAttribute.priority, RuleAttribute.table, RuleAttribute.mark, RuleAttribute.markMask,
                RuleAttribute.suppressPrefixLength:
                guard let value = attribute.load(UInt32.self) else { return nil }
                keep(value, of: attribute.type)
            case RuleAttribute.inputLink:
                inputLink = attribute.text
            case RuleAttribute.outputLink:
                outputLink = attribute.text
            case RuleAttribute.ruleProtocol:
                guard let value = attribute.load(UInt8.self) else { return nil }
                ruleProtocol = value
            case RuleAttribute.padding:
                break
            default:
                hasForeignDetail = true
            }
        }
        guard attributes.isExhausted else { return nil }
    }

    private mutating func keep(_ value: UInt32, of type: UInt16) {
        switch type {
        case RuleAttribute.priority: priority = value
        case RuleAttribute.table: table = value
        case RuleAttribute.mark: mark = value
        case RuleAttribute.markMask: markMask = value
        // Always told; all ones means that nothing is suppressed.
        default: if value != .max { hasForeignDetail = true }
        }
    }

    /// Writes the request of the given type.
    func encode(type: UInt16, flags messageFlags: UInt16, into requests: inout RequestBuffer) {
        var header = fib_rule_hdr()
        header.family = ipv4Family
        header.dst_len = destination?.length ?? 0
        header.src_len = source?.length ?? 0
        header.tos = tos
        header.table = table <= 255 ? UInt8(table) : 0
        header.action = action.number
        header.flags = isInverted ? UInt32(FIB_RULE_INVERT) : 0
        requests.append(type: type, flags: messageFlags) { request in
            request.put(header)
            request.put(RuleAttribute.priority, priority)
            if let source { request.put(RuleAttribute.source, source.address) }
            if let destination { request.put(RuleAttribute.destination, destination.address) }
            if table > 255 { request.put(RuleAttribute.table, table) }
            if mark != 0 || markMask != 0 {
                request.put(RuleAttribute.mark, mark)
                request.put(RuleAttribute.markMask, markMask)
            }
            if !inputLink.isEmpty { request.put(RuleAttribute.inputLink, inputLink) }
            if !outputLink.isEmpty { request.put(RuleAttribute.outputLink, outputLink) }
            if ruleProtocol != 0 { request.put(RuleAttribute.ruleProtocol, ruleProtocol) }
        }
    }
}

extension RuleMessage.Action {
    fileprivate init(number: UInt8) {
        switch Int(number) {
        case FR_ACT_TO_TBL: self = .lookup
        case FR_ACT_BLACKHOLE: self = .blackhole
        case FR_ACT_UNREACHABLE: self = .unreachable
        case FR_ACT_PROHIBIT: self = .prohibit
        default: self = .other(number)
        }
    }

    fileprivate var number: UInt8 {
        switch self {
        case .lookup: UInt8(FR_ACT_TO_TBL)
        case .blackhole: UInt8(FR_ACT_BLACKHOLE)
        case .unreachable: UInt8(FR_ACT_UNREACHABLE)
        case .prohibit: UInt8(FR_ACT_PROHIBIT)
        case .other(let number): number
        }
    }
}
