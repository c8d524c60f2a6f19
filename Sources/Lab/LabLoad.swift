// Loads between the hosts of a lab by their names.

extension Lab {
    /// Runs a TCP load and waits for its end.
    ///
    /// - Parameters:
    ///   - source: the name of a host.
    ///   - destination: the name of a workload or a node.
    public func run(_ load: StreamLoad, from source: String, to destination: String) throws -> StreamLoadReport {
        try load.run(
            from: try host(source), to: try host(destination), address: try address(of: destination),
            interruption: interruption)
    }

    /// Runs a UDP load and waits for its end.
    public func run(_ load: DatagramLoad, from source: String, to destination: String) throws -> DatagramLoadReport {
        try load.run(
            from: try host(source), to: try host(destination), address: try address(of: destination),
            interruption: interruption)
    }

    /// Measures round trips.
    public func run(_ load: RoundTripLoad, from source: String, to destination: String) throws -> RoundTripReport {
        try load.run(from: try host(source), to: try address(of: destination), interruption: interruption)
    }
}
