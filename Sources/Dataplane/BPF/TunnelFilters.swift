// The tunnel's programs where they hang: found, whoever attached them, and taken away with what they leave empty.

internal import BPF
public import Rtnetlink

/// The filters of traffic control that are ours.
public enum TunnelFilters {
    private static let prefix = "poplin_"
    /// The disciplines that hold filters of what a device receives.
    private static let holders: Set = [OuterDecider.clsact, "ingress"]

    /// Whether a filter is one that an agent of the bpf tier attaches.
    public static func isOurs(_ filter: TrafficFilterMessage) -> Bool {
        filter.kind == "bpf" && UInt32(filter.priority) == TrafficHook.priority && filter.name.hasPrefix(prefix)
    }

    /// All of ours in the socket's network namespace.
    public static func list(_ netlink: inout NetlinkSocket) throws(NetlinkError) -> [TrafficFilterMessage] {
        let links = Set(try netlink.qdiscs().filter { holders.contains($0.kind) }.map(\.link))
        var found: [TrafficFilterMessage] = []
        for link in links.sorted() { found += try netlink.trafficFilters(link: link).filter(isOurs) }
        return found
    }

    /// Removes one, and the `clsact` that held it if nothing else hangs there. It is no error if it is gone already.
    ///
    /// - Parameter netlink: of the calling thread's network namespace.
    public static func remove(_ filter: TrafficFilterMessage, _ netlink: inout NetlinkSocket) throws {
        guard let side = filter.side else { return }
        try TrafficHook(link: filter.link, side).detach()
        try TrafficHook.removeUnusedQdisc(link: filter.link, &netlink)
    }
}
