// Carries a plan out, in its order: the only place that changes the kernel while the agent works.

internal import LinuxSystem
internal import Net
public import Overlay
public import Rtnetlink

/// A step that failed, with the reason for a person.
public struct StepFailure: Error, Hashable, Sendable {
    /// As ``Step/object``.
    public let object: String
    public let message: String
}

/// Applies steps through netlink, sysctl and the tier.
public struct PlanWriter: ~Copyable {
    /// The packet filter's table, which the plan's observation is read from as well.
    public var filter: FilterTable
    private let device: String
    private let tunnel: any Tunnel
    private let settings: HostSettings

    /// A writer for the tunnel device of this name.
    public init(device: String, tunnel: any Tunnel, settings: HostSettings) {
        filter = FilterTable()
        self.device = device
        self.tunnel = tunnel
        self.settings = settings
    }

    /// Applies the steps in their order. One that fails does not keep the others from being made.
    ///
    /// Steps that need a carried device are passed over while there is none.
    ///
    /// - Returns: the failures.
    /// - Throws: where it is not known which routes were changed; everything must be read anew.
    public mutating func apply(
        _ steps: [Step], through netlink: inout NetlinkSocket
    ) throws(NetlinkError) -> [StepFailure] {
        var failures: [StepFailure] = []
        var position = 0
        while position < steps.count {
            if case .route = steps[position] {
                var end = position
                while end < steps.count, case .route = steps[end] { end += 1 }
                failures += try applyRoutes(steps[position..<end], through: &netlink)
                position = end
            } else if case .adoption = steps[position] {
                var end = position
                while end < steps.count, case .adoption = steps[end] { end += 1 }
                let tunnelLink = try tunnel.isCarried ? netlink.link(named: device)?.index : nil
                failures += try AdoptionWriter(tunnelLink: tunnelLink).apply(steps[position..<end], through: &netlink)
                position = end
            } else {
                let step = steps[position]
                position += 1
                guard tunnel.isCarried || !step.needsCarriedDevice else { continue }
                do {
                    try apply(step, through: &netlink)
                } catch {
                    failures.append(StepFailure(object: step.object, message: "\(error)"))
                }
            }
        }
        return failures
    }

    private mutating func apply(_ step: Step, through netlink: inout NetlinkSocket) throws {
        switch step {
        case .device(.carry(let name)):
            try tunnel.carry(device: name)
        case .device(.setParameters(let parameters)):
            try netlink.perform(.setLink(.name(device), LinkChange(ipip: parameters)))
        case .device(.setMTU(let mtu)):
            try netlink.perform(.setLink(.name(device), LinkChange(mtu: mtu)))
        case .device(.setUp):
            try netlink.perform(.setLink(.name(device), LinkChange(isUp: true)))
        case .device(.addAddress(let address)):
            let wanted = IPv4InterfaceAddress(address: address, prefixLength: 32)
            try netlink.perform(.addAddress(try onDevice(wanted, through: &netlink)))
        case .device(.removeAddress(let address)):
            try netlink.perform(.deleteAddress(try onDevice(address, through: &netlink)))
        case .hostSetting(let setting):
            try settings.apply(setting)
        case .peers(let peers):
            try tunnel.setPeers(peers)
        case .filter(let wanted):
            try filter.set(wanted)
        case .route, .adoption:
            break
        }
    }

    private func onDevice(
        _ address: IPv4InterfaceAddress, through netlink: inout NetlinkSocket
    ) throws -> AddressMessage {
        AddressMessage(link: try deviceIndex(through: &netlink), address: address)
    }

    private func deviceIndex(through netlink: inout NetlinkSocket) throws(NetlinkError) -> Int32 {
        guard let link = try netlink.link(named: device) else {
            throw NetlinkError(code: SyscallError.noSuchDevice, operation: "find device", object: device)
        }
        return link.index
    }

    /// All routes in a row as one batch; the kernel answers for each.
    private func applyRoutes(
        _ steps: ArraySlice<Step>, through netlink: inout NetlinkSocket
    ) throws(NetlinkError) -> [StepFailure] {
        let isCarried = tunnel.isCarried
        let tunnelLink = try isCarried ? netlink.link(named: device)?.index : nil
        var batch = NetlinkBatch(reservingCapacity: steps.count)
        var asked: [Int] = []
        asked.reserveCapacity(steps.count)
        for index in steps.indices {
            guard case .route(let change) = steps[index], tunnelLink != nil || !steps[index].needsCarriedDevice else {
                continue
            }
            batch.append(change.request(tunnelLink: tunnelLink ?? 0))
            asked.append(index)
        }
        let results = try netlink.perform(&batch)
        return results.failures.compactMap { failure in
            let step = steps[asked[failure.index]]
            if case .route(.remove) = step, failure.error.meansAlreadyGone { return nil }
            return StepFailure(object: step.object, message: "\(failure.error)")
        }
    }
}

extension RouteStep {
    fileprivate func request(tunnelLink: Int32) -> NetlinkRequest {
        switch self {
        case .add(let route): .addRoute(route.specification(tunnelLink: tunnelLink))
        case .replace(_, with: let route): .replaceRoute(route.specification(tunnelLink: tunnelLink))
        case .remove(let route): .deleteRoute(route.specification(tunnelLink: tunnelLink))
        }
    }
}

extension Route {
    /// The request for this route, with the tunnel device's index filled in.
    public func specification(tunnelLink: Int32) -> RouteSpecification {
        let kind: RouteKind =
            switch self.kind {
            case .unicast: .unicast
            case .blackhole: .blackhole
            case .other: RouteKind(rawValue: 0)
            }
        return RouteSpecification(
            destination: destination, kind: kind, gateway: gateway,
            link: link == Route.tunnelLink ? tunnelLink : link, source: source, metric: metric, mtu: UInt32(mtu),
            tos: tos, isOnlink: flags.contains(.onlink), routeProtocol: routeProtocol)
    }
}
