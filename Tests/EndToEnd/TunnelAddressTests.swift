// Tunnel addresses that lie elsewhere than in the node's own block, that change, or that two nodes claim.

import Lab
import Net
import Rtnetlink
import Testing

extension EndToEndTests {
    @Suite("Tunnel addresses")
    struct TunnelAddresses {
        /// Where the tunnel address of n1 lies.
        enum Place: String, CaseIterable, CustomTestStringConvertible {
            case remoteBlock = "in the block of a tunnelled node"
            case neighbourBlock = "in the block of a node of the same subnet"

            var testDescription: String { rawValue }
            var address: String {
                switch self {
                case .remoteBlock: "10.244.3.9"
                case .neighbourBlock: "10.244.2.9"
                }
            }
        }

        @Test(
            "A host reaches remote workloads, and they it, wherever its tunnel address lies", arguments: Place.allCases)
        func borrowed(place: Place) throws {
            let borrowed = address(place.address)
            var specification = LabSpecification.threeNodes()
            specification.nodes[0].tunnelAddress = borrowed
            try withLab(specification) { lab in
                try lab.expectRoute("n1", to: "n3", .tunnel)
                // As a workload's borrowed address: a route of its own, by the verdict for the node.
                let (tunnel, cable) = (try lab.host("n3").linkIndex("tunl0"), try lab.host("n2").linkIndex("eth0"))
                for (node, link) in [("n3", tunnel), ("n2", cable)] {
                    let route = try lab.ownRoute(node, to: IPv4Prefix(host: borrowed))
                    #expect(route?.gateway == address("10.0.1.1") && route?.link == link, "\(node)")
                }
                for peer in ["n2", "n3"] {
                    let workload = try lab.workload(of: peer)
                    let out = try lab.ping(from: "n1", to: workload.address, count: 3)
                    #expect(out.isComplete, "n1 to \(workload.name): \(out.summary)")
                    for source in [workload.name, peer] {
                        let back = try lab.ping(from: source, to: borrowed, count: 3)
                        #expect(back.isComplete, "\(source) to \(borrowed): \(back.summary)")
                    }
                }
                // Its neighbours in the block are where they were.
                for (node, peer) in [("n1", "n2"), ("n1", "n3"), ("n2", "n3")] {
                    let report = try lab.ping(
                        from: try lab.workload(of: node).name, to: try lab.workload(of: peer).name)
                    #expect(report.isComplete, "\(node) to \(peer): \(report.summary)")
                }
                for node in ["n1", "n2", "n3"] {
                    let status = try lab.waitReady(node)
                    #expect(status.ownWarnings == [], "\(node)")
                }

                // Given back, it is nobody's again.
                var node = try lab.node("n1")
                node.tunnelAddress = address("10.244.1.1")
                try lab.update(node)
                for node in ["n2", "n3"] {
                    try waitUntil("\(node) to forget it") {
                        try lab.ownRoute(node, to: IPv4Prefix(host: borrowed)) == nil
                    }
                }
                try waitUntil("n1 to send from the one in its block") {
                    try lab.ownRoute("n1", to: try lab.block(of: "n3"))?.source == node.tunnelAddress
                }
                let report = try lab.ping(from: "n1", to: "w3", count: 3)
                #expect(report.isComplete, "\(report.summary)")
            }
        }

        @Test("A changed tunnel address is the source of what the host sends, at once and on every route")
        func changes() throws {
            try withLab(.twoNodes()) { lab in
                let sniffer = try #require(lab.sniffer)
                for changed in ["10.244.1.7", "10.244.1.1"] {
                    var node = try lab.node("n1")
                    node.tunnelAddress = address(changed)
                    try lab.update(node)
                    try waitUntil("\(changed) as the source of the route") {
                        try lab.ownRoute("n1", to: try lab.block(of: "n3"))?.source == address(changed)
                    }
                    try lab.waitReady("n1")
                    let link = try lab.host("n1").linkIndex("tunl0")
                    let present = try lab.host("n1").netlink { try $0.addresses().filter { $0.link == link } }
                    #expect(present.map(\.address) == [interface("\(changed)/32")])
                    sniffer.clear()
                    let report = try lab.ping(from: "n1", to: "w3", count: 3)
                    #expect(report.isComplete, "\(report.summary)")
                    let sources = sniffer.counts().kinds.keys.compactMap { key in
                        key.source == address("10.0.1.1") ? key.inner?.source : nil
                    }
                    #expect(Set(sources) == [address(changed)])
                }
            }
        }

        @Test("Two nodes with one tunnel address: it is the one's in whose block it lies, and all workloads go on")
        func claimedTwice() throws {
            var specification = LabSpecification.threeNodes()
            // n1 claims the tunnel address of n3.
            specification.nodes[0].tunnelAddress = address("10.244.3.1")
            try withLab(specification) { lab in
                for node in ["n1", "n2", "n3"] {
                    let host = IPv4Prefix(host: address("10.244.3.1"))
                    #expect(try lab.ownRoute(node, to: host) == nil, "\(node)")
                }
                let report = try lab.ping(from: "n2", to: address("10.244.3.1"), count: 3)
                #expect(report.isComplete, "\(report.summary)")
                for (source, target) in [("w1", "w3"), ("w3", "w1"), ("w2", "w1"), ("w1", "w2"), ("w2", "w3")] {
                    let report = try lab.ping(from: source, to: target, count: 3)
                    #expect(report.isComplete, "\(source) to \(target): \(report.summary)")
                }
            }
        }
    }
}
