// Whatever of ours is damaged by hand comes back by the kernel's own word of it, with no period to wait for.

import Lab
import LinuxSystem
import Net
import Rtnetlink
import Testing

extension EndToEndTests {
    @Suite("Repair by event")
    struct Repair {
        @Test(arguments: Damage.allCases)
        func `What is damaged by hand comes back`(damage: Damage) throws {
            var specification = LabSpecification.threeNodes()
            specification.hasSniffer = false
            try withLab(specification) { lab in
                let node = try lab.host("n1")
                let before = try OwnState(of: node)
                try damage.inflict(on: node)
                // The repair may come before this look; what counts is the state in the end.
                try waitUntil("the state as it was") { try OwnState(of: node) == before }
                try lab.waitReady("n1")
                for target in ["w2", "w3"] {
                    let report = try lab.ping(from: "w1", to: target, count: 5, intervalMilliseconds: 2)
                    #expect(report.isComplete, "\(target): \(report.summary)")
                }
            }
        }

        @Test func `A foreign route in the way is reported and stays, and ours comes when it is gone`() throws {
            var specification = LabSpecification.threeNodes()
            specification.hasSniffer = false
            try withLab(specification) { lab in
                let node = try lab.host("n1")
                let block = prefix("10.244.77.0/26")
                try node.setRoute(block, via: address("10.0.1.254"))
                try lab.write([.block(block, node: "n2")])
                let status = try lab.waitStatus("n1", "the conflict") { $0.routes?.conflicts.isEmpty == false }
                #expect(status.routes?.conflicts.map(\.destination) == ["10.244.77.0/26"])
                #expect(!status.ready && status.warnings?.contains { $0.code == "foreignRoute" } == true)
                #expect(try node.routes().filter { $0.destination == block }.map(\.routeProtocol) == [4])
                try node.removeRoute(block)
                try waitUntil("our route") { try lab.ownRoute("n1", to: block) != nil }
                try lab.waitReady("n1")
            }
        }
    }
}

/// Something that a person, or another program, may do to a host.
enum Damage: String, CaseIterable, CustomTestStringConvertible {
    case routeDeleted = "a route deleted"
    case allRoutesDeleted = "all routes deleted"
    case routeReplaced = "a route replaced by a wrong one of our protocol"
    case routeBesides = "a second route with another metric under our protocol"
    case deviceDeleted = "the device deleted"
    case deviceDown = "the device set down"
    case mtuChanged = "the device's MTU changed"
    case addressRemoved = "the device's address removed"
    case addressAdded = "another address on the device"
    case underlayDown = "the underlay device down and up"
    case strictReversePath = "rp_filter strict on the tunnel device"
    case strictReversePathOfUnderlay = "rp_filter strict on the underlay device"
    case forwardingOff = "ip_forward off"

    var testDescription: String { rawValue }

    func inflict(on node: LabHost) throws {
        switch self {
        case .routeDeleted:
            try node.netlink { socket in
                let routes = try socket.routes(filter: RouteFilter(routeProtocol: poplinRoute))
                let route = try #require(routes.first { $0.kind == .unicast })
                try socket.perform(.deleteRoute(RouteSpecification(route)))
            }
        case .allRoutesDeleted:
            try node.netlink { socket in
                for route in try socket.routes(filter: RouteFilter(routeProtocol: poplinRoute)) {
                    try socket.perform(.deleteRoute(RouteSpecification(route)))
                }
            }
        case .routeReplaced:
            try node.netlink { socket in
                let link = try #require(try socket.link(named: "eth0"))
                try socket.perform(
                    .replaceRoute(
                        RouteSpecification(
                            destination: prefix("10.244.3.0/26"), gateway: address("10.0.1.2"), link: link.index,
                            routeProtocol: poplinRoute)))
            }
        case .routeBesides:
            try node.netlink { socket in
                let link = try #require(try socket.link(named: "eth0"))
                try socket.perform(
                    .addRoute(
                        RouteSpecification(
                            destination: prefix("10.244.3.0/26"), gateway: address("10.0.1.2"), link: link.index,
                            metric: 77, routeProtocol: poplinRoute)))
            }
        case .deviceDeleted: try node.perform([.deleteLink(.name("tunl0"))])
        case .deviceDown: try node.setLink("tunl0", isUp: false)
        case .mtuChanged: try node.setMTU("tunl0", 1300)
        case .addressRemoved, .addressAdded:
            let link = try node.linkIndex("tunl0")
            let added = self == .addressAdded
            let tunnel = interface(added ? "10.244.1.9/32" : "10.244.1.1/32")
            let message = AddressMessage(link: link, address: tunnel)
            try node.perform([added ? .addAddress(message) : .deleteAddress(message)])
        case .underlayDown:
            let others = try node.routes().filter { $0.routeProtocol == 4 }
            try node.setLink("eth0", isUp: false)
            try node.setLink("eth0", isUp: true)
            // The administrator's own routes, the default route among them, do not come back by themselves.
            try node.perform(others.map { .replaceRoute(RouteSpecification($0)) })
        case .strictReversePath: try node.sysctl("net/ipv4/conf/tunl0/rp_filter", "1")
        case .strictReversePathOfUnderlay: try node.sysctl("net/ipv4/conf/eth0/rp_filter", "1")
        case .forwardingOff: try node.sysctl("net/ipv4/ip_forward", "0")
        }
    }
}

/// All that Poplin keeps in a host's kernel; the device's number is left out, for it changes with a new device.
struct OwnState: Hashable {
    private var routes: Set<String>
    private var device: String
    private var addresses: Set<IPv4InterfaceAddress>
    private var settings: [String]

    init(of host: LabHost) throws {
        self = try host.run {
            var socket = try NetlinkSocket()
            return try OwnState(&socket)
        }
    }

    private init(_ socket: inout NetlinkSocket) throws {
        let names = Dictionary(uniqueKeysWithValues: try socket.links().map { ($0.index, $0.name) })
        let link = try socket.link(named: "tunl0")
        routes = Set(
            try socket.routes(filter: RouteFilter(routeProtocol: poplinRoute)).map { route in
                var plain = route
                plain.link = 0
                // A device without a carrier for a moment is no difference.
                plain.flags.remove(.linkDown)
                return "\(plain) \(names[route.link] ?? "-")"
            })
        device = link.map { "\($0.kind) \($0.mtu) \($0.isUp) \($0.isLowerUp)" } ?? "none"
        addresses = Set(try socket.addresses().filter { $0.link == link?.index }.map(\.address))
        settings = [
            "net/ipv4/ip_forward", "net/ipv4/conf/tunl0/rp_filter", "net/ipv4/conf/eth0/rp_filter",
        ].map { name in
            let value = (try? Sysctl.read(name)) ?? "missing"
            // 0 and 2 are alike to us: only strict filtering is in the way.
            return name.hasSuffix("rp_filter") ? "\(value != "1")" : value
        }
    }
}
