// Loads count what arrived, exactly; how fast that was is not asserted, since it is the machine's.

import Lab
import LinuxSystem
import Net
import TestSupport
import Testing

@testable import Load

@Suite("Loads in a lab", .needsNamespaces)
struct LoadTests {
    @Test(arguments: [1, 4, 16])
    func everyByteOfAStreamIsCounted(flows: Int) throws {
        try Lab.with(.routed()) { lab in
            let report = try lab.run(StreamLoad(flows: flows, period: .short), from: "w1", to: "w3")
            #expect(report.failure == nil)
            #expect(report.totalSent > 0 && report.totalReceived == report.totalSent)
            #expect(report.bytes > 0 && report.bytes <= report.totalReceived)
            #expect(report.seconds >= 0.15 && report.busySeconds >= 0)
        }
    }

    @Test func datagramsThatArriveAreCounted() throws {
        try Lab.with(.routed()) { lab in
            let load = DatagramLoad(payloadBytes: 64, packetsPerSecond: 1000, period: .short)
            let before = try datagramsReceived(on: lab.host("w3"))
            let report = try lab.run(load, from: "w1", to: "w3")
            #expect(report.failure == nil)
            #expect(report.totalReceived == report.totalSent && report.loss == 0)
            #expect(report.packets > 0 && report.packets <= report.totalReceived)
            #expect(try datagramsReceived(on: lab.host("w3")) - before == report.totalReceived)
        }
    }

    @Test func datagramsThatDoNotArriveAreLoss() throws {
        try Lab.with(.routed()) { lab in
            // The control connection still passes.
            let drop = try lab.router.execute("ip", ["rule", "add", "ipproto", "udp", "blackhole"])
            try #require(drop.status.isSuccess, "ip rule: \(drop.errors)")
            let load = DatagramLoad(payloadBytes: 64, packetsPerSecond: 1000, period: .short)
            let report = try lab.run(load, from: "w1", to: "w3")
            #expect(report.totalSent > 0 && report.totalReceived == 0)
            #expect(report.packets == 0 && report.loss == 1)
        }
    }

    @Test func whatIsLostHalfwayIsToldExactly() throws {
        try Lab.with(.routed()) { lab in
            let before = try datagramsReceived(on: lab.host("w3"))
            let drops = try SystemThread.start(name: "test-drops") {
                try? waitUntil("some have arrived") { try datagramsReceived(on: lab.host("w3")) > before + 20 }
                _ = try? lab.router.execute("ip", ["rule", "add", "ipproto", "udp", "blackhole"])
            }
            let load = DatagramLoad(
                packetsPerSecond: 1000, period: LoadPeriod(warmUpMilliseconds: 50, milliseconds: 10_000))
            let report = try lab.run(load, from: "w1", to: "w3")
            drops.join()
            #expect(report.failure == nil)
            #expect(report.totalReceived > 20 && report.totalReceived < report.totalSent)
            #expect(report.loss > 0 && report.loss < 1)
            #expect(try datagramsReceived(on: lab.host("w3")) - before == report.totalReceived)
        }
    }

    @Test func requestsAreAnsweredOneByOne() throws {
        try Lab.with(.routed()) { lab in
            let report = try lab.run(RequestLoad(period: .short), from: "w1", to: "w3")
            #expect(report.failure == nil && report.lost == 0)
            #expect(!report.samples.isEmpty)
            #expect(report.samples == report.samples.sorted())
        }
    }

    @Test func pingsAreAnsweredOneByOne() throws {
        try Lab.with(.routed()) { lab in
            let report = try lab.run(PingLoad(period: .short), from: "w1", to: "w3")
            #expect(report.failure == nil && report.lost == 0)
            #expect(!report.samples.isEmpty)
            #expect(report.microseconds(0.5) <= report.microseconds(0.99))
        }
    }

    @Test func everyConnectionIsServedAndNoneIsLeft() throws {
        try Lab.with(.routed()) { lab in
            let report = try lab.run(ConnectionLoad(period: .short), from: "w1", to: "w3")
            #expect(report.failure == nil)
            #expect(report.connections > 0 && report.connections <= report.totalOpened)
            #expect(report.totalServed == report.totalOpened)
            for name in ["w1", "w3"] {
                let states = try lab.host(name).execute("ss", ["-Htan", "state", "time-wait"])
                // The control connection may be there.
                #expect(states.output.split(separator: "\n").count <= 1, "\(name): \(states.output)")
            }
        }
    }

    @Test func anInterruptionEndsALoad() throws {
        try Lab.with(.routed()) { lab in
            lab.interruption.request()
            let period = LoadPeriod.endless
            #expect(throws: LabError.interrupted) { try lab.run(StreamLoad(period: period), from: "w1", to: "w3") }
            #expect(throws: LabError.interrupted) { try lab.run(DatagramLoad(period: period), from: "w1", to: "w3") }
        }
    }
}

/// The kernel's own count, `Udp: InDatagrams`.
private func datagramsReceived(on host: LabHost) throws -> Int {
    let text = try host.execute("cat", ["/proc/net/snmp"]).output
    let line = text.split(separator: "\n").last { $0.hasPrefix("Udp:") }
    return try #require(line?.split(separator: " ").dropFirst().first.flatMap { Int($0) })
}

@Suite("Figures of a load")
struct LoadReportTests {
    @Test func busyTimeLeavesOutIdleAndWhatOthersStole() throws {
        let time = ProcessorTime(stat: "cpu  100 20 300 9999 8888 40 50 7777 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n")
        #expect(time?.busySeconds == 5.1)
        #expect(ProcessorTime(stat: "intr 1 2 3 4 5 6 7 8\n") == nil)
    }

    @Test func percentilesAreSamples() {
        var report = RoundTripReport()
        #expect(report.microseconds(0.5) == .infinity)
        report.samples = (1...1000).map { $0 * 1000 }
        #expect(report.microseconds(0.5) == 500)
        #expect(report.microseconds(0.99) == 990)
        #expect(report.microseconds(0.999) == 999)
        #expect(report.microseconds(1) == 1000 && report.microseconds(0) == 1)
    }

    @Test func rateAndCostAreOfTheMeasuredTime() {
        var stream = StreamLoadReport()
        (stream.bytes, stream.seconds, stream.busySeconds) = (250_000_000, 2, 0.5)
        #expect(stream.gigabitsPerSecond == 1 && stream.busySecondsPerGigabyte == 2)
        var datagrams = DatagramLoadReport()
        (datagrams.packets, datagrams.seconds, datagrams.totalSent, datagrams.totalReceived) = (500, 2, 1000, 750)
        datagrams.busySeconds = 0.25
        #expect(datagrams.packetsPerSecond == 250 && datagrams.loss == 0.25)
        #expect(datagrams.busySecondsPerMillionPackets == 500)
        var connections = ConnectionReport()
        (connections.connections, connections.seconds) = (500, 2)
        #expect(connections.connectionsPerSecond == 250)
    }

    @Test func whereNothingWasMeasuredTheRateIsZero() {
        #expect(StreamLoadReport().gigabitsPerSecond == 0 && DatagramLoadReport().packetsPerSecond == 0)
        #expect(ConnectionReport().connectionsPerSecond == 0)
    }
}
