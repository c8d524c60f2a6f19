// Our programs among the filters of others, and what the tier says where it cannot work.

import BPF
import CTunnelProgram
import Glibc
import LinuxSystem
import Rtnetlink
import TestSupport
import Testing

@testable import Dataplane

@Suite(.needsNamespaces, .needs(.bpf), .needsProgram("tc"))
struct TunnelFilterTests {
    /// The loopback device of a new namespace.
    private static let link: Int32 = 1

    @Test func `Ours are found on both sides, and go without touching those of others`() throws {
        try inNamespace {
            var netlink = try NetlinkSocket()
            let none = try TunnelFilters.list(&netlink)
            #expect(none.isEmpty)
            let tunnel = try LoadedTunnel(tunnel_settings())
            try TrafficHook(link: Self.link, .egress).attach(tunnel.outward)
            try TrafficHook(link: Self.link, .ingress).attach(tunnel.inward)
            try Self.addForeignFilter()
            let ours = try TunnelFilters.list(&netlink)
            #expect(ours.map(\.program) == [tunnel.inward.id, tunnel.outward.id])
            #expect(ours.map(\.side) == [.ingress, .egress])

            for filter in ours { try TunnelFilters.remove(filter) }
            let left = try netlink.trafficFilters(link: Self.link)
            #expect(left.map(\.priority) == [7])
            // Somebody else was faster.
            for filter in ours { try TunnelFilters.remove(filter) }
        }
    }

    @Test(arguments: [(7, true), (112, true), (113, false)])
    func `A hook where a filter of somebody else comes before ours is told`(priority: Int, isBefore: Bool) throws {
        try inNamespace {
            var netlink = try NetlinkSocket()
            let tunnel = try LoadedTunnel(tunnel_settings())
            let hook = TrafficHook(link: Self.link, .egress)
            try hook.attach(tunnel.outward)
            let alone = try TunnelFilters.survey(&netlink)
            #expect(alone.ours.count == 1 && alone.preceded.isEmpty)
            if priority == 112 { try hook.detach() }
            try Self.addForeignFilter(priority: priority)
            let preceded = try TunnelFilters.survey(&netlink).preceded
            #expect(preceded == (isBefore ? [hook] : []))
        }
    }

    @Test(arguments: [true, false])
    func `With the last filter clsact goes too where it shall`(withHolder: Bool) throws {
        try inNamespace {
            var netlink = try NetlinkSocket()
            let tunnel = try LoadedTunnel(tunnel_settings())
            try TrafficHook(link: Self.link, .ingress).attach(tunnel.inward)
            for filter in try TunnelFilters.list(&netlink) {
                if withHolder {
                    try TunnelFilters.removeWithHolder(filter, &netlink)
                } else {
                    try TunnelFilters.remove(filter)
                }
            }
            let left = try TunnelFilters.list(&netlink)
            #expect(left.isEmpty)
            let kinds = try netlink.qdiscs().map(\.kind)
            #expect(kinds.contains("clsact") != withHolder)
        }
    }

    @Test(arguments: [
        TrafficFilterMessage(link: 1, side: .egress, priority: 7, name: "poplin_out:[1]"),
        TrafficFilterMessage(link: 1, side: .egress, priority: 112, name: "cilium"),
        TrafficFilterMessage(link: 1, side: .egress, priority: 112, kind: "flower", name: "poplin_out:[1]"),
    ])
    func `Neither place nor name alone makes a filter ours`(filter: TrafficFilterMessage) {
        #expect(!TunnelFilters.isOurs(filter))
    }

    /// A classic program that takes every packet.
    private static func addForeignFilter(priority: Int = 7) throws {
        let path = try #require(Requirement.path(of: "tc"))
        let words = "filter add dev lo egress prio \(priority) protocol ip bpf bytecode".split(separator: " ")
        let result = try ChildProcess.run(path, words.map(String.init) + ["1,6 0 0 4294967295"])
        try #require(result.status.isSuccess, "\(result.errors)")
    }
}

@Suite("The bpf tier's judgement of a host")
struct BPFProbeTests {
    @Test func `A kernel without BPF, a process without the right and a kernel that refuses are told apart`() {
        let cases: [(Int32, String)] = [
            (ENOSYS, "CONFIG_BPF_SYSCALL"), (EPERM, "not permitted"), (EINVAL, "Invalid argument"),
        ]
        for (code, word) in cases {
            let refusal = BPFError(operation: "load", object: "a program", code: code)
            #expect(BPFProbe.whyNoPrograms(refusal).contains(word))
        }
        #expect(BPFProbe.whyNoHelper(["redirect_neigh"]).hasSuffix("has no bpf_redirect_neigh"))
    }

    @Test func `What the verifier said last is part of the one line`() {
        let log = "0: (b7) r0 = 0\nR6 partial copy of pointer\nprocessed 24 insns\n-- END PROG LOAD LOG --\n"
        let refusal = BPFError(operation: "load", object: "object tunnel", code: EACCES, log: log)
        let because = BPFProbe.whyNot(refusal)
        #expect(because.contains("refuses the programs") && because.contains("(R6 partial copy of pointer)"))
        #expect(!because.contains("\n"))
    }

    @Test(arguments: [("make clsact", "NET_SCH_INGRESS"), ("attach poplin_out", "NET_CLS_BPF")])
    func `Where programs have no place, what the kernel lacks is named`(operation: String, option: String) {
        let refusal = BPFError(operation: operation, object: "link 7 egress", code: EOPNOTSUPP)
        #expect(BPFProbe.whyNot(refusal).contains(option))
    }
}
