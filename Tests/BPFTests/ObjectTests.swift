// The object that the build embeds, its maps, and what is said where something is refused.

import BPF
import CTunnelProgram
import LinuxSystem
import Net
import TestSupport
import Testing

@Suite(.needs(.bpf))
struct ObjectTests {
    @Test func `The kernel takes the tunnel's programs`() throws {
        let tunnel = try LoadedTunnel(tunnel_settings())
        let ids = (tunnel.outward.id, tunnel.inward.id)
        #expect(ids.0 != 0 && ids.1 != 0 && ids.0 != ids.1)
    }

    @Test func `An error says what was tried, on what, and what libbpf had to say`() throws {
        let garbage = try #require(
            throws: BPFError.self,
            performing: {
                _ = try ProgramObject([1, 2, 3], name: "garbage")
            })
        #expect(garbage.operation == "open" && garbage.object == "object garbage")
        #expect(garbage.log.contains("libbpf"), "\(garbage)")

        let size = try #require(
            throws: BPFError.self,
            performing: {
                var object = try ProgramObject.tunnel()
                try object.setReadOnlyData(UInt8(1))
            })
        #expect(size.description == "map .rodata.settings of tunnel: Invalid argument (set)")

        let unknown = try #require(
            throws: BPFError.self,
            performing: {
                let object = try ProgramObject.tunnel()
                _ = try object.program(named: "nobody")
            })
        #expect(unknown.description == "program nobody of tunnel: No such file or directory (find)")
    }

    @Test func `Where the kernel refuses a program, the verifier's own words are in the error`() throws {
        // The call of a function (bpf_skb_adjust_room, 50) becomes one of a function that no kernel has.
        let call: [UInt8] = [0x85, 0, 0, 0, 50, 0, 0, 0]
        var bytes = ProgramObject.tunnelBytes
        let place = try #require(bytes.firstRange(of: call))
        bytes[place.lowerBound + 6] = 1
        let refusal = try #require(
            throws: BPFError.self,
            performing: {
                var object = try ProgramObject(bytes, name: "spoiled")
                try object.load()
            })
        #expect(refusal.operation == "load" && refusal.object == "object spoiled")
        #expect(refusal.log.contains("func unknown#65586"), "\(refusal)")
    }

    @Test func `A map is taken for what it is alone, and not before it is made`() throws {
        let unloaded = try ProgramObject.tunnel()
        let early = #expect(throws: BPFError.self) { _ = try unloaded.table(named: "tables") }
        #expect(early?.code != nil)
        let wrong = try #require(
            throws: BPFError.self,
            performing: {
                let tunnel = try LoadedTunnel(tunnel_settings())
                _ = try tunnel.object.perCPUHash(named: "traffic", of: UInt64.self)
            })
        #expect(wrong.object == "map traffic")
    }

    @Test func `Counters of five thousand peers are made, listed, read and removed`() throws {
        let tunnel = try LoadedTunnel(tunnel_settings())
        let keys = Set((0..<5000).map { UInt32($0).bigEndian })
        for key in keys {
            try tunnel.traffic.insert(
                key, tunnel_traffic(tx_packets: 1, tx_bytes: 2, rx_packets: 3, rx_bytes: UInt64(key)))
        }
        let some = try #require(keys.first)
        // One that is there stays.
        try tunnel.traffic.insert(some, tunnel_traffic())
        let listed = try tunnel.traffic.keys()
        #expect(listed.count == keys.count && Set(listed) == keys)
        var wrong = 0
        try tunnel.traffic.forEach { key, values in
            if !values.allSatisfy({ $0.rx_bytes == UInt64(key) && $0.tx_packets == 1 }) { wrong += 1 }
        }
        #expect(wrong == 0)
        let values = try #require(try tunnel.traffic.values(of: some))
        #expect(values.allSatisfy { $0.rx_packets == 3 })
        for key in keys { try tunnel.traffic.remove(key) }
        try tunnel.traffic.remove(some)
        let left = try tunnel.traffic.keys()
        #expect(left.isEmpty)
        let gone = try tunnel.traffic.values(of: some)
        #expect(gone == nil)
    }

    @Test func `A set of keys has each once`() throws {
        let tunnel = try LoadedTunnel(tunnel_settings())
        let set = try tunnel.object.keySet(named: "workloads")
        for key in [7, 3, 7, 9] as [UInt32] { try set.insert(key) }
        try set.remove(3)
        try set.remove(4)
        let keys = try set.keys()
        #expect(keys.sorted() == [7, 9])
    }

    @Test func `An element past the end of an array is an error`() throws {
        let tunnel = try LoadedTunnel(tunnel_settings())
        let error = try #require(
            throws: BPFError.self, performing: { _ = try tunnel.drops.values(at: UInt32(TUNNEL_DROP_COUNT.rawValue)) })
        #expect(error.description == "map drops: No such file or directory (read element 18)")
    }
}

@Suite(.needs(.bpf))
struct FeatureTests {
    @Test func `Every function that the programs call is known here`() throws {
        for helper in BPFFeatures.Helper.allCases {
            let isKnown = try BPFFeatures.has(helper)
            #expect(isKnown, "\(helper)")
        }
    }
}
