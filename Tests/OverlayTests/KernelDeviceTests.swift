// A device of the ipip driver as it should be: whose it is, what it is told, and what is warned of.

import Net
import Overlay
import Testing

@Suite("The ipip driver's device")
struct KernelDeviceTests {
    private static let parameters = IPIPParameters(
        local: "10.0.1.1", timeToLive: 64, typeOfService: 1, alwaysDF: true)
    private static let local = LocalNode(
        name: "n1", address: "10.0.1.1/24", ipipMode: .always, tunnelKind: "ipip", tunnelParameters: parameters)
    private static let state = ClusterState(
        nodes: [
            Node(name: "n1", address: "10.0.1.1/24"), Node(name: "n2", address: "10.0.1.2/24"),
            Node(name: "n3", address: "10.0.2.1/24"),
        ],
        pools: [Pool(name: "pods", prefix: "10.244.0.0/16")],
        blocks: [Block(prefix: "10.244.2.0/26", node: "n2"), Block(prefix: "10.244.3.0/26", node: "n3")])

    private func device(_ ipip: IPIPParameters?, kind: String = "ipip") -> Link {
        Link(index: 9, name: "tunl0", mtu: 1480, isUp: true, kind: kind, ipip: ipip)
    }

    /// The node's address on eth0, and whatever tunnel device stands there.
    private func facts(
        _ device: Link?, routes: [UnderlayRoute] = [], addresses: [LinkAddress] = []
    ) -> HostFacts {
        var facts = Host.facts(adding: routes)
        facts.links = [Host.eth0, Host.eth1] + [device].compactMap { $0 }
        facts.addresses += addresses
        return facts
    }

    private func plan(_ facts: HostFacts) -> [Step] {
        let desired = DesiredState(Self.local, Self.state, facts)
        let device = facts.links.first { $0.name == "tunl0" }
        return Plan(desired: desired, observed: Observed(device: device, isCarried: device != nil), mayRemove: true)
            .steps
    }

    @Test("Parameters that differ are corrected, before the device is set up; those that are right are left alone")
    func parameters() {
        var wrong = Self.parameters
        wrong.timeToLive = 1
        var link = device(wrong)
        link.isUp = false
        let steps = plan(facts(link))
        let told = steps.firstIndex(of: .device(.setParameters(Self.parameters)))
        let up = steps.firstIndex(of: .device(.setUp))
        #expect(told != nil && up != nil && told ?? 0 < up ?? 0)
        #expect(!plan(facts(device(Self.parameters))).contains(.device(.setParameters(Self.parameters))))
    }

    @Test("A device that is to be made is told when it is made")
    func made() {
        let steps = plan(facts(nil))
        #expect(steps.contains(.device(.carry(name: "tunl0"))))
        #expect(!steps.contains(.device(.setParameters(Self.parameters))))
    }

    @Test("The driver's own device is taken as it is: it cannot be told anything")
    func fallback() {
        let steps = plan(facts(device(IPIPParameters())))
        #expect(!steps.contains(.device(.setParameters(Self.parameters))))
        #expect(steps.contains { if case .route(.add) = $0 { true } else { false } })
    }

    @Test(
        "A device with a far end, a detail or another kind is somebody else's",
        arguments: [
            (IPIPParameters(local: "10.0.1.1", remote: "10.0.9.9"), "ipip"),
            (IPIPParameters(local: "10.0.1.1", hasDetail: true), "ipip"), (nil, "tun"), (nil, "bridge"),
        ] as [(IPIPParameters?, String)])
    func foreign(ipip: IPIPParameters?, kind: String) {
        let link = device(ipip, kind: kind)
        let desired = DesiredState(Self.local, Self.state, facts(link))
        #expect(desired.foreignDevice == link)
        #expect(desired.codes == ["foreignDevice"])
        #expect(!plan(facts(link)).contains { if case .device = $0 { true } else { false } })
    }

    @Test("A TUN in the place of the kernel's device: the warning says how to change the tier")
    func changeOfTier() {
        let message = DesiredState(Self.local, Self.state, facts(device(nil, kind: "tun"))).warnings.first?.message
        #expect(message?.contains("poplin clean") == true && message?.contains("tunnel.device=poplin0") == true)
    }

    @Test("A fallback device in the place of a TUN: nobody is told to delete what cannot be deleted")
    func userspaceWithFallback() {
        let local = LocalNode(name: "n1", address: "10.0.1.1/24", ipipMode: .always)
        let message = DesiredState(local, Self.state, facts(device(IPIPParameters()))).warnings.first?.message
        #expect(message?.contains("ip link del") == false && message?.contains("tunnel.device") == true)
    }

    @Test("Where the kernel would send from another address, the driver's own device warns, and a pinned one need not")
    func outerSource() {
        let route = UnderlayRoute(
            destination: "10.0.2.0/24", gateway: Host.gateway, link: Host.eth0.index, source: "10.0.1.50")
        let unpinned = DesiredState(Self.local, Self.state, facts(device(IPIPParameters()), routes: [route]))
        #expect(unpinned.codes == ["outerSource"])
        let warning = unpinned.warnings.first
        #expect(warning?.subjects == ["n3"])
        #expect(warning?.message.contains("10.0.1.50 instead of 10.0.1.1") == true)
        #expect(warning?.message.contains("poplin set tunnel.device=poplin0") == true)
        for link in [device(Self.parameters), nil] {
            #expect(DesiredState(Self.local, Self.state, facts(link, routes: [route])).codes == [])
        }
        #expect(DesiredState(Self.local, Self.state, facts(device(IPIPParameters()))).codes == [])
    }

    @Test("A peer that is reached direct is not warned of")
    func outerSourceOfDirectPeers() {
        var local = Self.local
        local.ipipMode = .never
        let route = UnderlayRoute(
            destination: "10.0.2.0/24", gateway: Host.gateway, link: Host.eth0.index, source: "10.0.1.50")
        let desired = DesiredState(local, Self.state, facts(device(IPIPParameters()), routes: [route]))
        #expect(!desired.codes.contains("outerSource"))
    }

    @Test("The step is shown as `ip` would be told")
    func text() {
        let step = StepText(.device(.setParameters(Self.parameters)), device: "tunl0", names: [:])
        #expect("\(step)" == "device set tunl0 local 10.0.1.1 ttl 64 tos inherit pmtudisc")
        let fallback = IPIPParameters(remote: "10.0.9.9", typeOfService: 46 << 2)
        #expect(fallback.text == "local any remote 10.0.9.9 ttl inherit tos 0xb8 nopmtudisc")
    }
}
