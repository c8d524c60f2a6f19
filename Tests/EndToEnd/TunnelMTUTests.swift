// The tunnel device's MTU follows the underlay device at the kernel's word of it; one that the config names wins.

import Lab
import Net
import Rtnetlink
import Testing

extension EndToEndTests {
    @Suite("The tunnel device's MTU")
    struct TunnelMTU {
        @Test func `It is the underlay device's less 20, and follows it down and up without a timer`() throws {
            try withLab(.twoNodes()) { lab in
                #expect(try Self.deviceMTU(lab) == 1480)
                for mtu in [1400, 9000, 1500] {
                    try lab.waitForRest("n1")
                    try lab.host("n1").setMTU("eth0", mtu)
                    try waitUntil("the tunnel device's MTU over \(mtu)") { try Self.deviceMTU(lab) == mtu - 20 }
                    let status = try lab.waitReady("n1")
                    #expect(status.tunnel?.mtu == mtu - 20)
                    // The device says it for all: no route has an MTU of its own.
                    try lab.expectRoute("n1", to: "n3", .tunnel)
                }
                // With 1400 in between: what is as large as the tunnel passes, and no more.
                try lab.host("n1").setMTU("eth0", 1400)
                try waitUntil("the tunnel device's MTU over 1400") { try Self.deviceMTU(lab) == 1380 }
                let largest = try lab.ping(from: "n1", to: "w3", count: 3, payloadBytes: 1352, dontFragment: true)
                #expect(largest.isComplete, "\(largest.summary)")
                let larger = try lab.ping(from: "n1", to: "w3", count: 1, payloadBytes: 1353, dontFragment: true)
                #expect(larger.received == 0 && larger.refused == [tooBig: 1], "\(larger.summary)")
            }
        }

        @Test func `One that the config names wins over the underlay device's, before and after this changes`() throws {
            var specification = LabSpecification.twoNodes()
            specification.nodes[0].extraConfig = "tunnel:\n  mtu: 1300"
            try withLab(specification) { lab in
                #expect(try Self.deviceMTU(lab) == 1300)
                try lab.waitForRest("n1")
                let watch = try KernelWatch(try lab.host("n1"))
                for mtu in [1400, 1500] {
                    try lab.host("n1").setMTU("eth0", mtu)
                    try lab.waitForRest("n1")
                    #expect(try Self.deviceMTU(lab) == 1300)
                }
                // An underlay that is narrower yet is a matter of its routes.
                try lab.host("n1").setMTU("eth0", 1280)
                let block = try lab.block(of: "n3")
                try waitUntil("a route with an MTU of its own") { try lab.ownRoute("n1", to: block)?.mtu == 1260 }
                #expect(try Self.deviceMTU(lab) == 1300)
                try lab.host("n1").setMTU("eth0", 1500)
                try waitUntil("a route without one") { try lab.ownRoute("n1", to: block)?.mtu == 0 }
                try watch.drain()
                #expect(watch.changes.allSatisfy { $0.contains("\(block)") } && watch.removals == [])

                // Without the key the device follows again.
                var node = try lab.node("n1")
                node.extraConfig = ""
                try lab.update(node)
                try waitUntil("the underlay device's MTU less 20") { try Self.deviceMTU(lab) == 1480 }
            }
        }

        @Test func `Of two underlay devices the smaller one counts, as long as a peer is reached by it`() throws {
            try withLab(.threeNodes()) { lab in
                let node = try lab.host("n1")
                try lab.layCable("n1", device: "eth1", port: "to-n1b")
                try node.setMTU("eth1", 1400)
                try lab.waitForRest("n1")
                #expect(try Self.deviceMTU(lab) == 1480, "nobody is reached by it yet")
                let peer = IPv4Prefix(host: try lab.underlay("n3"))
                let link = try node.linkIndex("eth1")
                try node.perform([
                    .addRoute(
                        RouteSpecification(
                            destination: peer, gateway: try lab.gateway(of: "n1"), link: link, isOnlink: true,
                            routeProtocol: dhcpRoute))
                ])
                try waitUntil("the smaller device's MTU less 20") { try Self.deviceMTU(lab) == 1380 }
                try lab.waitForRest("n1")
                try node.perform([.deleteLink(.name("eth1"))])
                try waitUntil("the other device's MTU less 20") { try Self.deviceMTU(lab) == 1480 }
                try lab.waitReady("n1")
            }
        }

        private static func deviceMTU(_ lab: Lab) throws -> Int? {
            try lab.host("n1").netlink { try $0.link(named: "tunl0")?.mtu }
        }

        /// `EMSGSIZE`.
        private let tooBig: Int32 = 90
    }
}

/// `RTPROT_DHCP`: of a DHCP client.
let dhcpRoute: UInt8 = 16
