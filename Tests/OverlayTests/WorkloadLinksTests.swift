// Which devices are workloads', by what the host's routes say.

import Net
import Overlay
import TestSupport
import Testing

@Suite("Workload links")
struct WorkloadLinksTests {
    private let pools = [Pool(name: "a", prefix: "10.244.0.0/16")]

    private func links(_ routes: [UnderlayRoute]) -> Set<Int32> {
        let links = [
            Link(index: 2, name: "eth0", mtu: 1500, isUp: true),
            Link(index: 3, name: "cali1", mtu: 1480, isUp: true, kind: "veth"),
            Link(index: 4, name: "cali2", mtu: 1480, isUp: false, kind: "veth"),
            Link(index: 5, name: "br0", mtu: 1500, isUp: true, kind: "bridge"),
        ]
        return HostFacts(links: links, underlayRoutes: routes).workloadLinks(in: pools)
    }

    @Test func `A veth to which one address of a pool is routed is a workload's, up or not`() {
        #expect(
            links([
                UnderlayRoute(destination: "10.244.1.2/32", link: 3),
                UnderlayRoute(destination: "10.244.1.3/32", link: 4),
            ])
                == [3, 4])
    }

    @Test func `Other devices, other addresses, subnets, gateways and unusable routes name none`() {
        let routes = [
            UnderlayRoute(destination: "10.244.1.2/32", link: 2), UnderlayRoute(destination: "10.244.1.2/32", link: 5),
            UnderlayRoute(destination: "192.0.2.2/32", link: 3), UnderlayRoute(destination: "10.244.1.0/24", link: 3),
            UnderlayRoute(destination: "10.244.1.2/32", gateway: "10.244.1.9", link: 3),
            UnderlayRoute(destination: "10.244.1.2/32", link: 3, isUsable: false),
            UnderlayRoute(destination: "10.244.1.2/32", link: 3, kind: .other),
            UnderlayRoute(destination: "10.244.1.2/32", link: 3, hasOtherGateway: true),
        ]
        for route in routes {
            let found = links([route])
            #expect(found.isEmpty, "\(route)")
        }
    }
}
