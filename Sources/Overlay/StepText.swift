// Each step in the words of `ip` and `sysctl`, so that a plan can be read and checked by hand.

internal import Net

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
        case .device(let change):
            kind = "device"
            object = device
            switch change {
            case .carry: (action, detail) = ("carry", "")
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
        case .device(.setMTU): "device mtu"
        case .device(.setUp): "device up"
        case .device(.addAddress(let address)): "device address \(address)/32"
        case .device(.removeAddress(let address)): "device address \(address)"
        case .hostSetting(let setting): setting.path
        case .peers: "peers"
        case .filter: Step.filterObject
        case .route(let change): change.route.object
        }
    }
}

extension Step {
    /// The packet filter's name in messages, as `nft` calls it.
    static let filterObject = "table ip \(HostFilter.tableName)"
}

extension HostFilter {
    /// What the filter does, for a person.
    var text: String {
        var words: [String] = []
        if let admission {
            let local = admission.local.map { "to \($0) " } ?? ""
            let checks = admission.checksSources ? " from \(admission.sources.count) prefixes" : ", any inner source"
            let others = admission.others.isEmpty ? "" : ", and \(admission.others.count) tunnels of others"
            words.append("admit protocol 4 \(local)of \(admission.peers.count) peers\(checks)\(others)")
        }
        if let masquerade {
            words.append(
                "masquerade \(AddressRange.text(masquerade.sources)) outside \(AddressRange.text(masquerade.pools))")
        }
        return words.joined(separator: "; ")
    }
}

extension AddressRange {
    fileprivate static func text(_ ranges: [AddressRange]) -> String {
        let shown = ranges.prefix(4).map(\.description).joined(separator: " ")
        return ranges.count > 4 ? "\(shown) … \(ranges.count) in all" : shown
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
