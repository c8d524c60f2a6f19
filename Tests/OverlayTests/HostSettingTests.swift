// Which sysctls a host needs, and when they hold.

import Net
import Overlay
import Testing

@Suite("Host settings")
struct HostSettingTests {
    private let loose = HostSetting.looseReversePath(device: "eth0")

    @Test(
        "the reverse path is loose unless the larger of the device's value and that of all is 1",
        arguments: [
            ("0", "0", true), ("0", "1", false), ("0", "2", true), ("1", "0", false), ("1", "1", false),
            ("1", "2", true), ("2", "0", true), ("2", "1", true), ("2", "2", true),
        ])
    func reversePath(_ all: String, _ device: String, _ holds: Bool) {
        let values = ["net/ipv4/conf/all/rp_filter": all, "net/ipv4/conf/eth0/rp_filter": device]
        #expect(loose.holds(values) == holds)
        // What is written makes it hold, whatever `all` says.
        #expect(loose.holds(values.merging([loose.path: loose.value]) { $1 }))
    }

    @Test(
        "a device that is not there yet will have the value of conf.default",
        arguments: [("0", "0", true), ("0", "1", false), ("1", "0", false), ("0", "2", true)])
    func newDevice(_ all: String, _ new: String, _ holds: Bool) {
        let values = ["net/ipv4/conf/all/rp_filter": all, "net/ipv4/conf/default/rp_filter": new]
        #expect(loose.holds(values) == holds)
        #expect(Set(loose.inputs) == Set(values.keys).union([loose.path]))
    }

    @Test("what cannot be read does not hold")
    func missing() {
        #expect(!loose.holds(["net/ipv4/conf/all/rp_filter": "0"]))
        #expect(!HostSetting.forwarding.holds([:]))
    }

    @Test("forwarding holds at 1")
    func forwarding() {
        #expect(HostSetting.forwarding.holds(["net/ipv4/ip_forward": "1"]))
        #expect(!HostSetting.forwarding.holds(["net/ipv4/ip_forward": "0"]))
    }

    @Test("programs need a tunnel device that forwards, and whose routes count without a carrier")
    func programs() {
        let needed = HostSetting.needed(tunnel: "tunl0", underlay: ["eth0"], usesPrograms: true)
        #expect(
            needed.dropFirst(3) == [.deviceForwarding(device: "tunl0"), .routesWithoutCarrier(device: "tunl0")])
        let values = [
            "net/ipv4/conf/tunl0/forwarding": "1", "net/ipv4/conf/tunl0/ignore_routes_with_linkdown": "0",
        ]
        #expect(needed.dropFirst(3).allSatisfy { $0.holds(values) })
        #expect(!needed.dropFirst(3).contains { $0.holds([$0.path: $0.value == "1" ? "0" : "1"]) })
    }

    @Test("a host needs forwarding, and loose filters on the tunnel and the underlay's device")
    func needed() {
        let local = LocalNode(name: "n1", address: "10.0.1.1/24")
        #expect(
            DesiredState(local, ClusterState()).settings
                == [.forwarding, .looseReversePath(device: "tunl0"), .looseReversePath(device: "eth0")])
        #expect(
            DesiredState(local, ClusterState(), HostFacts()).settings
                == [.forwarding, .looseReversePath(device: "tunl0")])
    }
}
