// The networks that a specification describes are the networks that the kernel has.

import Lab
import LinuxSystem
import Net
import Rtnetlink
import TestSupport
import Testing

@Suite("A lab's network", .needsNamespaces)
struct NetworkTests {
    @Test func workloadsReachEachOtherThroughRouters() throws {
        try Lab.with(.routed()) { lab in
            for source in ["w1", "w2", "w3"] {
                for destination in ["w1", "w2", "w3"] where source != destination {
                    let report = try lab.ping(from: source, to: destination, count: 2)
                    #expect(report.isComplete, "\(source) to \(destination): \(report.summary)")
                }
            }
            let mtu = try lab.host("w1").netlink { try $0.link(named: "eth0")?.mtu }
            #expect(mtu == 1480)
        }
    }

    @Test func nodesOfOneSubnetReachEachOtherDirectly() throws {
        try Lab.with(.routed()) { lab in
            let route = try lab.host("n1").netlink { try $0.routeGet(address("10.0.1.2")) }
            #expect(route?.gateway == .any)
            let far = try lab.host("n1").netlink { try $0.routeGet(address("10.0.2.1")) }
            #expect(far?.gateway == address("10.0.1.254"))
        }
    }

    @Test func gatewayOnlyNodesReachEachOtherThroughTheRouter() throws {
        var specification = LabSpecification.routed()
        specification.subnets[0].wiring = .gatewayOnly
        try Lab.with(specification) { lab in
            let route = try lab.host("n1").netlink { try $0.routeGet(address("10.0.1.2")) }
            #expect(route?.gateway == address("10.0.1.254"))
            #expect(try lab.ping(from: "n1", to: "n2").isComplete)
            #expect(try lab.ping(from: "w1", to: "w2").isComplete)
            #expect(try lab.ping(from: "w2", to: "w3").isComplete)
        }
    }

    @Test func unequalMasksAndHostAddressesWork() throws {
        var specification = LabSpecification.routed()
        specification.nodes[0].address = interface("10.0.1.1/25")
        specification.nodes[1].address = interface("10.0.1.2/32")
        specification.nodes[2].address = interface("10.0.2.1/16")
        specification.subnets[1].proxyARP = true
        try Lab.with(specification) { lab in
            for (source, destination) in [("n1", "n2"), ("n2", "n1"), ("n1", "n3"), ("n3", "n2")] {
                #expect(try lab.ping(from: source, to: destination).isComplete, "\(source) to \(destination)")
            }
            let route = try lab.host("n3").netlink { try $0.routeGet(address("10.0.1.1")) }
            #expect(route?.gateway == .any)
            let other = try lab.host("n2").netlink { try $0.routeGet(address("10.0.1.1")) }
            #expect(other?.gateway == address("10.0.1.254"))
        }
    }

    @Test func nodesComeAndGoAndMove() throws {
        try Lab.with(.routed()) { lab in
            try lab.addNode(LabSpecification.standardNode(4, subnet: "net2", address: interface("10.0.2.4/24")))
            #expect(try lab.ping(from: "w1", to: "w4").isComplete)
            #expect(File.exists("\(lab.clusterDirectory)/block-n4-10-244-4-0-26.yaml"))

            try lab.moveNode("n4", toSubnet: "net1", address: interface("10.0.1.4/24"))
            #expect(try lab.ping(from: "w1", to: "w4").isComplete)
            let text = try TextFile.read("\(lab.clusterDirectory)/node-n4.yaml")
            #expect(text.contains("ipv4Address: 10.0.1.4/24"))
            #expect(try TextFile.read(lab.configPath("n4")).contains("address: 10.0.1.4/24"))
            lab.sniffer?.clear()
            #expect(try lab.ping(from: "w4", to: "w3", count: 3).isComplete)
            #expect(lab.sniffer?.counts().plain(from: address("10.244.4.2"), to: address("10.244.3.2")) == 3)

            try lab.removeNode("n4")
            #expect(try namespaces(of: lab.name).count == 7)
            #expect(!File.exists("\(lab.clusterDirectory)/node-n4.yaml"))
            #expect(throws: LabError.self) { try lab.host("w4") }
        }
    }

    @Test func theRouterCanForgetTheBlocks() throws {
        try Lab.with(.routed()) { lab in
            try lab.forgetRouterBlocks()
            let report = try Pinger.start(
                from: try lab.host("w1"), to: try lab.address(of: "w3"), count: 2
            ).stop(lateReplyMilliseconds: 100)
            #expect(report.received == 0)
            try lab.teachRouterBlocks()
            #expect(try lab.ping(from: "w1", to: "w3").isComplete)
        }
    }

    @Test func aModeGoesIntoTheConfigAndOutAgain() throws {
        try Lab.with(.routed()) { lab in
            try lab.setMode("n1", .always)
            let text = try TextFile.read(lab.configPath("n1"))
            #expect(
                text == """
                    node: n1
                    address: 10.0.1.1/24
                    ipipMode: Always
                    dataplane: auto
                    datastore:
                      file: /run/poplin-lab/\(lab.name)/cluster
                    runDirectory: /run/poplin-lab/\(lab.name)/nodes/n1/run

                    """)
            try lab.setMode("n1", nil)
            let without = try TextFile.read(lab.configPath("n1"))
            #expect(!without.contains("ipipMode"))
        }
    }
}

@Suite("The cluster's resources")
struct ResourceTests {
    @Test func resourcesHaveTheirSchema() {
        let node = LabResource.node("n1", address: interface("10.0.1.1/24"), tunnelAddress: address("10.244.1.1"))
        #expect(node.name == "node-n1")
        #expect(
            node.text == """
                apiVersion: projectcalico.org/v3
                kind: Node
                metadata: {name: n1}
                spec: {bgp: {ipv4Address: 10.0.1.1/24, ipv4IPIPTunnelAddr: 10.244.1.1}}

                """)
        let block = LabResource.block(prefix("10.244.1.0/26"), node: "n1")
        #expect(block.name == "block-n1-10-244-1-0-26")
        #expect(block.text.contains("spec: {cidr: 10.244.1.0/26, node: n1, state: confirmed}"))
        let pool = LabResource.pool(PoolSpecification(name: "pods", prefix: prefix("10.244.0.0/16")))
        #expect(pool.text.contains("spec: {cidr: 10.244.0.0/16, ipipMode: CrossSubnet, blockSize: 26}"))
    }
}
