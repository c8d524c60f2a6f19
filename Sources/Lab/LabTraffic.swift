// Traffic between the hosts of a lab by their names.

public import Net

extension Lab {
    /// Pings and waits for the outcome.
    ///
    /// - Parameters:
    ///   - source: the name of a host.
    ///   - destination: the name of a workload or a node.
    ///   - lateReplyMilliseconds: how long to wait after the last request, where replies are missing.
    public func ping(
        from source: String, to destination: String, count: Int = 5, intervalMilliseconds: Int = 10,
        payloadBytes: Int = 56, dontFragment: Bool = false,
        lateReplyMilliseconds: Int = Pinger.usualLateReplyMilliseconds
    ) throws -> PingReport {
        try ping(
            from: source, to: try address(of: destination), count: count, intervalMilliseconds: intervalMilliseconds,
            payloadBytes: payloadBytes, dontFragment: dontFragment, lateReplyMilliseconds: lateReplyMilliseconds)
    }

    /// Pings an address and waits for the outcome.
    public func ping(
        from source: String, to address: IPv4Address, count: Int = 5, intervalMilliseconds: Int = 10,
        payloadBytes: Int = 56, dontFragment: Bool = false,
        lateReplyMilliseconds: Int = Pinger.usualLateReplyMilliseconds
    ) throws -> PingReport {
        let pinger = try Pinger.start(
            from: try host(source), to: address, count: count, intervalMilliseconds: intervalMilliseconds,
            payloadBytes: payloadBytes, dontFragment: dontFragment,
            lateReplyMilliseconds: lateReplyMilliseconds, until: end)
        let report = pinger.finish(interruption: interruption)
        try interruption.check()
        return report
    }

    /// Pings until ``Pinger/stop(lateReplyMilliseconds:)``, once a millisecond.
    public func startPing(
        from source: String, to destination: String, intervalMilliseconds: Int = 1, payloadBytes: Int = 56
    ) throws -> Pinger {
        try Pinger.start(
            from: try host(source), to: try address(of: destination), intervalMilliseconds: intervalMilliseconds,
            payloadBytes: payloadBytes, until: end)
    }

    /// Sends bytes over TCP and compares every one.
    public func transfer(from source: String, to destination: String, bytes: Int) throws -> StreamReport {
        let traffic = try startTransfer(from: source, to: destination, bytes: bytes, bytesPerSecond: nil)
        let report = traffic.finish(interruption: interruption)
        try interruption.check()
        return report
    }

    /// Sends over TCP until ``StreamTraffic/stop()``.
    public func startTransfer(
        from source: String, to destination: String, bytes: Int? = nil, bytesPerSecond: Int? = 8_000_000
    ) throws -> StreamTraffic {
        try StreamTraffic.start(
            from: try host(source), to: try host(destination), address: try address(of: destination), bytes: bytes,
            bytesPerSecond: bytesPerSecond, until: end)
    }

    /// Sends datagrams that the other host sends back, one after the other.
    public func echo(
        _ carrier: EchoCarrier, from source: String, to destination: String, count: Int = 5, payloadBytes: Int = 64,
        dontFragment: Bool = false, timeoutMilliseconds: Int32 = 10_000
    ) throws -> EchoReport {
        let target = try address(of: destination)
        let responder = try EchoResponder(on: try host(destination), address: target, carrier)
        defer { responder.stop() }
        let sender = EchoSender(
            host: try host(source), target: target, carrier: carrier, payloadBytes: payloadBytes,
            dontFragment: dontFragment, timeoutMilliseconds: timeoutMilliseconds)
        return try sender.run(count: count, port: responder.port, interruption: interruption)
    }
}
