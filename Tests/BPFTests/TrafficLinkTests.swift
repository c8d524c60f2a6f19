// Programs linked to a hook: there for as long as somebody holds the link, and beside what others do at the same hook.

import BPF
import CTunnelProgram
import LinuxSystem
import Rtnetlink
import TestSupport
import Testing

@testable import Dataplane

@Suite(.needsNamespaces, .needs(.bpf), .needs(.programLinks))
struct TrafficLinkTests {
    /// The loopback device of a new namespace.
    private static let link: Int32 = 1
    private static let egress = TrafficHook(link: link, .egress)

    private static var linkedCount: Int { EgressPrograms.count(link: link) }

    @Test func `A link is there for as long as it is held, and needs no discipline`() throws {
        try inNamespace {
            var netlink = try NetlinkSocket()
            let tunnel = try LoadedTunnel(tunnel_settings())
            let first = try TrafficLink(tunnel.outward, at: Self.egress)
            #expect(first.program == tunnel.outward.id)
            var second: TrafficLink? = try TrafficLink(tunnel.inward, at: Self.egress)
            let both = Self.linkedCount
            #expect(both == 2 && second != nil)
            second = nil
            let one = Self.linkedCount
            #expect(one == 1)
            let kinds = try netlink.qdiscs().map(\.kind)
            #expect(!kinds.contains("clsact"))
        }
    }

    @Test func `A filter of the same program stays when the link goes`() throws {
        try inNamespace {
            let tunnel = try LoadedTunnel(tunnel_settings())
            try Self.egress.attach(tunnel.outward)
            try Self.linkAndForget(tunnel.outward)
            let attached = try Self.egress.attachedProgram()
            let linked = Self.linkedCount
            #expect(attached == tunnel.outward.id && linked == 0)
        }
    }

    private static func linkAndForget(_ program: borrowing Program) throws {
        let link = try TrafficLink(program, at: egress)
        #expect(linkedCount == 1, "\(link.hook)")
    }

    @Test func `Short ways lead to the hooks that were named last, and where there is none the filter does`() throws {
        try inNamespace {
            let tunnel = try LoadedTunnel(tunnel_settings())
            var ways = ShortWays()
            let nowhere = TrafficHook(link: 4711, .egress)
            ways.lead(to: tunnel.outward, at: [Self.egress, nowhere])
            ways.lead(to: tunnel.inward, at: [TrafficHook(link: Self.link, .ingress)])
            ways.lead(to: tunnel.outward, at: [Self.egress])
            let linked = Self.linkedCount
            #expect(linked == 1)
            ways.lead(to: tunnel.outward, at: [])
            let left = Self.linkedCount
            #expect(left == 0)
        }
    }

    @Test func `A device that is not there is named`() throws {
        try inNamespace {
            let error = try #require(
                throws: BPFError.self,
                performing: {
                    let tunnel = try LoadedTunnel(tunnel_settings())
                    _ = try TrafficLink(tunnel.outward, at: TrafficHook(link: 4711, .ingress))
                })
            #expect(error.object == "link 4711 ingress")
        }
    }
}
