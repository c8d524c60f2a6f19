// What predecessors left, in words: the lines of a plan, and the warnings.

internal import Net

extension AdoptionStep {
    /// As ``Step/object``.
    var object: String {
        switch self {
        case .replace(_, with: let route): route.object
        case .remove(let leftover): "route \(leftover.route.destination) of \(leftover.predecessor.rawValue)"
        case .removeDevice(let link): "device \(link.name)"
        }
    }

    /// The parts of a ``StepText``.
    func words(
        device: String, names: [Int32: String]
    ) -> (kind: String, action: String, object: String, detail: String) {
        switch self {
        case .replace(let leftover, with: let route):
            let ours = route.text(device: device, names: names)
            return ("route", "replace", "\(route.destination)", "\(ours) (was \(leftover.text(names: names)))")
        case .remove(let leftover):
            return ("route", "remove", "\(leftover.route.destination)", leftover.text(names: names))
        case .removeDevice(let link):
            return ("device", "remove", link.name, "(kind \(link.kind), no longer used)")
        }
    }
}

extension Leftover {
    /// The attributes behind the destination, as `ip route` prints them; with the maker, where its number does not tell.
    public func text(names: [Int32: String]) -> String {
        var words: [String] = []
        if route.kind == .blackhole { words.append("blackhole") }
        if let gateway = route.gateway { words += ["via", gateway.description] }
        if route.link != 0 && route.kind == .unicast { words += ["dev", names[route.link] ?? "index \(route.link)"] }
        words += ["proto", predecessor == .bird ? "bird" : "\(route.routeProtocol)"]
        if predecessor != .bird { words += ["of", predecessor.rawValue] }
        if route.metric != 0 { words += ["metric", "\(route.metric)"] }
        if route.gatewayIsOnlink { words.append("onlink") }
        return words.joined(separator: " ")
    }
}

extension RouteConflict {
    /// `of protocol 4`, `of protocol 12 (bird)`.
    public var maker: String {
        "of protocol \(routeProtocol)\(predecessor.map { " (\($0.rawValue))" } ?? "")"
    }
}

extension [Leftover] {
    /// `3 routes of bird (10.244.2.0/26, 10.244.3.0/26, …)`.
    public func text(of predecessor: Predecessor) -> String {
        let shown = prefix(3).map(\.route.destination.description).joined(separator: ", ")
        return "\(count) route\(count == 1 ? "" : "s") of \(predecessor.rawValue) (\(shown)\(count > 3 ? ", …" : ""))"
    }
}

extension Warning {
    /// What predecessors left, each once. Where some are taken over, the agent itself says why another is left alone.
    static func leftovers(_ all: [Leftover], adoption: Adoption, adopting: Set<Predecessor>) -> [Warning] {
        let left = adopting.isEmpty ? all : adoption.kept
        return Predecessor.allCases.compactMap { predecessor in
            let left = left.filter { $0.predecessor == predecessor }
            guard !left.isEmpty else { return nil }
            return adopting.isEmpty ? foreign(left, of: predecessor) : kept(left, of: predecessor)
        }
    }

    private static func foreign(_ left: [Leftover], of predecessor: Predecessor) -> Warning {
        Warning(
            code: "leftovers", about: [predecessor.rawValue],
            message: "\(left.text(of: predecessor)) within the pools: untouched; when it is stopped, "
                + "`poplin agent --adopt` takes them over")
    }

    private static func kept(_ left: [Leftover], of predecessor: Predecessor) -> Warning {
        Warning(
            code: "leftoversKept", about: [predecessor.rawValue],
            message: "\(left.text(of: predecessor)) kept, because the datastore has no block there or leads elsewhere: "
                + "add a BlockAffinity for each (a /32 for a borrowed address), or remove them with `ip route del`")
    }
}
