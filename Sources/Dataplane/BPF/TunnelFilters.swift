// The tunnel's programs where they hang: found and taken away, whoever attached them.

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
        try survey(&netlink).ours
    }

    /// All of ours in the socket's network namespace, and the hooks where filters of others come before ours would.
    static func survey(
        _ netlink: inout NetlinkSocket
    ) throws(NetlinkError) -> (ours: [TrafficFilterMessage], preceded: Set<TrafficHook>) {
        let links = Set(try netlink.qdiscs().filter { holders.contains($0.kind) }.map(\.link))
        var ours: [TrafficFilterMessage] = []
        var preceded: Set<TrafficHook> = []
        for link in links.sorted() {
            for side in TrafficSide.allCases {
                // Their device may be another, or none, where several share filters.
                let filters = try netlink.trafficFilters(link: link, side: side)
                ours += filters.filter(isOurs)
                if filters.contains(where: { !isOurs($0) && UInt32($0.priority) <= TrafficHook.priority }) {
                    preceded.insert(TrafficHook(link: link, side))
                }
            }
        }
        return (ours, preceded)
    }

    /// Removes one, and leaves the `clsact` that held it: while that goes, the kernel drops what the device is to send
    /// (`qdisc_graft` in net/sched/sch_api.c deactivates the device). It is no error if it is gone already.
    public static func remove(_ filter: TrafficFilterMessage) throws {
        guard let side = filter.side else { return }
        try TrafficHook(link: filter.link, side).detach()
    }

    /// Removes one, and the `clsact` that held it if nothing else hangs there.
    ///
    /// - Parameter netlink: of the calling thread's network namespace.
    public static func removeWithHolder(_ filter: TrafficFilterMessage, _ netlink: inout NetlinkSocket) throws {
        try remove(filter)
        try TrafficHook.removeUnusedQdisc(link: filter.link, &netlink)
    }
}
