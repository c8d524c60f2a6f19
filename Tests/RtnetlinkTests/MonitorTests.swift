// What a monitor hears of the changes that another socket makes.

import LinuxSystem
import Net
import TestSupport
import Testing

@testable import Rtnetlink

@Suite(.needsNamespaces)
struct MonitorTests {
    @Test func `A monitor hears of links, addresses, routes and rules, and who changed the routes`() throws {
        try TestNamespace().run {
            var monitor = try NetlinkMonitor()
            var socket = try NetlinkSocket()
            let link = try KernelTests.makeVeth(&socket)
            let route = RouteSpecification(
                destination: prefix("10.1.0.0/24"), gateway: address("10.99.0.2"), link: link, routeProtocol: 112)
            try socket.perform(.addRoute(route))
            try socket.perform(.deleteRoute(route))
            try socket.perform(.addRule(RuleMessage(priority: 50, table: 254)))
            let heard = try Heard(from: &monitor)

            #expect(heard.newLinks.map(\.name).contains("v0"))
            #expect(heard.newAddresses.map(\.address).contains(interfaceAddress("10.99.0.1/24")))
            #expect(heard.rules == [RuleMessage(priority: 50, table: 254)])
            let ours = heard.routes.filter { $0.route.routeProtocol == 112 }
            #expect(ours.map(\.change) == [.new, .deleted])
            #expect(ours.map(\.sender) == [socket.portID, socket.portID])
            let connected = heard.routes.filter { $0.route.destination == prefix("10.99.0.0/24") }
            #expect(connected.map(\.change) == [.new])
            #expect(connected.map(\.sender) == [0], "made by the kernel itself")
            #expect(heard.overruns == 0)
        }
    }

    @Test(arguments: ["net/ipv4/ip_forward", "net/ipv4/conf/all/rp_filter", "net/ipv4/conf/v0/rp_filter"])
    func `A setting that changes is told, and one that is written anew is not`(setting: String) throws {
        try KernelTests.withVeth { _, _ in
            let value = try Sysctl.read(setting) == "1" ? "0" : "1"
            var monitor = try NetlinkMonitor()
            try Sysctl.write(setting, value)
            #expect(try Heard(from: &monitor).configurations > 0)
            try Sysctl.write(setting, value)
            #expect(try Heard(from: &monitor).configurations == 0)
        }
    }

    @Test func `A port that leaves its bridge is not told as a deleted link`() throws {
        try TestNamespace().run {
            var socket = try NetlinkSocket()
            let link = try KernelTests.makeVeth(&socket)
            try socket.perform(.createLink(LinkSpecification(name: "br0", kind: "bridge", isUp: true)))
            let bridge = try #require(try socket.link(named: "br0"))
            var monitor = try NetlinkMonitor()
            try socket.perform(.setLink(.index(link), LinkChange(master: bridge.index)))
            try socket.perform(.setLink(.index(link), LinkChange(master: 0)))
            try socket.perform(.deleteLink(.name("br0")))
            #expect(try Heard(from: &monitor).deletedLinks.map(\.name) == ["br0"])
        }
    }

    @Test func `A link that goes down takes its routes without a word about them`() throws {
        try KernelTests.withVeth { socket, link in
            try socket.perform(
                .addRoute(RouteSpecification(destination: prefix("10.1.0.0/24"), link: link, routeProtocol: 112)))
            var monitor = try NetlinkMonitor()
            try socket.perform(.setLink(.index(link), LinkChange(isUp: false)))
            let heard = try Heard(from: &monitor)
            // The carrier's own news may come between: the kernel tells it up to a second later.
            let told = heard.newLinks.filter { $0.index == link }
            #expect(told.last?.isUp == false)
            #expect(heard.routes.isEmpty)
            #expect(try socket.routes(filter: RouteFilter(routeProtocol: 112)).isEmpty)
        }
    }

    @Test func `A full receive buffer is an overrun, after which the monitor goes on`() throws {
        // Without a link, so that nothing is told but what is asked for here.
        try TestNamespace().run {
            var socket = try NetlinkSocket()
            var monitor = try NetlinkMonitor(receiveBufferBytes: 4096)
            var batch = NetlinkBatch()
            for number: UInt32 in 0..<500 {
                batch.append(
                    .addRoute(
                        RouteSpecification(
                            destination: IPv4Prefix(host: IPv4Address(rawValue: 0x0A01_0000 + number)),
                            kind: .blackhole,
                            routeProtocol: 112)))
            }
            #expect(try socket.perform(&batch).failures.isEmpty)
            let heard = try Heard(from: &monitor)
            #expect(heard.overruns > 0)
            #expect(heard.routes.count < 500)
            try socket.perform(.addRule(RuleMessage(priority: 50, table: 254)))
            let later = try Heard(from: &monitor)
            #expect(later.rules.map(\.priority) == [50])
            #expect(later.overruns == 0)
        }
    }

    /// The events of one draining, by their kind. Kept out of `#expect` on purpose: with Swift 6.3.1 a closure inside
    /// the macro and a like one after it can become one function, and a test then asks the wrong question.
    private struct Heard {
        var newLinks: [LinkMessage] = []
        var deletedLinks: [LinkMessage] = []
        var newAddresses: [AddressMessage] = []
        var routes: [(change: MonitorEvent.Change, route: RouteMessage, sender: UInt32)] = []
        var rules: [RuleMessage] = []
        var configurations = 0
        var overruns = 0

        init(from monitor: inout NetlinkMonitor) throws {
            var events: [MonitorEvent] = []
            try monitor.drain { events.append($0) }
            for event in events {
                switch event {
                case .link(.new, let link): newLinks.append(link)
                case .link(.deleted, let link): deletedLinks.append(link)
                case .address(.new, let address): newAddresses.append(address)
                case .address(.deleted, _): break
                case .route(let change, let route, let sender): routes.append((change, route, sender))
                case .rule(_, let rule): rules.append(rule)
                case .neighbour, .qdisc, .trafficFilter: Issue.record("nobody asked for \(event)")
                case .configuration: configurations += 1
                case .overrun: overruns += 1
                }
            }
        }
    }
}
