// Everything that the kernel of one host tells of Poplin's objects, from a moment on: what is not told did not happen.

import Lab
import LinuxSystem
import Rtnetlink
import Testing

/// A subscription to a host's routes, links and addresses.
final class KernelWatch {
    private var monitor: NetlinkMonitor
    private let host: String
    /// Routes of ours that were taken away, one line each; a replaced one is not.
    private(set) var removals: [String] = []
    /// Those of them that a program asked for; the others followed from another change, as a device's end.
    private(set) var requestedRemovals: [String] = []
    /// All changes of our routes, of the tunnel device and its addresses, but for its carrier, which comes and goes
    /// with the process that carries its packets.
    private(set) var changes: [String] = []
    /// All changes of routes of others in the main table.
    private(set) var foreignChanges: [String] = []
    private var device: LinkMessage?

    /// Subscribes.
    init(_ host: LabHost) throws {
        self.host = host.name
        monitor = try host.run { try NetlinkMonitor() }
        device = try host.netlink { try $0.link(named: "tunl0") }
    }

    /// Takes what was told since the last time.
    func drain() throws {
        var events: [MonitorEvent] = []
        try monitor.drain { events.append($0) }
        for event in events { take(event) }
    }

    private func take(_ event: MonitorEvent) {
        switch event {
        case .route(let change, let route, let sender)
        where route.routeProtocol == poplinRoute && route.table == RouteFilter().table:
            let text = "\(host): route \(route.destination) via \(route.gateway) \(change)"
            changes.append(text)
            if change == .deleted { removals.append(text) }
            if change == .deleted && sender != 0 { requestedRemovals.append(text) }
        case .route(let change, let route, _) where route.table == RouteFilter().table:
            foreignChanges.append("\(host): route \(route.destination) of protocol \(route.routeProtocol) \(change)")
        case .link(let change, let link) where link.name == "tunl0":
            let isSame =
                change == .new && link.index == device?.index && link.mtu == device?.mtu && link.isUp == device?.isUp
            if !isSame { changes.append("\(host): link \(link.name) \(change), mtu \(link.mtu), up \(link.isUp)") }
            device = change == .new ? link : nil
        case .address(let change, let address) where address.link == device?.index:
            changes.append("\(host): address \(address.address) \(change)")
        case .overrun:
            Issue.record("\(host): changes were missed")
        default:
            break
        }
    }
}
