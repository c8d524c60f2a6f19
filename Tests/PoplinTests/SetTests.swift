// `poplin set`: one key changes, the file stays the person's own.

import LinuxSystem
import Testing

@Suite struct SetTests {
    @Test func aChangedKeyKeepsCommentsAndOrder() throws {
        let host = try CommandHost()
        let before = try TextFile.read(host.config)
        let result = try host.run("set", "ipipMode=Always")
        #expect(result.status == .code(0))
        #expect(result.output == "ipipMode=Always: a running agent follows at once\n")
        #expect(result.errors.isEmpty)
        let after = try TextFile.read(host.config)
        #expect(after.contains("# the first node\n"))
        #expect(after.contains("ipipMode: Always\n"))
        #expect(after.split(separator: "\n").count == before.split(separator: "\n").count)
    }

    @Test func aNewDottedKeyIsAdded() throws {
        let host = try CommandHost()
        #expect(try host.run("set", "tunnel.mtu=1400").status == .code(0))
        let text = try TextFile.read(host.config)
        #expect(text.contains("tunnel:"))
        #expect(text.contains("mtu: 1400"))
    }

    @Test func anOverridingVariableIsWarnedOf() throws {
        let host = try CommandHost()
        let result = try host.run("set", "ipipMode=Never", environment: ["POPLIN_IPIP_MODE": "Always"])
        #expect(result.status == .code(0))
        #expect(result.errors.contains("POPLIN_IPIP_MODE"))
        #expect(result.errors.split(separator: "\n").count == 1)
    }

    @Test func aRefusedValueLeavesTheFileAlone() throws {
        let host = try CommandHost()
        let before = try TextFile.read(host.config)
        let result = try host.run("set", "ipipMode=Sometimes")
        #expect(result.status == .code(1))
        #expect(result.output.isEmpty)
        #expect(result.errors.split(separator: "\n").count == 1)
        #expect(try TextFile.read(host.config) == before)
    }

    @Test func jsonSaysWhatHappened() throws {
        let host = try CommandHost()
        let result = try host.run("set", "node=n9", "--output", "json")
        for part in [
            "\"changed\" : true", "\"key\" : \"node\"", "\"takesEffectLive\" : false", "\"isOverridden\" : false",
        ] {
            #expect(result.output.contains(part))
        }
    }
}
