// What a monitor hears of the changes that another socket makes.

import Net
import Testing

@testable import Rtnetlink

@Suite(.enabled(if: canMakeNamespaces, "network namespaces need root"))
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
            let events = try Self.drain(&monitor)

            #expect(events.contains { if case .link(.new, let link) = $0 { link.name == "v0" } else { false } })
            #expect(
                events.contains {
                    if case .address(.new, let told) = $0 {
                        told.link == link && told.address == interfaceAddress("10.99.0.1/24")
                    } else {
                        false
                    }
                })
            #expect(events.contains { if case .rule(.new, let rule) = $0 { rule.priority == 50 } else { false } })
            let port = socket.portID
            let changes: [MonitorEvent.Change] = events.compactMap {
                guard case .route(let change, let told, senderPortID: port) = $0, told.routeProtocol == 112
                else { return nil }
                return change
            }
            #expect(changes == [.new, .deleted])
            let ofTheKernel = events.contains {
                if case .route(.new, let told, senderPortID: 0) = $0 { told.routeProtocol == 2 } else { false }
            }
            #expect(ofTheKernel)
            #expect(!events.contains(.overrun))
            #expect(try Self.drain(&monitor).isEmpty)
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
            let deleted: [String] = try Self.drain(&monitor).compactMap {
                if case .link(.deleted, let link) = $0 { link.name } else { nil }
            }
            #expect(deleted == ["br0"])
        }
    }

    @Test func `A link that goes down takes its routes without a word about them`() throws {
        try KernelTests.withVeth { socket, link in
            try socket.perform(
                .addRoute(RouteSpecification(destination: prefix("10.1.0.0/24"), link: link, routeProtocol: 112)))
            var monitor = try NetlinkMonitor()
            try socket.perform(.setLink(.index(link), LinkChange(isUp: false)))
            let events = try Self.drain(&monitor)
            #expect(events.contains { if case .link(.new, let told) = $0 { !told.isUp } else { false } })
            let routesTold = events.contains {
                if case .route(_, let told, _) = $0 { told.routeProtocol == 112 } else { false }
            }
            print("EVENTS", routesTold)
            let again = events.contains {
                if case .route(_, let told, _) = $0 { told.routeProtocol == 112 } else { false }
            }
            print("EVENTS again", again)
            let third = events.contains {
                print("CLOSURE", $0)
                return if case .route(_, let told, _) = $0 { told.routeProtocol == 112 } else { false }
            }
            print("EVENTS third", third)
            #expect(!routesTold)
            #expect(try socket.routes(filter: RouteFilter(routeProtocol: 112)).isEmpty)
        }
    }

    @Test func `A full receive buffer is an overrun, after which the monitor goes on`() throws {
        try KernelTests.withVeth { socket, link in
            var monitor = try NetlinkMonitor(receiveBufferBytes: 4096)
            var batch = NetlinkBatch()
            for number: UInt32 in 0..<500 {
                batch.append(
                    .addRoute(
                        RouteSpecification(
                            destination: IPv4Prefix(host: IPv4Address(rawValue: 0x0A01_0000 + number)), link: link,
                            routeProtocol: 112)))
            }
            #expect(try socket.perform(&batch).failures.isEmpty)
            let events = try Self.drain(&monitor)
            #expect(events.contains(.overrun))
            #expect(events.count < 500)
            try socket.perform(.addRule(RuleMessage(priority: 50, table: 254)))
            let later = try Self.drain(&monitor)
            #expect(later.count == 1)
            #expect(later.contains { if case .rule(.new, let rule) = $0 { rule.priority == 50 } else { false } })
        }
    }

    private static func drain(_ monitor: inout NetlinkMonitor) throws -> [MonitorEvent] {
        var events: [MonitorEvent] = []
        try monitor.drain { events.append($0) }
        return events
    }
}
