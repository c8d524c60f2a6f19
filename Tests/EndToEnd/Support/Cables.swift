// Cables between a node and its subnet that a test lays itself: a second one, or the first one made again.

import Lab
import LinuxSystem
import Net
import Rtnetlink
import Testing

extension Lab {
    /// Lays a cable between a node and the bridge of its subnet; both ends are up, and the node's has no address yet.
    ///
    /// - Parameters:
    ///   - device: the name of the node's end.
    ///   - port: the name of the router's end.
    func layCable(_ node: String, device: String, port: String) throws {
        let (host, router, bridge) = (try host(node), router, "br-\(try self.node(node).subnet)")
        let far = try NetworkNamespace.open(router.namespace)
        let number = far.rawValue
        try host.perform([
            .createLink(
                LinkSpecification(
                    name: device, kind: "veth", mtu: specification.underlayMTU,
                    peer: LinkSpecification.Peer(name: port, mtu: specification.underlayMTU, namespace: number)))
        ])
        _ = consume far
        try router.perform([
            .setLink(.name(port), LinkChange(isUp: true, master: try router.linkIndex(bridge)))
        ])
        try sniffer?.watch(port, on: router)
        // Neighbours hear of an address that comes to another device.
        try host.sysctl("net/ipv4/conf/\(device)/arp_notify", "1")
        try host.setLink(device, isUp: true)
    }

    /// Gives a device of a node the node's own underlay address, or takes it away.
    func setUnderlayAddress(_ node: String, on device: String, isThere: Bool) throws {
        let host = try host(node)
        let message = AddressMessage(link: try host.linkIndex(device), address: try self.node(node).address)
        try host.perform([isThere ? .addAddress(message) : .deleteAddress(message)])
    }

    /// The default route that the administrator makes, over a device of a node.
    func setDefaultRoute(_ node: String, over device: String) throws {
        try host(node).setRoute(prefix("0.0.0.0/0"), via: try gateway(of: node), device: device)
    }
}
