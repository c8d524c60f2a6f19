// The few sysctls without which no packet would pass; each is set only where it is wrong.

/// A sysctl that Poplin needs.
public enum HostSetting: Hashable, Sendable {
    /// `net.ipv4.ip_forward = 1`: workloads' packets pass through this host.
    case forwarding
    /// `rp_filter` of a device not strict: where one end tunnels and the other sends direct, packets come in
    /// on another device than the one their answers leave by.
    case looseReversePath(device: String)
    /// `forwarding` of a device: a program may look routes up on its behalf (`bpf_fib_lookup`).
    case deviceForwarding(device: String)
    /// `ignore_routes_with_linkdown` of a device off: a TUN device that no process holds has no carrier, and its routes are to
    /// stay in use, for programs carry its packets.
    case routesWithoutCarrier(device: String)

    /// What this host needs.
    ///
    /// - Parameter usesPrograms: whether programs in the kernel carry the tunnel device's packets.
    public static func needed(tunnel: String, underlay: [String], usesPrograms: Bool = false) -> [HostSetting] {
        [.forwarding] + ([tunnel] + underlay).map { .looseReversePath(device: $0) }
            + (usesPrograms ? [.deviceForwarding(device: tunnel), .routesWithoutCarrier(device: tunnel)] : [])
    }

    /// The path below `/proc/sys` that is written.
    public var path: String {
        switch self {
        case .forwarding: "net/ipv4/ip_forward"
        case .looseReversePath(let device): "net/ipv4/conf/\(device)/rp_filter"
        case .deviceForwarding(let device): "net/ipv4/conf/\(device)/forwarding"
        case .routesWithoutCarrier(let device): "net/ipv4/conf/\(device)/ignore_routes_with_linkdown"
        }
    }

    /// The paths below `/proc/sys` that decide whether the setting holds.
    public var inputs: [String] {
        switch self {
        case .forwarding, .deviceForwarding, .routesWithoutCarrier: [path]
        case .looseReversePath: [path, Self.reversePathOfNew, Self.reversePathOfAll]
        }
    }

    private static let reversePathOfAll = "net/ipv4/conf/all/rp_filter"
    /// What a device has from the beginning.
    private static let reversePathOfNew = "net/ipv4/conf/default/rp_filter"

    /// The value to write where the setting does not hold.
    public var value: String {
        switch self {
        case .forwarding, .deviceForwarding: "1"
        case .looseReversePath: "2"
        case .routesWithoutCarrier: "0"
        }
    }

    /// For a person: what it is for.
    public var purpose: String {
        switch self {
        case .forwarding: "packets of workloads are forwarded"
        case .looseReversePath: "answers may come by another device than the tunnel"
        case .deviceForwarding: "programs may look routes up for the tunnel's packets"
        case .routesWithoutCarrier: "the tunnel's routes stay in use without an agent"
        }
    }

    /// Whether the setting holds, given the values of ``inputs``.
    ///
    /// The kernel uses the larger of `conf.all.rp_filter` and the device's (`IN_DEV_RPFILTER`), and 2 is loose. A device
    /// that is not there yet will have the value of `conf.default`.
    public func holds(_ values: [String: String]) -> Bool {
        switch self {
        case .forwarding, .deviceForwarding, .routesWithoutCarrier:
            return values[path] == value
        case .looseReversePath:
            guard let own = values[path] ?? values[Self.reversePathOfNew] else { return false }
            return max(Int(own) ?? 0, values[Self.reversePathOfAll].flatMap { Int($0) } ?? 0) != 1
        }
    }
}
