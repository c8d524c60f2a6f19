// The userspace tier's ways to carry packets: each of its settings carries everything, and large TCP packets are cut and
// joined where they should be.

import Lab
import LinuxSystem
import Net
import Packet
import TestSupport
import Testing

extension EndToEndTests {
    @Suite("The packet path", .tiers(.userspace, because: "queues, threads and segments are the userspace tier's own"))
    struct PacketPath {
        @Test(
            "Pings, datagrams and streams pass whole, whatever the settings",
            arguments: [
                "offload: false", "express: never", "express: always", "busyPoll: 50", "queues: 2",
                "queues: 3, cpus: '0', busyPoll: 20", "offload: false, queues: 2",
            ])
        func settings(tunnel: String) throws {
            var specification = LabSpecification.twoNodes()
            for index in specification.nodes.indices { specification.nodes[index].extraConfig = "tunnel: {\(tunnel)}" }
            try withLab(specification) { lab in
                for (source, target) in [("w1", "w3"), ("w3", "w1"), ("n1", "w3")] {
                    let ping = try lab.ping(from: source, to: target, count: 20, intervalMilliseconds: 1)
                    #expect(ping.isComplete, "\(source) to \(target): \(ping.summary)")
                    let large = try lab.echo(.udp, from: source, to: target, count: 3, payloadBytes: 9000)
                    #expect(large.isComplete, "\(source) to \(target): \(large)")
                }
                let streams = try (0..<6).map { number in
                    let (source, target) = number % 2 == 0 ? ("w1", "w3") : ("w3", "w1")
                    return try lab.startTransfer(
                        from: source, to: target, bytes: 3_000_017 + number, bytesPerSecond: nil)
                }
                for (number, report) in streams.map({ $0.finish() }).enumerated() {
                    #expect(report.isIntact && report.received == 3_000_017 + number, "\(report)")
                }
                let status = try lab.waitReady("n3")
                for reason in DropReason.allCases where reason != .socketFull && reason != .receiveQueueFull {
                    #expect(status.drops?[reason.name] == 0, "\(reason.name)")
                }
            }
        }

        @Test("Each queue has a thread, pinned in turn to the CPUs that are named", .needs(.twoProcessors))
        func threads() throws {
            var specification = LabSpecification.twoNodes()
            specification.nodes[0].extraConfig = "tunnel: {queues: 3, cpus: '1,0'}"
            try withLab(specification) { lab in
                let pinned = try packetThreads(of: try #require(try lab.status("n1")?.pid))
                #expect(pinned == ["0", "1", "1"])
                let free = try packetThreads(of: try #require(try lab.status("n3")?.pid))
                #expect(free.count == 1)
                #expect(try lab.ping(from: "w1", to: "w3", count: 20).isComplete)
            }
        }

        @Test("TCP is cut before the underlay sees it and joined before the workload does, neither without offloads")
        func cutAndJoined() throws {
            for offload in [true, false] {
                var specification = LabSpecification.twoNodes()
                for index in specification.nodes.indices {
                    specification.nodes[index].extraConfig = "tunnel: {offload: \(offload)}"
                }
                try withLab(specification) { lab in
                    let device = try PacketSniffer(on: try lab.host("w3"), devices: ["eth0"])
                    defer { device.stop() }
                    let sniffer = try #require(lab.sniffer)
                    sniffer.clear()
                    let report = try lab.transfer(from: "w1", to: "w3", bytes: 16 << 20)
                    #expect(report.isIntact, "\(report)")
                    let source = address("10.244.1.2")
                    let outside = sniffer.counts().largestPacket { $0.inner?.source == source }
                    #expect(outside == 1500, "with offloads \(offload)")
                    let inside = device.counts().largestPacket { $0.source == source }
                    if offload { #expect(inside > 1480) } else { #expect(inside == 1480) }
                }
            }
        }

        /// The CPUs that each packet thread of a process may run on, as the kernel lists them.
        private func packetThreads(of process: Int32) throws -> [String] {
            try ProcessThread.all(of: process).filter(\.carriesPackets).map { thread in
                String(try #require(thread.fields["Cpus_allowed_list"]))
            }.sorted()
        }
    }
}
