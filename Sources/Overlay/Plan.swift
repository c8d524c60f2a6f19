// The difference between what should be and what is, as steps in an order that never breaks before it makes.

public import Net

/// A change of the tunnel device.
public enum DeviceStep: Hashable, Sendable {
    /// Make the device, or take over the one that stands there, and carry its packets.
    case carry(name: String)
    /// Tell the `ipip` driver; only a device that is not unpinned takes it.
    case setParameters(IPIPParameters)
    case setMTU(Int)
    case setUp
    /// As a `/32`: a wider one would bring a connected route with it.
    case addAddress(IPv4Address)
    case removeAddress(IPv4InterfaceAddress)
}

/// A change of one route.
public enum RouteStep: Hashable, Sendable, BitwiseCopyable {
    case add(Route)
    case replace(Route, with: Route)
    case remove(Route)

    /// The route that the step is about, as it will be or was.
    public var route: Route {
        switch self {
        case .add(let route), .replace(_, with: let route), .remove(let route): route
        }
    }
}

/// One change that ``Plan`` makes.
public enum Step: Hashable, Sendable {
    case device(DeviceStep)
    case hostSetting(HostSetting)
    case peers([TunnelPeer])
    /// Our table of the packet filter, whole; without anything to do, it goes.
    case filter(HostFilter)
    case route(RouteStep)
    case adoption(AdoptionStep)
}

extension Step {
    /// Whether the step makes no sense while nobody carries the tunnel device's packets.
    public var needsCarriedDevice: Bool {
        switch self {
        case .device(.carry), .hostSetting, .peers, .filter, .route(.remove): false
        case .device: true
        case .route(.add(let route)), .route(.replace(_, with: let route)): route.link == Route.tunnelLink
        case .adoption(let step): step.route?.link == Route.tunnelLink
        }
    }
}

extension Step {
    fileprivate var removesDevice: Bool {
        if case .adoption(.removeDevice) = self { true } else { false }
    }
}

extension TunnelDevice {
    /// The address as it stands on the device.
    var interfaceAddress: IPv4InterfaceAddress? {
        address.map { IPv4InterfaceAddress(address: $0, prefixLength: 32) }
    }
}

/// An ordered list of changes.
///
/// Make before break: everybody who may still send or will send, the device, host settings, routes added and
/// replaced in place; only then are routes, addresses and former peers taken away. What a predecessor left goes when
/// ours has been seen in its stead.
public struct Plan: Sendable {
    public private(set) var steps: [Step] = []
    /// What the next walk will add, when it has seen these steps done: of others' things only goes what ours replace.
    public private(set) var later: [Step] = []

    /// Whether nothing is to be done.
    public var isEmpty: Bool { steps.isEmpty }

    /// Compares.
    ///
    /// - Parameter mayRemove: false until the first complete snapshot of the datastore; then nothing is taken away.
    public init(desired: DesiredState, observed: Observed, mayRemove: Bool) {
        let isOurs = desired.foreignDevice == nil
        let keptPeers = Plan.union(desired.peers, observed.peers ?? [])
        // A tunnel that begins to carry knows its peers: packets may be waiting.
        if observed.peers != keptPeers { steps.append(.peers(keptPeers)) }
        // Before the device, which takes packets from anybody.
        let keptFilter = desired.filter.union(observed.filter)
        if observed.filter != keptFilter || !observed.filterIsIntact && (mayRemove || !keptFilter.isEmpty) {
            steps.append(.filter(keptFilter))
        }
        if isOurs { planDevice(desired.device, observed) }
        for setting in desired.settings where !setting.holds(observed.settings) {
            steps.append(.hostSetting(setting))
        }
        let routes = isOurs ? desired.routes : desired.routes.filter { $0.link != Route.tunnelLink }
        let removals = planRoutes(routes, observed.routes)
        let adoption = desired.adoption.isEmpty ? nil : AdoptionPlan(desired, steps: steps, observed: observed.routes)
        if let adoption { steps = adoption.steps }
        guard mayRemove else { return }
        steps += removals.lazy.map { .route(.remove($0)) }
        if let adoption { steps += adoption.removals }
        for address in observed.deviceAddresses where isOurs && address != desired.device.interfaceAddress {
            steps.append(.device(.removeAddress(address)))
        }
        if keptPeers != desired.peers { steps.append(.peers(desired.peers)) }
        if keptFilter != desired.filter { steps.append(.filter(desired.filter)) }
        later = adoption?.later ?? []
        // A device goes last of all, when nothing else is left to do.
        if steps.isEmpty && later.allSatisfy(\.removesDevice) { swap(&steps, &later) }
    }

    private mutating func planDevice(_ device: TunnelDevice, _ observed: Observed) {
        if !observed.isCarried || observed.device == nil { steps.append(.device(.carry(name: device.name))) }
        // The driver refuses any change of its own fallback device, and a new one is made right.
        if let wanted = device.parameters, let present = observed.device?.ipip, !present.isUnpinned, present != wanted {
            steps.append(.device(.setParameters(wanted)))
        }
        if observed.device?.mtu != device.mtu { steps.append(.device(.setMTU(device.mtu))) }
        if observed.device?.isUp != true { steps.append(.device(.setUp)) }
        if let address = device.interfaceAddress, !observed.deviceAddresses.contains(address) {
            steps.append(.device(.addAddress(address.address)))
        }
    }

    /// Everybody who may send before or after: former peers, then the desired ones with what they had besides.
    ///
    /// A prefix that another desired peer now claims is not kept: a longest match has one owner. Among former peers
    /// it stays, and the later in the list has it.
    private static func union(_ desired: [TunnelPeer], _ present: [TunnelPeer]) -> [TunnelPeer] {
        if desired == present || present.isEmpty { return desired }
        let addresses = Set(desired.map(\.address))
        let claimed = Set(desired.lazy.flatMap(\.prefixes))
        let former = Dictionary(present.map { ($0.address, $0.prefixes) }) { first, _ in first }
        let widened = desired.map { peer in
            let kept = former[peer.address, default: []].filter { !claimed.contains($0) }
            guard !kept.isEmpty else { return peer }
            var widened = peer
            widened.prefixes = (peer.prefixes + kept).sorted()
            return widened
        }
        return present.filter { !addresses.contains($0.address) } + widened
    }

    /// Appends additions and replacements; gives back what is to be removed. Both lists ascend by key.
    private mutating func planRoutes(_ desired: [Route], _ observed: [Route]) -> [Route] {
        var removals: [Route] = []
        steps.reserveCapacity(steps.count + max(0, desired.count - observed.count))
        var left = 0
        var right = 0
        while left < desired.count && right < observed.count {
            let (wanted, present) = (Route.key(desired[left]), Route.key(observed[right]))
            if wanted < present {
                steps.append(.route(.add(desired[left])))
                left += 1
                continue
            }
            if present < wanted {
                removals.append(observed[right])
                right += 1
                continue
            }
            var end = right + 1
            while end < observed.count && Route.key(observed[end]) == present { end += 1 }
            if end > right + 1 || desired[left] != observed[right] {
                removals += settle(desired[left], among: observed[right..<end])
            }
            left += 1
            right = end
        }
        for route in desired[left...] { steps.append(.route(.add(route))) }
        return removals + observed[right...]
    }

    /// Makes `desired` true among the routes that the kernel holds under its key, of which it takes several where
    /// somebody appended. A replacement is refused (`EEXIST`) where the wanted route stands there already.
    private mutating func settle(_ desired: Route, among present: ArraySlice<Route>) -> [Route] {
        if !present.contains(desired), let first = present.first {
            steps.append(.route(.replace(first, with: desired)))
            return Array(present.dropFirst())
        }
        return present.filter { $0 != desired }
    }
}
