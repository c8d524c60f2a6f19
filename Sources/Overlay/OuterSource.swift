// Which source address the kernel itself gives to outer packets on a tunnel device that has no `local` of its own.

public import Net

/// The kernel's choice of a source (`fib_result_prefsrc` and `inet_select_addr`, net/ipv4), looked up without asking it.
public struct OuterSource: Sendable {
    /// `RT_SCOPE_LINK`: such an address is not chosen for what goes beyond the link.
    private static let linkScope: UInt8 = 253

    private let underlay: Underlay
    private let addresses: [LinkAddress]

    /// - Parameter facts: their addresses in the kernel's order, which is part of its choice.
    public init(underlay: Underlay, facts: HostFacts) {
        self.underlay = underlay
        addresses = OuterSource.primary(facts.addresses)
    }

    /// The source of outer packets to `peer`; nil where no route leads there or the host has no address for it.
    public func address(to peer: IPv4Address) -> IPv4Address? {
        guard let route = underlay.route(to: peer) else { return nil }
        if let source = route.source { return source }
        // On the link without a source of its own: the kernel does not look at the destination then.
        let scope = route.gateway == nil ? OuterSource.linkScope : 0
        let candidates = addresses.filter { $0.link == route.link && $0.scope <= scope }
        if let gateway = route.gateway, let near = candidates.first(where: { $0.address.prefix.contains(gateway) }) {
            return near.address.address
        }
        if let first = candidates.first { return first.address.address }
        // A device without addresses borrows one of another.
        return addresses.first { $0.scope <= scope && $0.scope != OuterSource.linkScope }?.address.address
    }

    /// Without secondary addresses: those whose subnet an earlier address of the device has already.
    private static func primary(_ addresses: [LinkAddress]) -> [LinkAddress] {
        struct Subnet: Hashable {
            var link: Int32
            var prefix: IPv4Prefix
        }
        var seen: Set<Subnet> = []
        return addresses.filter { seen.insert(Subnet(link: $0.link, prefix: $0.address.prefix)).inserted }
    }
}
