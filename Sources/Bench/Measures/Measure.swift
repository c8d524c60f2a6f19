// What is asked of every path, and the quantities that each question answers.

internal import Load
internal import Report

/// One load, as `--measure` names it.
public enum Measure: String, CaseIterable, Sendable {
    case tcp1 = "tcp-1"
    case tcp4 = "tcp-4"
    case tcp16 = "tcp-16"
    case udp64 = "udp-64"
    case udp512 = "udp-512"
    case udp1400 = "udp-1400"
    case requestResponse = "rr"
    case ping
    case connections

    /// What tells how the packets' size changes things; the others send small packets, whatever the MTU.
    public static let streams: [Measure] = [.tcp1, .tcp4, .tcp16]
    /// What fits into less than a minute.
    public static let quick: [Measure] = [.tcp1, .udp64, .requestResponse]

    /// In words, for the progress line.
    var title: String {
        switch self {
        case .tcp1: "TCP, 1 flow"
        case .tcp4: "TCP, 4 flows"
        case .tcp16: "TCP, 16 flows"
        case .udp64: "UDP, 64 bytes"
        case .udp512: "UDP, 512 bytes"
        case .udp1400: "UDP, 1400 bytes"
        case .requestResponse: "request and response"
        case .ping: "ping"
        case .connections: "connections"
        }
    }

    /// The quantities, in the order of the samples of ``run(_:_:_:)``.
    var quantities: [Quantity] {
        switch self {
        case .tcp1: [.tcp1, .tcp1Processor]
        case .tcp4: [.tcp4, .tcp4Processor]
        case .tcp16: [.tcp16, .tcp16Processor]
        case .udp64: [.udp64, .udp64Loss, .udp64Processor]
        case .udp512: [.udp512, .udp512Loss, .udp512Processor]
        case .udp1400: [.udp1400, .udp1400Loss, .udp1400Processor]
        case .requestResponse: [.roundTrip50, .roundTrip99, .roundTrip999]
        case .ping: [.ping50, .ping99, .ping999]
        case .connections: [.connections]
        }
    }

    /// Asks it of whoever answers at the other end.
    ///
    /// - Returns: a finite number for each of ``quantities``.
    /// - Throws: ``BenchFailure`` where nothing arrived, or what the load met.
    func run(_ endpoint: some Endpoint, _ period: LoadPeriod) throws -> [Double] {
        switch self {
        case .tcp1: try stream(endpoint, flows: 1, period)
        case .tcp4: try stream(endpoint, flows: 4, period)
        case .tcp16: try stream(endpoint, flows: 16, period)
        case .udp64: try datagrams(endpoint, bytes: 64, period)
        case .udp512: try datagrams(endpoint, bytes: 512, period)
        case .udp1400: try datagrams(endpoint, bytes: 1400, period)
        case .requestResponse: try percentiles(endpoint.run(RequestLoad(period: period)))
        case .ping: try percentiles(endpoint.run(PingLoad(period: period)))
        case .connections: try connections(endpoint.run(ConnectionLoad(period: period)))
        }
    }

    private func stream(_ endpoint: some Endpoint, flows: Int, _ period: LoadPeriod) throws -> [Double] {
        let report = try endpoint.run(StreamLoad(flows: flows, period: period))
        if let failure = report.failure { throw BenchFailure(failure) }
        guard report.bytes > 0 else { throw BenchFailure("not a byte arrived") }
        guard report.totalReceived == report.totalSent else {
            throw BenchFailure("\(report.totalSent) bytes were sent and \(report.totalReceived) received")
        }
        return [report.gigabitsPerSecond, report.busySecondsPerGigabyte]
    }

    private func datagrams(_ endpoint: some Endpoint, bytes: Int, _ period: LoadPeriod) throws -> [Double] {
        let report = try endpoint.run(DatagramLoad(payloadBytes: bytes, period: period))
        if let failure = report.failure { throw BenchFailure(failure) }
        guard report.packets > 0 else { throw BenchFailure("not a datagram arrived") }
        return [report.packetsPerSecond / 1000, report.loss * 100, report.busySecondsPerMillionPackets]
    }

    private func percentiles(_ report: RoundTripReport) throws -> [Double] {
        if let failure = report.failure { throw BenchFailure(failure) }
        guard report.lost < report.samples.count else { throw BenchFailure("not one reply") }
        return [0.5, 0.99, 0.999].map(report.microseconds)
    }

    private func connections(_ report: ConnectionReport) throws -> [Double] {
        if let failure = report.failure { throw BenchFailure(failure) }
        guard report.connections > 0 else { throw BenchFailure("not one connection") }
        guard report.totalServed == report.totalOpened else {
            throw BenchFailure("\(report.totalOpened) connections were opened and \(report.totalServed) served")
        }
        return [report.connectionsPerSecond]
    }
}
