// Which devices lead to this host's workloads: told by the routes that whoever made the workloads has set.

internal import Net

extension HostFacts {
    /// The veth devices to which a single address of a pool is routed without a gateway, by index.
    ///
    /// A veth's other end is a network namespace of its own; what stands behind any other device, nobody says.
    public func workloadLinks(in pools: [Pool]) -> Set<Int32> {
        let devices = Set(links.lazy.filter { $0.kind == "veth" }.map(\.index))
        return Set(
            underlayRoutes.lazy.filter { route in
                route.destination.length == 32 && route.gateway == nil && !route.hasOtherGateway && route.isUsable
                    && route.kind == .unicast && devices.contains(route.link)
                    && pools.contains { $0.prefix.contains(route.destination.address) }
            }.map(\.link))
    }
}
