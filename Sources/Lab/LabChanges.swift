// Changes to a lab that is up: nodes come, go and move; the cluster's resources and the router follow.

public import Net
internal import LinuxSystem
internal import Rtnetlink
internal import Synchronization

extension Lab {
    /// Adds a node with its workloads and its resources.
    public func addNode(_ node: NodeSpecification) throws {
        var specification = specification
        specification.nodes.append(node)
        try specification.validate()
        let builder = NetworkBuilder(directory: directory, specification: specification)
        try builder.makeNode(node)
        state.withLock { $0.specification.nodes.append(node) }
        try sniffer?.watch(NetworkBuilder.port(node.name), on: router)
        try Self.write(node, directory)
        if specification.routerKnowsBlocks { try teachRouterBlocks() }
    }

    /// Ends a node's agent and takes away the node, its workloads and its resources.
    public func removeNode(_ name: String) throws {
        let node = try node(name)
        try stopAgent(on: name)
        for resource in node.resources { try directory.removeResource(resource.name) }
        let builder = builder
        // First, or its subnet's bridge, which has the lowest address of its ports, takes another when the kernel gets to it.
        try builder.disconnect(name)
        for workload in node.workloads { try builder.removeHost(builder.host(workload.name)) }
        try builder.removeHost(builder.host(name))
        state.withLock { $0.specification.nodes.removeAll { $0.name == name } }
    }

    /// Connects a node to another subnet with another address; its blocks stay. The config and the resource follow,
    /// but a running agent has to be restarted to take a new address.
    public func moveNode(_ name: String, toSubnet subnet: String, address: IPv4InterfaceAddress) throws {
        var node = try node(name)
        node.subnet = subnet
        node.address = address
        node.resourceAddress = nil
        try node.validate(subnets: specification.subnets)
        try builder.disconnect(name)
        try builder.connect(node)
        try update(node)
        try sniffer?.watch(NetworkBuilder.port(name), on: router)
        if specification.routerKnowsBlocks { try teachRouterBlocks() }
    }

    /// Gives a node another address in its subnet; see ``moveNode(_:toSubnet:address:)``.
    public func changeAddress(_ name: String, to address: IPv4InterfaceAddress) throws {
        try moveNode(name, toSubnet: try node(name).subnet, address: address)
    }

    /// Writes another mode into a node's config, replaced as a whole; nil leaves the mode to the pools.
    public func setMode(_ name: String, _ mode: LabMode?) throws {
        var node = try node(name)
        node.ipipMode = mode
        try update(node, resources: false)
    }

    /// Replaces what the lab knows of a node, its config and its resources; the network stays as it is.
    public func update(_ node: NodeSpecification) throws {
        try update(node, resources: true)
    }

    private func update(_ node: NodeSpecification, resources: Bool) throws {
        let old = try self.node(node.name)
        state.withLock { state in
            for index in state.specification.nodes.indices where state.specification.nodes[index].name == node.name {
                state.specification.nodes[index] = node
            }
        }
        try TextFile.replace(directory.config(node.name), with: node.config(directory))
        guard resources else { return }
        try directory.write(node.resources)
        let kept = Set(node.resources.map(\.name))
        for resource in old.resources where !kept.contains(resource.name) {
            try directory.removeResource(resource.name)
        }
    }

    /// Writes resources into the cluster's directory, one file each, replaced as a whole.
    public func write(_ resources: [LabResource]) throws {
        try directory.write(resources)
    }

    /// Removes a resource by the name of its file without the ending; one that is not there is fine.
    public func removeResource(_ name: String) throws {
        try directory.removeResource(name)
    }

    /// Gives the router a static route to each block by its node: then the underlay can carry workloads' packets.
    public func teachRouterBlocks() throws {
        let nodes = specification.nodes
        try router.netlink { socket in
            for node in nodes {
                for block in node.blocks {
                    try socket.perform(
                        .replaceRoute(
                            RouteSpecification(
                                destination: block, gateway: node.address.address, routeProtocol: staticRoute)))
                }
            }
        }
        state.withLock { $0.specification.routerKnowsBlocks = true }
    }

    /// Takes the static routes to the blocks away again.
    public func forgetRouterBlocks() throws {
        let nodes = specification.nodes
        try router.netlink { socket in
            for block in nodes.flatMap(\.blocks) {
                try socket.perform(
                    .deleteRoute(RouteSpecification(destination: block, routeProtocol: staticRoute)))
            }
        }
        state.withLock { $0.specification.routerKnowsBlocks = false }
    }
}
