// What all loads have in common.

/// A load that a client puts on the path to its server: ``StreamLoad``, ``DatagramLoad``, ``RequestLoad``,
/// ``ConnectionLoad``, ``PingLoad``.
public protocol NetworkLoad: Sendable {
    /// What it moved, and what that cost.
    associatedtype Report: Sendable

    /// Runs the load and waits for its end.
    ///
    /// After an error the client's session is over; where the server still lives, it takes the next one.
    ///
    /// - Throws: ``LoadError/serverGone(_:)`` where the server ended meanwhile, ``LoadError/interrupted`` within 100 ms
    ///   of the client's interruption, ``LoadError/refused(_:)``, ``LoadError/cannotConnect(_:)`` or
    ///   ``LoadError/failed(_:)``.
    func run(with client: LoadClient) throws(LoadError) -> Report
}
