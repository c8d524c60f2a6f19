// A table of nf_tables as a value: what was read can be compared with what is wanted, and the difference sent.

/// The content of a table of family `ip`.
public struct Table: Hashable, Sendable {
    /// Ascending by name.
    public var counters: [String]
    /// Ascending by name.
    public var sets: [ElementSet]
    /// Ascending by name.
    public var chains: [Chain]
    /// Whether it holds something that this type cannot say: a map, a flowtable, a flag.
    public var hasForeignDetail: Bool

    /// A table; the parts may come in any order.
    public init(
        counters: [String] = [], sets: [ElementSet] = [], chains: [Chain] = [], hasForeignDetail: Bool = false
    ) {
        self.counters = counters.sorted()
        self.sets = sets.sorted { $0.name < $1.name }
        self.chains = chains.sorted { $0.name < $1.name }
        self.hasForeignDetail = hasForeignDetail
    }

    /// The set of this name.
    public func set(_ name: String) -> ElementSet? { sets.first { $0.name == name } }

    /// The chain of this name.
    public func chain(_ name: String) -> Chain? { chains.first { $0.name == name } }
}

/// A named set.
public struct ElementSet: Hashable, Sendable {
    /// What an element is; all of them fit in 64 bits.
    public enum Kind: Hashable, Sendable {
        /// An IPv4 address, in the low half.
        case addresses
        /// Two IPv4 addresses, the first in the high half.
        case addressPairs
        /// A range, its first address in the high half and its last one in the low half.
        case ranges
    }

    public var name: String
    public var kind: Kind
    /// Ascending; ranges neither overlap nor touch.
    public var elements: [UInt64]

    /// A set; the elements must ascend.
    public init(_ name: String, _ kind: Kind, _ elements: [UInt64] = []) {
        self.name = name
        self.kind = kind
        self.elements = elements
    }
}

/// A chain with its rules, in their order.
public struct Chain: Hashable, Sendable {
    /// Where a base chain meets packets.
    public struct Hook: Hashable, Sendable {
        /// `filter` or `nat`.
        public var type: String
        /// `NF_INET_*`.
        public var number: UInt32
        /// Lower ones come first.
        public var priority: Int32
        /// What becomes of a packet that no rule decides on.
        public var dropsByDefault: Bool

        /// A hook.
        public init(type: String, number: UInt32, priority: Int32, dropsByDefault: Bool = false) {
            self.type = type
            self.number = number
            self.priority = priority
            self.dropsByDefault = dropsByDefault
        }

        /// `NF_INET_LOCAL_IN`.
        public static let input: UInt32 = 1
        /// `NF_INET_LOCAL_OUT`.
        public static let output: UInt32 = 3
        /// `NF_INET_POST_ROUTING`.
        public static let postrouting: UInt32 = 4
    }

    public var name: String
    /// Nil for a chain that only other chains lead to.
    public var hook: Hook?
    public var rules: [[Expression]]

    /// A chain.
    public init(_ name: String, hook: Hook? = nil, rules: [[Expression]] = []) {
        self.name = name
        self.hook = hook
        self.rules = rules
    }
}
