// What changes in the kernel, as it changes; what was missed is said, so that the reader can read everything anew.

internal import CMnl
internal import Glibc
internal import Net

/// A change that the kernel told of.
public enum MonitorEvent: Hashable, Sendable {
    /// Whether an object is there (new or changed) or gone.
    public enum Change: Hashable, Sendable {
        case new
        case deleted
    }

    /// A device; with it gone or down its routes are gone too, and nothing else tells of them.
    case link(Change, LinkMessage)
    case address(Change, AddressMessage)
    /// A route, and the port of the socket that asked for the change; 0 for the kernel itself.
    case route(Change, RouteMessage, senderPortID: UInt32)
    case rule(Change, RuleMessage)
    /// A neighbour; a change of state is told as a new one.
    case neighbour(Change, NeighbourMessage)
    case qdisc(Change, QdiscMessage)
    /// A filter of traffic control; those that vanish with their discipline or device are not told of.
    case trafficFilter(Change, TrafficFilterMessage)
    /// Forwarding, `rp_filter` or another of the few settings that the kernel tells of, of a device or of all.
    case configuration
    /// Messages were lost or not understood: all must be read anew.
    case overrun
}

/// A subscription to changes of one network namespace.
public struct NetlinkMonitor: ~Copyable, Sendable {
    /// What is told of.
    public enum Subject: Hashable, Sendable {
        /// Links, IPv4 addresses, routes, rules and settings.
        case routing
        /// IPv4 neighbours, queueing disciplines and traffic filters.
        case sending
        /// Queueing disciplines and traffic filters.
        case traffic

        fileprivate var groups: [rtnetlink_groups] {
            switch self {
            case .routing:
                [RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV4_NETCONF]
            case .sending: [RTNLGRP_NEIGH, RTNLGRP_TC]
            case .traffic: [RTNLGRP_TC]
            }
        }
    }

    private var endpoint: Endpoint

    /// Subscribes in the calling thread's network namespace.
    ///
    /// - Parameter receiveBufferBytes: how much may wait to be read, in the kernel's counting, before it is an overrun;
    ///   a change of a route weighs about 1 KB.
    public init(_ subject: Subject = .routing, receiveBufferBytes: Int = 8 << 20) throws(NetlinkError) {
        let endpoint = try Endpoint()
        endpoint.setReceiveBuffer(receiveBufferBytes)
        for group in subject.groups {
            guard endpoint.setOption(NETLINK_ADD_MEMBERSHIP, Int32(group.rawValue)) else {
                throw NetlinkError(code: errno, operation: "subscribe to netlink group \(group.rawValue)")
            }
        }
        self.endpoint = endpoint
    }

    /// For epoll: readable while there is something to drain. It belongs to the monitor.
    public var fileDescriptor: Int32 { endpoint.fileDescriptor }

    /// Gives every waiting change to `body`, and returns when none waits.
    ///
    /// At most 65,536 datagrams are taken, so that a flood cannot hold the caller: poll level-triggered.
    public mutating func drain(_ body: (MonitorEvent) -> Void) throws(NetlinkError) {
        for _ in 0..<65536 {
            switch endpoint.receive() {
            case .datagram(var messages):
                while let message = messages.next() {
                    if let event = MonitorEvent(message) { body(event) }
                }
            case .empty: return
            case .overrun: body(.overrun)
            case .failed(let code): throw NetlinkError(code: code, operation: "read netlink changes")
            }
        }
    }
}

extension MonitorEvent {
    /// Decodes a notification; nil for one about something else (another family, a bridge port).
    init?(_ message: Message) {
        let event: MonitorEvent?
        let expectedFamily: UInt8
        switch message.type {
        case MessageType.newLink, MessageType.deleteLink:
            let change: Change = message.type == MessageType.newLink ? .new : .deleted
            event = LinkMessage(message).map { .link(change, $0) }
            expectedFamily = UInt8(AF_UNSPEC)
        case MessageType.newAddress, MessageType.deleteAddress:
            let change: Change = message.type == MessageType.newAddress ? .new : .deleted
            event = AddressMessage(message).map { .address(change, $0) }
            expectedFamily = ipv4Family
        case MessageType.newRoute, MessageType.deleteRoute:
            let change: Change = message.type == MessageType.newRoute ? .new : .deleted
            event = RouteMessage(message).map { .route(change, $0, senderPortID: message.portID) }
            expectedFamily = ipv4Family
        case MessageType.newRule, MessageType.deleteRule:
            let change: Change = message.type == MessageType.newRule ? .new : .deleted
            event = RuleMessage(message).map { .rule(change, $0) }
            expectedFamily = ipv4Family
        case MessageType.newNeighbour, MessageType.deleteNeighbour:
            let change: Change = message.type == MessageType.newNeighbour ? .new : .deleted
            event = NeighbourMessage(message).map { .neighbour(change, $0) }
            expectedFamily = ipv4Family
        case MessageType.newQdisc, MessageType.deleteQdisc:
            let change: Change = message.type == MessageType.newQdisc ? .new : .deleted
            event = QdiscMessage(message).map { .qdisc(change, $0) }
            expectedFamily = UInt8(AF_UNSPEC)
        case MessageType.newTrafficFilter, MessageType.deleteTrafficFilter:
            let change: Change = message.type == MessageType.newTrafficFilter ? .new : .deleted
            event = TrafficFilterMessage(message).map { .trafficFilter(change, $0) }
            expectedFamily = UInt8(AF_UNSPEC)
        case MessageType.newConfiguration:
            event = message.family == ipv4Family ? .configuration : nil
            expectedFamily = ipv4Family
        case MessageType.overrun:
            event = nil
            expectedFamily = message.family ?? 0
        default:
            return nil
        }
        if let event {
            self = event
        } else if message.family == nil || message.family == expectedFamily {
            self = .overrun
        } else {
            return nil
        }
    }
}
