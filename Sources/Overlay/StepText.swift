// Each step in the words of `ip` and `sysctl`, so that a plan can be read and checked by hand.

public import Net

/// A step as `poplin plan` shows it.
public struct StepText: Hashable, Sendable, Encodable {
    /// `device`, `hostSetting`, `peers`, `filter` or `route`.
    public let kind: String
    /// `add`, `replace`, `remove`, `set`, `carry`, `up`.
    public let action: String
    /// What the step is about; the same object has the same text in every plan.
    public let object: String
    /// The rest of the line.
    public let detail: String

    /// Renders a step; `names` are the host's device names by index.
    public init(_ step: Step, device: String, names: [Int32: String]) {
        switch step {
        case .adoption(let change):
            (kind, action, object, detail) = change.words(device: device, names: names)
        case .device(let change):
            kind = "device"
            object = device
            switch change {
            case .carry: (action, detail) = ("carry", "")
            case .setParameters(let parameters): (action, detail) = ("set", parameters.text)
            case .setMTU(let mtu): (action, detail) = ("set", "mtu \(mtu)")
            case .setUp: (action, detail) = ("up", "")
            case .addAddress(let address): (action, detail) = ("add", "address \(address)/32")
            case .removeAddress(let address): (action, detail) = ("remove", "address \(address)")
            }
        case .hostSetting(let setting):
            (kind, action, object) = ("hostSetting", "set", setting.path)
            detail = "= \(setting.value) (\(setting.purpose))"
        case .peers(let peers):
            (kind, action, object) = ("peers", "set", "peers")
            let shown = peers.prefix(8).map { "\($0.name)=\($0.address)" }.joined(separator: " ")
            detail = peers.isEmpty ? "none" : peers.count > 8 ? "\(shown) … \(peers.count) in all" : shown
        case .filter(let filter):
            (kind, object) = ("filter", Step.filterObject)
            (action, detail) = filter.isEmpty ? ("remove", "") : ("set", filter.text)
        case .route(let change):
            kind = "route"
            switch change {
            case .add: action = "add"
            case .replace: action = "replace"
            case .remove: action = "remove"
            }
            object = change.route.destination.description
            detail = change.route.text(device: device, names: names)
        }
    }
}

extension StepText: CustomStringConvertible {
    public var description: String {
        let words = kind == "peers" ? [kind, action, detail] : [kind, action, object, detail]
        return words.filter { !$0.isEmpty }.joined(separator: " ")
    }
}

extension Step {
    /// What the step is about, for telling failures apart: a step that fails holds back no other object.
    public var object: String {
        switch self {
        case .device(.carry): "device"
        case .device(.setParameters): "device parameters"
        case .device(.setMTU): "device mtu"
        case .device(.setUp): "device up"
        case .device(.addAddress(let address)): "device address \(address)/32"
        case .device(.removeAddress(let address)): "device address \(address)"
        case .hostSetting(let setting): setting.path
        case .peers: "peers"
        case .filter: Step.filterObject
        case .route(let change): change.route.object
        case .adoption(let change): change.object
        }
    }
}

extension IPIPParameters {
    /// As `ip link` prints them; the remote only where there is one.
    public var text: String {
        var words = ["local", local == .any ? "any" : local.description]
        if remote != .any { words += ["remote", remote.description] }
        words += ["ttl", timeToLive == 0 ? "inherit" : "\(timeToLive)"]
        words += ["tos", typeOfService & 1 == 1 ? "inherit" : "0x" + String(typeOfService, radix: 16)]
        words.append(alwaysDF ? "pmtudisc" : "nopmtudisc")
        return words.joined(separator: " ")
    }
}

extension Route {
    /// The route's name in messages.
    public var object: String {
        "route \(kind == .blackhole ? "blackhole " : "")\(destination)"
    }

    /// The attributes behind the destination, as `ip route` prints them.
    public func text(device: String, names: [Int32: String]) -> String {
        var words: [String] = []
        if kind == .blackhole { words.append("blackhole") }
        if gateway != .any { words += ["via", gateway.description] }
        if link != 0 { words += ["dev", link == Route.tunnelLink ? device : names[link] ?? "index \(link)"] }
        words += ["proto", "112"]
        if source != .any { words += ["src", source.description] }
        if metric != 0 { words += ["metric", "\(metric)"] }
        if mtu != 0 { words += ["mtu", "\(mtu)"] }
        if flags.contains(.onlink) { words.append("onlink") }
        return words.joined(separator: " ")
    }
}
