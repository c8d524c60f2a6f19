// Whole runs on real networks, as short as they can be: what is in the report, and what it says when something is missing.

import Bench
import Lab
import LinuxSystem
import Load
import Net
import Report
import Synchronization
import TestSupport
import Testing

@Suite("Benchmark runs", .serialized, .needsNamespaces)
struct BenchRunTests {
    private static let short = LoadPeriod(warmUpMilliseconds: 50, milliseconds: 800)

    private static func plan(
        _ paths: [String], _ measures: [Measure], rounds: Int = 1, mtus: [Int] = [1500], countsWire: Bool = false
    ) -> BenchPlan {
        BenchPlan(
            network: .lab(BenchPath.all.filter { paths.contains($0.name) }), measures: measures,
            furtherMeasures: measures, rounds: rounds, period: short, mtus: mtus, countsWire: countsWire)
    }

    private static func run(
        _ plan: BenchPlan, interruption: Interruption = Interruption(),
        onProgress: @escaping (BenchRun.Progress) -> Void = { _ in }
    ) throws -> BenchReport {
        try BenchRun(plan, version: "1", command: "poplin bench", interruption: interruption, onProgress: onProgress)
            .run()
    }

    @Test func `Every load gives each of its quantities in every round, and the further ones at the next MTU`() throws {
        var plan = Self.plan(["native", "userspace"], Measure.allCases, rounds: 2, mtus: [1500, 9000])
        plan.furtherMeasures = [.tcp1, .requestResponse]
        let report = try Self.run(plan)
        #expect(report.missing == [])
        let further: Set<Quantity> = [.tcp1, .tcp1Processor, .roundTrip50, .roundTrip99, .roundTrip999]
        for path in ["native", "userspace"] {
            for quantity in Quantity.allCases {
                let figure = report.figure(quantity, path: path, mtu: 1500)
                #expect(figure?.samples.count == 2, "\(path) \(quantity.rawValue)")
                let isLoss = quantity.group == .loss
                #expect(figure?.samples.allSatisfy { isLoss ? $0 >= 0 : $0 > 0 } == true, "\(quantity.rawValue)")
            }
            #expect(Set(report.figures.filter { $0.path == path && $0.mtu == 9000 }.map(\.quantity)) == further)
        }
    }

    @Test(arguments: ["native", "vxlan", "userspace"], [1500, 9000])
    func `What each path adds on the wire is what arithmetic says`(path: String, mtu: Int) throws {
        try Self.expectArithmetic(path, mtu: mtu)
    }

    @Test(.needs(.bpf), arguments: ["bpf", "bpf-shortcut"], [1500, 9000])
    func `What programs add on the wire is what arithmetic says`(path: String, mtu: Int) throws {
        try Self.expectArithmetic(path, mtu: mtu)
    }

    @Test(.needs(.program("fastd")))
    func `What fastd adds on the wire is what arithmetic says`() throws {
        try Self.expectArithmetic("fastd", mtu: 1500)
    }

    private static func expectArithmetic(_ path: String, mtu: Int) throws {
        let report = try run(plan([path], [], mtus: [mtu], countsWire: true))
        #expect(report.missing == [])
        #expect(report.overheads.map(\.mix) == BenchReport.PacketMix.allCases)
        for overhead in report.overheads {
            let difference = overhead.measuredPerPacket - overhead.expectedPerPacket
            #expect(abs(difference) < 1, "\(overhead.mix): \(difference) bytes a packet")
        }
    }

    @Test func `TCP finds its pace as the plan says, whatever the host's way, and the report names it`() throws {
        let native = try #require(BenchPath.all.first { $0.name == "native" })
        for name in ["reno", "cubic"] {
            let network = try PathNetwork(native, underlayMTU: 1500, congestionControl: name)
            for workload in ["w1", "w2"] {
                let used = try network.lab.host(workload).run { try Sysctl.read("net/ipv4/tcp_congestion_control") }
                #expect(used == name)
            }
            var plan = Self.plan(["native"], [.requestResponse])
            plan.congestionControl = name
            let report = try Self.run(plan)
            #expect(report.machine.first { $0.name == "congestion control" }?.value == name)
        }
    }

    @Test func `A path that is not to be had is told with the reason, and the others are measured`() throws {
        let report = try Self.run(Self.plan(["native", "kernel"], [.requestResponse]))
        #expect(report.figure(.roundTrip50, path: "native", mtu: 1500) != nil)
        for missing in report.missing {
            #expect(missing.reason.contains("is not available") && !missing.reason.contains("\n"), "\(missing)")
        }
        #expect(report.missing.isEmpty == (report.figure(.roundTrip50, path: "kernel", mtu: 1500) != nil))
    }

    @Test func `With nothing to report, the reasons are all that is said`() throws {
        let nobody = BenchPlan.Peer(name: "nobody", address: IPv4Address(rawValue: 0x7F00_0001))
        let plan = BenchPlan(network: .peers([nobody]), port: 1, measures: [.requestResponse], period: Self.short)
        let error = #expect(throws: BenchFailure.self) { try Self.run(plan) }
        #expect(error?.description.contains("127.0.0.1:1") == true)
        #expect(error?.description.split(separator: "\n").count == 1)
    }

    @Test func `An interruption keeps what was measured before`() throws {
        let interruption = Interruption()
        let steps = Mutex(0)
        let report = try Self.run(
            Self.plan(["native", "native-nogso"], [.requestResponse], rounds: 1000), interruption: interruption
        ) { progress in
            guard progress.step.hasPrefix("round") else { return }
            let step = steps.withLock {
                $0 += 1; return $0
            }
            if step == 4 { interruption.request() }
        }
        #expect(report.interruption?.contains("round 2 of 1000: native,") == true, "\(report.interruption ?? "")")
        // The second round goes back.
        #expect(report.figure(.roundTrip50, path: "native", mtu: 1500)?.samples.count == 1)
        #expect(report.figure(.roundTrip50, path: "native-nogso", mtu: 1500)?.samples.count == 2)
    }
}
