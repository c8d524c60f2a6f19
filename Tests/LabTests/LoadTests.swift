// Loads count what arrived, exactly; how fast that was is not asserted, since it is the machine's.

import LinuxSystem
import Net
import Rtnetlink
import TestSupport
import Testing

@testable import Lab

@Suite("Loads in a lab", .needsNamespaces)
struct LoadTests {
    private let period = LoadPeriod(warmUpMilliseconds: 50, milliseconds: 150)

    @Test(arguments: [1, 4])
    func everyByteOfAStreamIsCounted(flows: Int) throws {
        try Lab.with(.routed()) { lab in
            let report = try lab.run(StreamLoad(flows: flows, period: period), from: "w1", to: "w3")
            #expect(report.failure == nil)
            #expect(report.totalSent > 0 && report.totalReceived == report.totalSent)
            #expect(report.bytes > 0 && report.bytes <= report.totalReceived)
            #expect(report.seconds >= 0.15 && report.busySeconds >= 0)
        }
    }

    @Test func datagramsThatArriveAreCounted() throws {
        try Lab.with(.routed()) { lab in
            let load = DatagramLoad(payloadBytes: 64, packetsPerSecond: 1000, period: period)
            let sniffer = try PacketSniffer(on: try lab.host("w3"), devices: ["eth0"])
            defer { sniffer.stop() }
            let report = try lab.run(load, from: "w1", to: "w3")
            #expect(report.failure == nil)
            #expect(report.totalReceived == report.totalSent && report.loss == 0)
            #expect(report.packets > 0 && report.packets <= report.totalReceived)
            let arrived = sniffer.counts().plain(from: address("10.244.1.2"), to: address("10.244.3.2"))
            #expect(arrived == report.totalReceived)
        }
    }

    @Test func datagramsThatDoNotArriveAreLoss() throws {
        try Lab.with(.routed()) { lab in
            try lab.router.setRoute(IPv4Prefix(host: address("10.244.3.2")), kind: .blackhole)
            let load = DatagramLoad(payloadBytes: 64, packetsPerSecond: 1000, period: period)
            let report = try lab.run(load, from: "w1", to: "w3")
            #expect(report.totalSent > 0 && report.totalReceived == 0)
            #expect(report.packets == 0 && report.loss == 1)
        }
    }

    @Test func roundTripsAreSortedAndNoneIsLost() throws {
        try Lab.with(.routed()) { lab in
            let report = try lab.run(RoundTripLoad(period: period), from: "w1", to: "w3")
            #expect(!report.samples.isEmpty && report.lost == 0)
            #expect(report.samples == report.samples.sorted())
            #expect(report.microseconds(0.5) <= report.microseconds(0.99))
        }
    }

    @Test func anInterruptionEndsALoad() throws {
        try Lab.with(.routed()) { lab in
            lab.interruption.request()
            let long = LoadPeriod(warmUpMilliseconds: 600_000, milliseconds: 600_000)
            #expect(throws: LabError.interrupted) { try lab.run(StreamLoad(period: long), from: "w1", to: "w3") }
            #expect(throws: LabError.interrupted) { try lab.run(DatagramLoad(period: long), from: "w1", to: "w3") }
        }
    }
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
        #expect(datagrams.packetsPerSecond == 250 && datagrams.loss == 0.25)
    }
}
