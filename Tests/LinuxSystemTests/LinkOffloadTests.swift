// What real devices do for the kernel, turned off and on, and which kernels need the checksum's off.

import LinuxSystem
import TestSupport
import Testing

@Suite struct LinkOffloadTests {
    @Test(.needsNamespaces, arguments: LinkOffload.allCases)
    func `It is turned off and on again on a veth`(offload: LinkOffload) throws {
        try withNamespace { name in
            try ip(in: name, "link", "add", "v0", "type", "veth", "peer", "name", "v1")
            try Self.turns(offload, "v0", in: name)
        }
    }

    @Test(.needsNamespaces, .needs(.ipip)) func `It is turned off and on again on an ipip device`() throws {
        try withNamespace { name in
            try ip(in: name, "link", "add", "ip0", "type", "ipip", "local", "10.0.1.1")
            try Self.turns(.transmitChecksum, "ip0", in: name)
        }
    }

    private static func turns(_ offload: LinkOffload, _ device: String, in namespace: String) throws {
        try NetworkNamespace.run(in: namespace) {
            for isOn in [false, true] {
                try offload.set(device, isOn: isOn)
                #expect(try offload.isOn(device) == isOn)
            }
            let error = #expect(throws: SyscallError.self) { try offload.set("none", isOn: false) }
            #expect(error?.object == "none")
        }
    }

    @Test(arguments: [
        ("5.7.19-generic", true), ("4.19.0", true), ("5.8.0", false), ("5.8-rc1", false), ("5.10.0-21-amd64", false),
        ("6.1.176", false), ("10.0", false),
    ])
    func `Releases are compared by number`(release: String, isOlder: Bool) throws {
        let version = try #require(KernelVersion(release: release))
        #expect((version < KernelVersion(5, 8)) == isOlder)
    }

    @Test(arguments: ["", "5", "linux", "x.8", "5.x"])
    func `What is no release has no version`(release: String) {
        #expect(KernelVersion(release: release) == nil)
    }
}
