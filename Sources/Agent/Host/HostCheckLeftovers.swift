// What other overlay software left on the host: its routes in our pools, and its tunnel devices.

internal import Overlay

/// Findings about predecessors.
struct HostCheckLeftovers {
    let facts: HostFacts
    let desired: DesiredState
    /// The name of our own device.
    let tunnelDevice: String

    func findings() -> [HostFinding] {
        Predecessor.allCases.compactMap(routes) + facts.links.compactMap(device)
    }

    private func routes(of predecessor: Predecessor) -> HostFinding? {
        let left = desired.leftovers.filter { $0.predecessor == predecessor }
        guard !left.isEmpty else { return nil }
        let blocking = desired.conflicts.count { $0.predecessor == predecessor }
        return HostFinding(
            "leftovers", .warn,
            "\(left.text(of: predecessor)) within the pools, \(blocking) of them where Poplin's would stand",
            remedy: "stop \(predecessor.rawValue), look at `poplin plan --adopt`, then start `poplin agent --adopt`; "
                + "or leave them alone, and they stay")
    }

    /// Of devices that other software made for tunnels of this kind; with none of them in use there is nothing to say.
    private func device(_ link: Link) -> HostFinding? {
        guard link.kind == "ipip", link.name != tunnelDevice else { return nil }
        let isUsed = desired.leftovers.contains { $0.route.link == link.index }
        if let maker = Predecessor.allCases.first(where: { $0.owns(link) }) {
            return HostFinding(
                "leftovers", .warn,
                "\(link.name) is \(maker.rawValue)'s tunnel device\(isUsed ? ", and has routes in pools" : "")",
                remedy: "`poplin agent --adopt` removes it when no route needs it any more")
        }
        guard isUsed else { return nil }
        return HostFinding(
            "leftovers", .warn, "\(link.name) is a tunnel device of somebody else, and has routes in pools",
            remedy: "see `ip -d link show \(link.name)` and `ip route show dev \(link.name)`")
    }
}
