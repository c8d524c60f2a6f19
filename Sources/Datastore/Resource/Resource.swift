// A resource as it stands in a file, reduced to what is used of it.

internal import Overlay

/// The kinds that are used, in the order in which they are written: what others refer to comes first.
public enum ResourceKind: String, Hashable, Sendable, CaseIterable, Encodable {
    case pool = "IPPool"
    case node = "Node"
    case block = "BlockAffinity"
}

/// What two versions of one resource have in common.
public struct ResourceIdentity: Hashable, Sendable, CustomStringConvertible {
    /// The kind.
    public var kind: ResourceKind
    /// The name, unique within its kind.
    public var name: String

    /// A resource of a kind by its name.
    public init(kind: ResourceKind, name: String) {
        self.kind = kind
        self.name = name
    }

    /// `IPPool pods`.
    public var description: String { "\(kind.rawValue) \(printable(name))" }
}

/// A resource with its place.
struct Resource: Hashable, Sendable {
    enum Value: Hashable, Sendable {
        case node(Node)
        case pool(Pool)
        case block(Block)
    }

    var name: String
    var value: Value
    var line: Int32
    /// Of the document that says this and nothing else, and the line that the document begins at;
    /// 0 where reading the document again would say more than the resource.
    var digest = 0
    var documentLine: Int32 = 0
    /// Part of the last snapshot: a newcomer that conflicts with it is the one refused.
    var isInForce = false

    var kind: ResourceKind {
        switch value {
        case .node: .node
        case .pool: .pool
        case .block: .block
        }
    }

    var identity: ResourceIdentity { ResourceIdentity(kind: kind, name: name) }
}

/// Notes about what is accepted and ignored: one for each subject, however many resources it concerns.
struct NoteCounter: Hashable, Sendable {
    private struct Subject: Hashable, Sendable {
        var count: Int
        var firstPlace: String
    }

    /// Names of subjects come from files: their number is bounded.
    private static let limit = 100
    private var subjects: [String: Subject] = [:]
    private var beyondLimit = 0

    mutating func note(_ subject: String, at place: @autoclosure () -> String) {
        add(subject, count: 1, at: place)
    }

    mutating func merge(_ other: NoteCounter) {
        for (text, subject) in other.subjects.sorted(by: { $0.key < $1.key }) {
            add(text, count: subject.count) { subject.firstPlace }
        }
        beyondLimit += other.beyondLimit
    }

    private mutating func add(_ text: String, count: Int, at place: () -> String) {
        if subjects[text] != nil {
            subjects[text]?.count += count
        } else if subjects.count < NoteCounter.limit {
            subjects[text] = Subject(count: count, firstPlace: place())
        } else {
            beyondLimit += count
        }
    }

    /// One line for each subject, in alphabetic order.
    var lines: [String] {
        var result = subjects.sorted { $0.key < $1.key }.map { text, subject in
            subject.count == 1
                ? "\(subject.firstPlace): \(text)"
                : "\(subject.firstPlace): \(text) (\(subject.count) times, first here)"
        }
        if beyondLimit > 0 { result.append("\(beyondLimit) more ignored kinds or fields") }
        return result
    }
}
