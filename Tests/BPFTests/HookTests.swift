// Programs on a device's hooks: put there, replaced, asked for, taken away, each namespace for itself.

import BPF
import CTunnelProgram
import LinuxSystem
import Rtnetlink
import TestSupport
import Testing

@Suite(.needsNamespaces, .needs(.bpf), .needsProgram("tc"))
struct HookTests {
    /// The loopback device of a new namespace.
    private static let link: Int32 = 1

    @Test func `A program is attached, replaced and taken away, and the discipline goes with the last`() throws {
        try inNamespace {
            var netlink = try NetlinkSocket()
            let tunnel = try LoadedTunnel(tunnel_settings())
            let (ingress, egress) = (TrafficHook(link: Self.link, .ingress), TrafficHook(link: Self.link, .egress))
            let before = try egress.attachedProgram()
            #expect(before == nil)
            let nothing = try egress.detach()
            #expect(!nothing)
            let none = try TrafficHook.removeUnusedQdisc(link: Self.link, &netlink)
            #expect(!none)

            try egress.attach(tunnel.outward)
            try ingress.attach(tunnel.inward)
            let filters = try netlink.trafficFilters(link: Self.link)
            #expect(
                Set(filters) == [
                    TrafficFilterMessage(
                        link: Self.link, side: .egress, priority: 112, handle: 1, kind: "bpf",
                        name: "poplin_out:[\(tunnel.outward.id)]", program: tunnel.outward.id),
                    TrafficFilterMessage(
                        link: Self.link, side: .ingress, priority: 112, handle: 1, kind: "bpf",
                        name: "poplin_in:[\(tunnel.inward.id)]", program: tunnel.inward.id),
                ])

            let successor = try LoadedTunnel(tunnel_settings())
            try egress.attach(successor.outward)
            let attached = try egress.attachedProgram()
            #expect(attached == successor.outward.id)
            let count = try netlink.trafficFilters(link: Self.link).count
            #expect(count == 2)

            let wasThere = try egress.detach()
            #expect(wasThere)
            let isInUse = try TrafficHook.removeUnusedQdisc(link: Self.link, &netlink)
            #expect(!isInUse, "the other direction has a program yet")
            try ingress.detach()
            let isRemoved = try TrafficHook.removeUnusedQdisc(link: Self.link, &netlink)
            #expect(isRemoved)
            let qdiscs = try netlink.qdiscs()
            #expect(!qdiscs.contains { $0.kind == "clsact" })
        }
    }

    @Test func `A program goes on without whoever loaded it`() throws {
        try inNamespace {
            let hook = TrafficHook(link: Self.link, .egress)
            let id = try Self.attachAndForget(hook)
            let attached = try hook.attachedProgram()
            #expect(attached == id)
        }
    }

    private static func attachAndForget(_ hook: TrafficHook) throws -> UInt32 {
        let tunnel = try LoadedTunnel(tunnel_settings())
        try hook.attach(tunnel.outward)
        return tunnel.outward.id
    }

    @Test func `Two namespaces do not meet`() throws {
        try inNamespace {
            let hook = TrafficHook(link: Self.link, .ingress)
            let mine = try Self.attachAndForget(hook)
            try inNamespace {
                let none = try TrafficHook(link: Self.link, .ingress).attachedProgram()
                #expect(none == nil)
                let others = try Self.attachAndForget(TrafficHook(link: Self.link, .ingress))
                #expect(others != mine)
            }
            let still = try hook.attachedProgram()
            #expect(still == mine)
        }
    }

    @Test func `A filter of somebody else at another place stays, and so does the discipline`() throws {
        try inNamespace {
            var netlink = try NetlinkSocket()
            try execute("tc", "qdisc add dev lo clsact")
            // A classic program that takes every packet: no other kind of filter is in every kernel.
            try execute(
                "tc",
                "filter add dev lo egress prio 7 protocol ip bpf bytecode".split(separator: " ").map(String.init)
                    + ["1,6 0 0 4294967295"])
            let tunnel = try LoadedTunnel(tunnel_settings())
            let hook = TrafficHook(link: Self.link, .egress)
            try hook.attach(tunnel.outward)
            try hook.detach()
            let isRemoved = try TrafficHook.removeUnusedQdisc(link: Self.link, &netlink)
            #expect(!isRemoved)
            let left = try netlink.trafficFilters(link: Self.link)
            #expect(left.map(\.kind) == ["bpf"] && left.map(\.priority) == [7] && left.map(\.program) == [0])
        }
    }

    @Test func `A device that is not there is named`() throws {
        try inNamespace {
            let error = try #require(
                throws: BPFError.self,
                performing: {
                    let tunnel = try LoadedTunnel(tunnel_settings())
                    try TrafficHook(link: 4711, .egress).attach(tunnel.outward)
                })
            #expect(error.object == "link 4711 egress")
        }
    }
}
