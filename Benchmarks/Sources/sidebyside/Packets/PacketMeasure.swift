// What is asked of every path, and the numbers that each question gives.

import BenchmarkSupport
import Lab
import Load

/// One question.
enum PacketMeasure: String, CaseIterable {
    case tcp1, tcp4, udp, ping

    /// The numbers it gives, in the order of ``run(_:_:)``.
    var figures: [PacketFigure] {
        switch self {
        case .tcp1: [.oneFlow, .oneFlowCost]
        case .tcp4: [.fourFlows, .fourFlowsCost]
        case .udp: [.datagrams, .datagramLoss]
        case .ping: [.median, .percentile99, .percentile999]
        }
    }

    /// Asks it of a network, from w1 to w2.
    func run(_ lab: Lab, _ period: LoadPeriod) throws -> [Double] {
        switch self {
        case .tcp1: try stream(lab, flows: 1, period)
        case .tcp4: try stream(lab, flows: 4, period)
        case .udp:
            try datagrams(lab, period)
        case .ping:
            try roundTrips(lab, period)
        }
    }

    private func stream(_ lab: Lab, flows: Int, _ period: LoadPeriod) throws -> [Double] {
        let report = try lab.run(StreamLoad(flows: flows, period: period), from: "w1", to: "w2")
        if let failure = report.failure { throw BenchmarkFailure("TCP: \(failure)") }
        guard report.totalSent == report.totalReceived, report.bytes > 0 else {
            throw BenchmarkFailure("TCP: \(report.totalSent) bytes sent, \(report.totalReceived) received")
        }
        return [report.gigabitsPerSecond, report.busySecondsPerGigabyte]
    }

    private func datagrams(_ lab: Lab, _ period: LoadPeriod) throws -> [Double] {
        let report = try lab.run(DatagramLoad(payloadBytes: 64, period: period), from: "w1", to: "w2")
        if let failure = report.failure { throw BenchmarkFailure("UDP: \(failure)") }
        return [report.packetsPerSecond / 1000, report.loss * 100]
    }

    private func roundTrips(_ lab: Lab, _ period: LoadPeriod) throws -> [Double] {
        let report = try lab.run(PingLoad(period: period), from: "w1", to: "w2")
        guard !report.samples.isEmpty else { throw BenchmarkFailure("ping: no reply") }
        return [0.5, 0.99, 0.999].map(report.microseconds)
    }
}

/// One number of a path.
enum PacketFigure: String, CaseIterable {
    case oneFlow = "TCP 1 flow"
    case fourFlows = "TCP 4 flows"
    case datagrams = "UDP 64 bytes"
    case datagramLoss = "UDP lost"
    case median = "ping p50"
    case percentile99 = "ping p99"
    case percentile999 = "ping p99.9"
    case oneFlowCost = "CPU, 1 flow"
    case fourFlowsCost = "CPU, 4 flows"

    var unit: String {
        switch self {
        case .oneFlow, .fourFlows: "Gb/s"
        case .datagrams: "k/s"
        case .datagramLoss: "%"
        case .median, .percentile99, .percentile999: "µs"
        case .oneFlowCost, .fourFlowsCost: "s/GB"
        }
    }
}
