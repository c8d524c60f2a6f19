// A refused request in words, read back from its own bytes: nothing is kept for it while all goes well.

internal import CMnl
internal import Net

/// What a request asked, and of what.
struct RequestDescription {
    var operation: String
    var object: String

    /// Describes `request`; `linkName` knows the devices of the socket's namespace.
    init(_ request: Message, linkName: (Int32) -> String) {
        operation = Self.operation(type: request.type, flags: request.flags)
        switch request.type {
        case MessageType.newRoute, MessageType.deleteRoute, MessageType.getRoute:
            object = RouteMessage(request).map { Self.route($0, linkName) } ?? "route"
        case MessageType.newAddress, MessageType.deleteAddress:
            object =
                AddressMessage(request).map { "address \($0.address) dev \(linkName($0.link))" } ?? "address"
        case MessageType.newRule, MessageType.deleteRule:
            object = RuleMessage(request).map { "rule priority \($0.priority)" } ?? "rule"
        default:
            object = Self.link(request, linkName)
        }
    }

    private static func operation(type: UInt16, flags: UInt16) -> String {
        let making = flags & MessageFlag.replace != 0 ? "replace" : "add"
        return switch type {
        case MessageType.newRoute: "\(making) route"
        case MessageType.deleteRoute: "delete route"
        case MessageType.getRoute: "look up route"
        case MessageType.newAddress: "\(making) address"
        case MessageType.deleteAddress: "delete address"
        case MessageType.newRule: "add rule"
        case MessageType.deleteRule: "delete rule"
        case MessageType.newLink: flags & MessageFlag.create != 0 ? "create link" : "set link"
        case MessageType.setLink: "set link"
        case MessageType.deleteLink: "delete link"
        default: "look up link"
        }
    }

    private static func route(_ route: RouteMessage, _ linkName: (Int32) -> String) -> String {
        var words = "route \(route.destination)"
        if route.kind == .blackhole { words += " blackhole" }
        if route.gateway != .any { words += " via \(route.gateway)" }
        if route.link != 0 { words += " dev \(linkName(route.link))" }
        if route.metric != 0 { words += " metric \(route.metric)" }
        if route.table != 254, route.table != 0 { words += " table \(route.table)" }
        return words
    }

    private static func link(_ request: Message, _ linkName: (Int32) -> String) -> String {
        guard let header = request.fixed(ifinfomsg.self) else { return "link" }
        if header.ifi_index > 0 { return "link \(linkName(header.ifi_index))" }
        var attributes = request.attributes(at: MemoryLayout<ifinfomsg>.size)
        while let attribute = attributes.next() {
            if attribute.type == LinkAttribute.name { return "link \(attribute.text)" }
        }
        return "link"
    }
}
