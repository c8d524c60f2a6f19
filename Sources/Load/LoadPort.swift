// Where a server of loads listens, unless it is told another port.

/// Ports of the load room.
public enum LoadPort {
    /// Of the control connection, TCP.
    public static let control: UInt16 = 5277
}
