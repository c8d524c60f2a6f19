// Whether what was taken over stays so: a predecessor that still runs makes its routes again, and is not fought.

internal import Dataplane
internal import Net
internal import Overlay

/// Whose routes are taken over now, and who brought theirs back.
struct AdoptionWatch {
    private struct Return {
        var delay: UInt64
        /// Until then its routes stay as they are.
        var due: UInt64
        var message: String
    }

    /// Nanoseconds that a predecessor is left alone after the first return.
    static let firstDelay: UInt64 = 10_000_000_000
    /// Nanoseconds that it is left alone at most.
    static let longestDelay: UInt64 = 600_000_000_000

    /// `poplin agent --adopt`.
    private let isOn: Bool
    /// What was taken over, by destination and metric.
    private var taken: Set<Leftover> = []
    private var returns: [Predecessor: Return] = [:]

    /// - Parameter isOn: without it nothing is ever taken over.
    init(isOn: Bool) { self.isOn = isOn }

    /// Whose routes may be replaced now: everybody's, but of those who were seen to bring them back.
    func adopting(now: UInt64) -> Set<Predecessor> {
        isOn ? Set(Predecessor.allCases.filter { returns[$0].map { $0.due <= now } ?? true }) : []
    }

    /// When one that was left alone is tried again; nil where there is none.
    func nextDue(now: UInt64) -> UInt64? { returns.values.map(\.due).filter { $0 > now }.min() }

    /// Whoever is left alone now, for a person.
    func messages(now: UInt64) -> [String] { returns.values.filter { $0.due > now }.map(\.message).sorted() }

    /// Records the steps that were carried out.
    mutating func took(_ steps: some Sequence<Step>) {
        for case .adoption(let step) in steps {
            switch step {
            case .replace(let leftover, _), .remove(let leftover): taken.insert(leftover)
            case .removeDevice: break
            }
        }
    }

    /// Compares what is there with what was taken over.
    ///
    /// - Returns: what is to be said of those who brought routes back and are left alone from now on, where that is new.
    mutating func look(at leftovers: [Leftover], now: UInt64) -> (hasReturned: Bool, news: [String]) {
        guard !taken.isEmpty else { return (false, []) }
        var hasReturned = false
        var news: [String] = []
        let back = Dictionary(grouping: leftovers.filter(taken.contains), by: \.predecessor)
        for (predecessor, routes) in back where adopting(now: now).contains(predecessor) {
            let former = returns[predecessor]
            let delay = former.map { min($0.delay * 2, AdoptionWatch.longestDelay) } ?? AdoptionWatch.firstDelay
            let message =
                "\(routes.text(of: predecessor)) came back after being taken over: \(predecessor.rawValue) still runs "
                + "on this host; stop it. Its routes are left alone meanwhile"
            returns[predecessor] = Return(delay: delay, due: now + delay, message: message)
            taken = taken.filter { $0.predecessor != predecessor }
            hasReturned = true
            if former == nil { news.append(message) }
        }
        return (hasReturned, news)
    }
}
