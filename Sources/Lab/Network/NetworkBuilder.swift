// Makes the hosts of a lab and the cables between them, all through the project's own netlink code.

internal import LinuxSystem
internal import Net
internal import Rtnetlink

/// Builds and changes one lab's network. Every namespace is written down before it is made.
struct NetworkBuilder: Sendable {
    let directory: LabDirectory
    let specification: LabSpecification

    private static let anything = IPv4Prefix(containing: .any, length: 0)
    /// The gateway of every workload, which the node answers for with proxy ARP.
    private static let workloadGateway = IPv4Address(rawValue: 0xA9FE_0101)

    func host(_ name: String) -> LabHost {
        LabHost(name: name, namespace: "poplin-\(directory.lab)-\(name)")
    }

    var router: LabHost { host("router") }

    /// The router's device towards a node.
    static func port(_ node: String) -> String { "to-\(node)" }

    // MARK: - Hosts

    func makeHost(_ name: String) throws -> LabHost {
        let host = host(name)
        try directory.noteHost(host)
        do throws(SyscallError) {
            try NetworkNamespace.create(host.namespace)
        } catch {
            // The kernel has none, or a container forbids it.
            if error.operation.hasPrefix("unshare") { throw LabError.notPermitted("\(error)") }
            throw error
        }
        try host.run {
            // A kernel without IPv6 has nothing to turn off.
            try? Sysctl.write("net/ipv6/conf/all/disable_ipv6", "1")
            try? Sysctl.write("net/ipv6/conf/default/disable_ipv6", "1")
            var socket = try NetlinkSocket()
            try socket.perform(.setLink(.name("lo"), LinkChange(isUp: true)))
        }
        return host
    }

    func removeHost(_ host: LabHost) throws {
        do throws(SyscallError) {
            try NetworkNamespace.delete(host.namespace)
        } catch {
            if error.code != ErrorNumber.notFound { throw error }
        }
        try directory.forgetHost(host)
    }

    func makeRouter() throws {
        let router = try makeHost("router")
        let subnets = specification.subnets
        let mtu = specification.underlayMTU
        try router.run {
            try Sysctl.write("net/ipv4/ip_forward", "1")
            for scope in ["all", "default"] {
                try Sysctl.write("net/ipv4/conf/\(scope)/rp_filter", "0")
                // Between nodes with unequal masks it forwards back where the packet came from, and says nothing.
                try Sysctl.write("net/ipv4/conf/\(scope)/send_redirects", "0")
                // A bridge takes the lowest address of its ports: it tells its neighbours when that changes.
                try Sysctl.write("net/ipv4/conf/\(scope)/arp_notify", "1")
            }
            var socket = try NetlinkSocket()
            for subnet in subnets where subnet.wiring == .bridge {
                let bridge = "br-\(subnet.name)"
                try socket.perform(.createLink(LinkSpecification(name: bridge, kind: "bridge", mtu: mtu, isUp: true)))
                let link = try socket.index(of: bridge)
                try socket.perform(.addAddress(AddressMessage(link: link, address: subnet.gateway)))
                if subnet.proxyARP { try Self.answerForOthers(bridge) }
            }
        }
    }

    /// Proxy ARP, at once instead of after a random part of a second.
    private static func answerForOthers(_ device: String) throws {
        try Sysctl.write("net/ipv4/conf/\(device)/proxy_arp", "1")
        try Sysctl.write("net/ipv4/neigh/\(device)/proxy_delay", "0")
    }

    /// Makes a node with its workloads and connects them.
    func makeNode(_ node: NodeSpecification) throws {
        let host = try makeHost(node.name)
        if specification.nodesForward { try host.sysctl("net/ipv4/ip_forward", "1") }
        try connect(node)
        for workload in node.workloads { try makeWorkload(workload, of: host) }
    }

    // MARK: - Underlay

    /// Lays the cable between a node and the router, and gives it addresses and routes.
    func connect(_ node: NodeSpecification) throws {
        guard let subnet = specification.subnets.first(where: { $0.name == node.subnet }) else {
            throw LabError.invalid("\(node.name): there is no subnet \(node.subnet)")
        }
        let (host, router) = (host(node.name), router)
        let port = Self.port(node.name)
        let mtu = specification.underlayMTU
        let far = try NetworkNamespace.open(router.namespace)
        let number = far.rawValue
        try host.perform([
            .createLink(
                LinkSpecification(
                    name: "eth0", kind: "veth", mtu: mtu,
                    peer: LinkSpecification.Peer(name: port, mtu: mtu, namespace: number)))
        ])
        _ = consume far
        try attach(port, of: node, to: subnet)
        try address(node, in: subnet)
    }

    /// The router's end.
    private func attach(_ port: String, of node: NodeSpecification, to subnet: SubnetSpecification) throws {
        try router.run {
            var socket = try NetlinkSocket()
            let link = try socket.index(of: port)
            let host = IPv4Prefix(host: node.address.address)
            switch subnet.wiring {
            case .bridge:
                let bridge = try socket.index(of: "br-\(subnet.name)")
                try socket.perform(.setLink(.index(link), LinkChange(isUp: true, master: bridge)))
                // Where the node's address lies outside the subnet, only a host route leads there.
                guard !subnet.gateway.prefix.contains(node.address.address) else { return }
                try socket.perform(
                    .replaceRoute(RouteSpecification(destination: host, link: bridge, routeProtocol: staticRoute)))
            case .gatewayOnly:
                try socket.perform(.setLink(.index(link), LinkChange(isUp: true)))
                let own = IPv4InterfaceAddress(address: subnet.gateway.address, prefixLength: 32)
                try socket.perform(.addAddress(AddressMessage(link: link, address: own)))
                try socket.perform(
                    .replaceRoute(RouteSpecification(destination: host, link: link, routeProtocol: staticRoute)))
                if subnet.proxyARP { try Self.answerForOthers(port) }
            }
        }
    }

    /// The node's end: address, way to the gateway, default route.
    private func address(_ node: NodeSpecification, in subnet: SubnetSpecification) throws {
        let gateway = subnet.gateway.address
        let isOnlink = subnet.wiring == .bridge && node.address.prefix.contains(gateway)
        try host(node.name).run {
            var socket = try NetlinkSocket()
            let link = try socket.index(of: "eth0")
            let flags: AddressMessage.Flags = subnet.wiring == .gatewayOnly ? .noPrefixRoute : []
            try socket.perform(.setLink(.index(link), LinkChange(isUp: true)))
            try socket.perform(.addAddress(AddressMessage(link: link, address: node.address, flags: flags)))
            if !isOnlink {
                try socket.perform(
                    .addRoute(
                        RouteSpecification(
                            destination: IPv4Prefix(host: gateway), link: link, routeProtocol: staticRoute)))
            }
            try socket.perform(
                .addRoute(
                    RouteSpecification(
                        destination: Self.anything, gateway: gateway, link: link, routeProtocol: staticRoute)))
        }
    }

    /// Cuts the cable; both ends vanish with their addresses and routes.
    func disconnect(_ node: String) throws {
        try host(node).perform([.deleteLink(.name("eth0"))])
    }

    // MARK: - Workloads

    /// A host behind the node, connected as a CNI plugin does it: one address, one cable, proxy ARP.
    func makeWorkload(_ workload: WorkloadSpecification, of node: LabHost) throws {
        let host = try makeHost(workload.name)
        let mtu = specification.workloadMTU
        let device = "cali\(workload.name)"
        let own = IPv4Prefix(host: workload.address)
        let far = try NetworkNamespace.open(host.namespace)
        let number = far.rawValue
        try node.run {
            var socket = try NetlinkSocket()
            try socket.perform(
                .createLink(
                    LinkSpecification(
                        name: device, kind: "veth", mtu: mtu, isUp: true,
                        peer: LinkSpecification.Peer(name: "eth0", mtu: mtu, namespace: number))))
            try Self.answerForOthers(device)
        }
        _ = consume far
        try host.run {
            var socket = try NetlinkSocket()
            let link = try socket.index(of: "eth0")
            let gateway = Self.workloadGateway
            try socket.perform(.setLink(.index(link), LinkChange(isUp: true)))
            try socket.perform(
                .addAddress(
                    AddressMessage(
                        link: link, address: IPv4InterfaceAddress(address: workload.address, prefixLength: 32))))
            try socket.perform(
                .addRoute(
                    RouteSpecification(
                        destination: IPv4Prefix(host: gateway), link: link, routeProtocol: bootRoute)))
            try socket.perform(
                .addRoute(
                    RouteSpecification(
                        destination: Self.anything, gateway: gateway, link: link, routeProtocol: bootRoute)))
        }
        try node.run {
            var socket = try NetlinkSocket()
            let link = try socket.index(of: device)
            try socket.perform(
                .addRoute(RouteSpecification(destination: own, link: link, routeProtocol: bootRoute)))
        }
    }
}

extension NetlinkSocket {
    fileprivate mutating func index(of device: String) throws -> Int32 {
        guard let link = try link(named: device) else { throw LabError.invalid("there is no device \(device)") }
        return link.index
    }
}
