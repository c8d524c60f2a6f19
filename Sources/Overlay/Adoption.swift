// What becomes of a predecessor's routes: which of them Poplin's own make superfluous, and which know of more.

internal import Net

/// The part of what predecessors left that this agent takes over now.
public struct Adoption: Sendable {
    /// They go, once ours stand; ascending as the facts had them.
    public let superseded: [Leftover]
    /// They stay: they lead to addresses for which there is no route of ours, or lead some of one of our blocks elsewhere
    /// (a borrowed address that the datastore does not tell of). Without them those addresses would be lost.
    public let kept: [Leftover]
    /// They go last, and not while a route of theirs or of their maker stays: by the device it is known.
    public let devices: [Link]

    /// Whether nothing goes.
    public var isEmpty: Bool { superseded.isEmpty && devices.isEmpty }

    /// Nothing is taken over.
    private static let none = Adoption(superseded: [], kept: [], devices: [])

    private init(superseded: [Leftover], kept: [Leftover], devices: [Link]) {
        self.superseded = superseded
        self.kept = kept
        self.devices = devices
    }

    /// - Parameters:
    ///   - routes: ours, as they should be.
    ///   - tunnel: the name of our own device, which nobody takes away.
    init(_ leftovers: [Leftover], of adopting: Set<Predecessor>, routes: [Route], facts: HostFacts, tunnel: String) {
        guard !adopting.isEmpty else {
            self = .none
            return
        }
        let coverage = RouteCoverage(leftovers.isEmpty ? [] : routes)
        var superseded: [Leftover] = []
        var kept: [Leftover] = []
        for leftover in leftovers where adopting.contains(leftover.predecessor) {
            if coverage.supersedes(leftover) { superseded.append(leftover) } else { kept.append(leftover) }
        }
        let devices = facts.links.filter { link in
            link.name != tunnel && adopting.contains { $0.owns(link) } && !kept.contains { $0.predecessor.owns(link) }
        }
        let going = Set(devices.isEmpty ? [] : superseded.map(\.route))
        let used = Set(devices.isEmpty ? [] : facts.underlayRoutes.filter { !going.contains($0) }.map(\.link))
        self.init(superseded: superseded, kept: kept, devices: devices.filter { !used.contains($0.index) })
    }
}

/// A change of something that a predecessor made.
public enum AdoptionStep: Hashable, Sendable {
    /// Ours is put behind theirs in the same place of the table, then theirs is taken away.
    case replace(Leftover, with: Route)
    case remove(Leftover)
    case removeDevice(Link)

    /// The route that the step makes; nil where it only takes away.
    public var route: Route? {
        if case .replace(_, with: let route) = self { route } else { nil }
    }
}

/// The steps of an adoption, for ``Plan``.
struct AdoptionPlan {
    /// The steps so far, with a replacement for each addition whose place a leftover holds.
    private(set) var steps: [Step]
    /// What can go now, because all of ours that it needs stands.
    private(set) var removals: [Step] = []
    /// What can go when the next look at the kernel has found ours.
    private(set) var later: [Step] = []

    /// - Parameters:
    ///   - steps: up to the removals.
    ///   - observed: our routes that stand.
    init(_ desired: DesiredState, steps: [Step], observed: [Route]) {
        let superseded = desired.adoption.superseded
        let places = Dictionary(superseded.map { ($0.key, $0) }) { first, _ in first }
        var replaced: Set<Leftover> = []
        self.steps = steps.map { step in
            guard case .route(.add(let route)) = step, let leftover = places[RouteKey(route)] else { return step }
            replaced.insert(leftover)
            return .adoption(.replace(leftover, with: route))
        }
        let wanted = Set(superseded.isEmpty ? [] : desired.routes)
        let standing = RouteCoverage(observed.filter(wanted.contains))
        for leftover in superseded where !replaced.contains(leftover) {
            let step = Step.adoption(.remove(leftover))
            if standing.supersedes(leftover) { removals.append(step) } else { later.append(step) }
        }
        later += desired.adoption.devices.map { .adoption(.removeDevice($0)) }
    }
}

/// Where routes of ours lead, asked for a predecessor's route at a time.
private struct RouteCoverage {
    private let routes: [IPv4Prefix: Route]
    /// The prefix lengths that occur, longest first.
    private let lengths: [UInt8]
    /// The addresses that the routes cover, as ranges that do not touch; ascending.
    private var ranges: [ClosedRange<UInt32>] = []

    /// - Parameter routes: ascending by destination.
    init(_ routes: [Route]) {
        self.routes = Dictionary(routes.map { ($0.destination, $0) }) { first, _ in first }
        lengths = Set(routes.map(\.destination.length)).sorted(by: >)
        for route in routes {
            let (first, last) = (route.destination.address.rawValue, route.destination.last.rawValue)
            if let open = ranges.last, open.upperBound == .max || first <= open.upperBound + 1 {
                ranges[ranges.count - 1] = open.lowerBound...max(open.upperBound, last)
            } else {
                ranges.append(first...last)
            }
        }
    }

    /// Whether every packet that takes the leftover has a way without it that the datastore stands for.
    ///
    /// About a whole block the datastore decides. A wider route is superfluous where ours cover all of it: they are the
    /// longer match already. A narrower one must lead where its block leads.
    func supersedes(_ leftover: Leftover) -> Bool {
        let destination = leftover.route.destination
        for length in lengths where length <= destination.length {
            guard let route = routes[IPv4Prefix(containing: destination.address, length: length)] else { continue }
            return length == destination.length || route.leads(as: leftover.route)
        }
        return covers(destination)
    }

    private func covers(_ prefix: IPv4Prefix) -> Bool {
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < prefix.address.rawValue { low = middle + 1 } else { high = middle }
        }
        guard low < ranges.count else { return false }
        return ranges[low].lowerBound <= prefix.address.rawValue && prefix.last.rawValue <= ranges[low].upperBound
    }
}

extension Route {
    /// Whether packets end up with the same node, by whatever device.
    fileprivate func leads(as other: UnderlayRoute) -> Bool {
        switch kind {
        case .blackhole: other.kind == .blackhole
        case .unicast: other.gateway == gateway
        case .other: false
        }
    }
}
