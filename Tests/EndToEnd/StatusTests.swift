// What the running agent says of itself, to people and to programs.

import Foundation
import Lab
import LinuxSystem
import Net
import Testing

extension EndToEndTests {
    @Suite("Status")
    struct Status {
        @Test func `The JSON has every key of the contract, and the text says the same`() throws {
            try withLab(Self.specification) { lab in
                #expect(try lab.ping(from: "w1", to: "w3", count: 20).isComplete)
                let node = try lab.host("n1")
                let arguments = ["status", "--config", lab.configPath("n1")]
                let json = try PoplinProgram.json(arguments, on: node)
                #expect(Self.keys.subtracting(json.keys) == [])
                #expect(json["node"] == .string("n1") && json["address"] == .string("10.0.1.1/24"))
                #expect(json["ready"] == .bool(true) && json["notReadyBecause"] == .array([]))
                let tunnel = try #require(json["tunnel"])
                #expect(tunnel["device"] == .string("tunl0") && tunnel["address"] == .string("10.244.1.1"))
                #expect(tunnel["mtu"] == .number(1480))
                #expect(try #require(tunnel["icmp"]).keys == ["relayed", "limited", "ignored", "learnt"])
                let routes = JSONValue.object(["desired": .number(3), "installed": .number(3), "conflicts": .array([])])
                #expect(json["routes"] == routes)
                let drops = try #require(json["drops"]).keys
                #expect(drops.contains("unknownOuterSource") && drops.contains("innerSourceNotOfPeer"), "\(drops)")
                let peers = json["peers"]?.elements ?? []
                #expect(peers.map { $0["node"]?.text } == ["n2", "n3"])
                #expect(peers.map { $0["verdict"]?.text } == ["direct", "tunnel"])
                for peer in peers { #expect(Self.peerKeys.subtracting(peer.keys) == []) }
                // 20 pings of 84 bytes each way, all in the tunnel.
                let (packets, bytes): (JSONValue, JSONValue) =
                    Tiers.current.countPeers ? (.number(20), .number(20 * 84)) : (.number(0), .number(0))
                #expect(peers.last?["txPackets"] == packets && peers.last?["rxBytes"] == bytes)
                let date = try #require(json["lastResync"]?.text)
                #expect((try? Date(date, strategy: .iso8601)) != nil, "\(date)")

                let text = try PoplinProgram.run(arguments, on: node)
                #expect(text.status == .code(0) && !text.output.contains("\u{1B}"))
                for word in ["n1", "10.0.1.1/24", "tunl0", "1480", "3 of 3", "n3", "differentSubnet"] {
                    #expect(text.output.contains(word), "\(word) is missing: \(text.output)")
                }
            }
        }

        @Test func `Without an agent it fails in one line that says what to do`() throws {
            try withIdleLab(Self.specification) { lab in
                let result = try PoplinProgram.run(
                    ["status", "--config", lab.configPath("n1")], on: try lab.host("n1"))
                #expect(result.status == .code(1) && result.output.isEmpty)
                #expect(result.errors.split(separator: "\n").count == 1 && result.errors.contains("poplin agent"))
            }
        }

        @Test func `A client that does not read holds up nobody`() throws {
            try withLab(Self.specification) { lab in
                let path = "\(lab.runDirectory("n1"))/status.sock"
                var clients: [Int32] = []
                for _ in 0..<50 { clients.append(try UnixSocket.connect(path).release()) }
                defer { for client in clients { _ = Descriptor(owning: client) } }
                try lab.setMode("n1", .always)
                try lab.waitStatus("n1", "the mode") { $0.ready && $0.peers.allSatisfy { $0.verdict == "tunnel" } }
            }
        }

        @Test func `ready is false, with the reason, as long as something is missing`() throws {
            try withIdleLab(Self.specification) { lab in
                try Files.move(lab.clusterDirectory, to: lab.clusterDirectory + ".away")
                try lab.startAgent(on: "n1")
                let status = try lab.waitStatus("n1", "the datastore named") { status in
                    status.notReadyBecause.contains { $0.contains("datastore") }
                }
                #expect(!status.ready)
                try Files.move(lab.clusterDirectory + ".away", to: lab.clusterDirectory)
                try lab.waitReady("n1")
            }
        }

        private static let keys: Set<String> = [
            "node", "address", "tier", "tierReason", "ready", "notReadyBecause", "tunnel", "peers", "routes", "drops",
            "lastResync", "warnings",
        ]

        private static let peerKeys: Set<String> = [
            "node", "address", "verdict", "reason", "outer", "outerReason", "blocks", "txPackets", "txBytes",
            "rxPackets",
            "rxBytes", "pathMTU", "pathMTUExpiresIn",
        ]

        private static var specification: LabSpecification {
            var specification = LabSpecification.threeNodes()
            specification.hasSniffer = false
            return specification
        }
    }
}
