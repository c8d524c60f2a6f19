// Which tier is chosen, and in which words the others are passed over.

import Agent
import LinuxSystem
import Net
import Overlay
import Rtnetlink
import Testing

@testable import Dataplane

@Suite("The choice of a tier")
struct TierChoiceTests {
    private static let module = IPIPDriver.module(path: "/lib/modules/6.1/kernel/net/ipv4/ipip.ko")
    private static let missing = IPIPDriver.missing(directory: "/lib/modules/6.1")

    private func reason(_ availability: Availability) -> String {
        if case .unavailable(let because) = availability { because } else { "" }
    }

    @Test("A look: what is loaded or can be is there; what a TUN of the driver's name keeps out is not")
    func looking() {
        for driver in [IPIPDriver.loaded, .builtIn, Self.module] {
            #expect(KernelProbe.looked(driver, fallbackKind: nil) == .available)
            #expect(KernelProbe.looked(driver, fallbackKind: "ipip") == .available)
        }
        #expect(KernelProbe.looked(.loaded, fallbackKind: "tun") == .available)
        let blocked = reason(KernelProbe.looked(Self.module, fallbackKind: "tun"))
        #expect(blocked.contains("ipip.ko") && blocked.contains("tunl0 is a TUN device"))
        #expect(reason(KernelProbe.looked(Self.missing, fallbackKind: nil)).contains("/lib/modules/6.1"))
        #expect(reason(KernelProbe.looked(.unknown(directory: "/x"), fallbackKind: "tun")).contains("/x"))
        // In a container without the modules' directory, a device of the driver says enough.
        #expect(KernelProbe.looked(.unknown(directory: "/x"), fallbackKind: "ipip") == .available)
    }

    @Test("A TUN in the device's place: the change is explained only where there is a driver to change to")
    func occupied() {
        for driver in [IPIPDriver.loaded, .builtIn, Self.module] {
            #expect(reason(KernelProbe.occupied("tunl0", driver)).contains("takes a break"))
        }
        let without = reason(KernelProbe.occupied("tunl0", Self.missing))
        #expect(without.contains("no ipip driver") && !without.contains("break"))
    }

    private func refusal(_ code: Int32) -> NetlinkError {
        NetlinkError(code: code, operation: "create link", object: "link poplin-1")
    }

    @Test("An attempt: each refusal has its own reason")
    func trying() {
        #expect(KernelProbe.tried(nil, driver: Self.missing, release: "6.1") == .available)
        let cases: [(Int32, IPIPDriver, String)] = [
            (SyscallError.notPermitted, .loaded, "CAP_NET_ADMIN"),
            (SyscallError.notSupported, Self.missing, "/lib/modules/6.1 names it"),
            (SyscallError.notSupported, .unknown(directory: "/x"), "/x has no list"),
            (SyscallError.notSupported, Self.module, "a device named tunl0 of another driver"),
            (SyscallError.exists, .loaded, "refuses a device"),
        ]
        for (code, driver, words) in cases {
            let because = reason(KernelProbe.tried(refusal(code), driver: driver, release: "6.1"))
            #expect(because.contains(words), "\(because)")
        }
    }

    @Test("auto takes the first that is there and says why not those before it")
    func auto() throws {
        let none = Availability.unavailable(because: "no driver")
        let survey: [(tier: Tier, availability: Availability)] = [
            (.kernel, none), (.bpf, .unavailable(because: "not yet")), (.userspace, .available),
        ]
        let choice = try TierChoice.choose(nil, among: survey)
        #expect(choice == TierChoice(tier: .userspace, reason: "auto; kernel: no driver; bpf: not yet"))
        let best = try TierChoice.choose(nil, among: [(.kernel, .available)] + survey.dropFirst())
        #expect(best == TierChoice(tier: .kernel, reason: "auto"))
        let refused = #expect(throws: TierUnavailable.self) { _ = try TierChoice.choose(.kernel, among: survey) }
        #expect(refused?.message.contains("dataplane kernel is not available: no driver") == true)
    }

    @Test(
        "The driver is told the node's address, a TTL that is given with DF, and the DSCP",
        arguments: [
            ("", 0, 1, false), ("ttl: inherit", 0, 1, false), ("ttl: 64", 64, 1, true), ("dscp: 46", 0, 184, false),
            ("ttl: 1, dscp: 0", 1, 0, true),
        ] as [(String, UInt8, UInt8, Bool)])
    func parameters(tunnel: String, ttl: UInt8, tos: UInt8, alwaysDF: Bool) throws {
        let text = "node: n1\naddress: 10.0.1.1/24\ntunnel: {\(tunnel)}\n"
        let config = try NodeConfig(parsing: Array(text.utf8), file: "/node.yaml", hostName: "n1")
        let local = try config.localNode(facts: HostFacts(), tier: .kernel)
        #expect(local.tunnelKind == "ipip")
        #expect(
            local.tunnelParameters
                == IPIPParameters(local: address("10.0.1.1"), timeToLive: ttl, typeOfService: tos, alwaysDF: alwaysDF))
        let other = try config.localNode(facts: HostFacts(), tier: .userspace)
        #expect(other.tunnelKind == "tun" && other.tunnelParameters == nil)
    }
}

private func address(_ text: String) -> IPv4Address { IPv4Address(text) ?? .any }
