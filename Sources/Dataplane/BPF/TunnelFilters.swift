// The tunnel's programs where they hang: found, whoever attached them, and taken away with what they leave empty.

internal import Glibc
public import Rtnetlink

/// The filters of traffic control that are ours.
public enum TunnelFilters {
    /// The program that encapsulates, on what the tunnel device sends.
    public static let outward = "poplin_out"
    /// The program that decapsulates, on what an underlay device receives.
    public static let inward = "poplin_in"
    /// Where ours hang among those of others: priority and handle, the same on every device.
    static let priority: UInt16 = 112
    static let handle: UInt32 = 1

    private static let prefix = "poplin_"
    /// The disciplines that hold filters of what a device receives.
    private static let holders: Set = [OuterDecider.clsact, "ingress"]

    /// Whether a filter is one that an agent of the bpf tier attaches.
    public static func isOurs(_ filter: TrafficFilterMessage) -> Bool {
        filter.kind == "bpf" && filter.priority == priority && filter.name.hasPrefix(prefix)
    }

    /// All of ours in the socket's network namespace.
    public static func list(_ netlink: inout NetlinkSocket) throws(NetlinkError) -> [TrafficFilterMessage] {
        var found: [TrafficFilterMessage] = []
        let links = Set(try netlink.qdiscs().filter { holders.contains($0.kind) }.map(\.link))
        for link in links.sorted() {
            for side in TrafficSide.allCases {
                found += try netlink.trafficFilters(link: link, side: side).filter(isOurs)
            }
        }
        return found
    }

    /// Removes a filter, and the `clsact` that held it if nothing else hangs there; one that is gone already is no error.
    public static func remove(
        _ filter: TrafficFilterMessage, _ netlink: inout NetlinkSocket
    ) throws(NetlinkError) {
        try perform(.deleteTrafficFilter(filter), &netlink)
        for side in TrafficSide.allCases {
            guard try netlink.trafficFilters(link: filter.link, side: side).isEmpty else { return }
        }
        for qdisc in try netlink.qdiscs() where qdisc.link == filter.link && qdisc.kind == OuterDecider.clsact {
            try perform(.deleteQdisc(qdisc), &netlink)
        }
    }

    /// Removes; what is gone has what was wanted.
    private static func perform(
        _ removal: NetlinkRequest, _ netlink: inout NetlinkSocket
    ) throws(NetlinkError) {
        do throws(NetlinkError) {
            try netlink.perform(removal)
        } catch {
            // EINVAL is what the kernel answers where the discipline, the filter's parent, is gone.
            guard error.kind == .refused, [ENOENT, ENODEV, EINVAL].contains(error.code) else { throw error }
        }
    }
}
