// Everything that can go wrong with a load, each in one line for a person: what, where, why, and what to do.

internal import LinuxSystem

/// Why a load, its server or its client did not work.
public enum LoadError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A server cannot listen where it was told to.
    case cannotListen(String)
    /// Nobody listens there, or there is no way to it.
    case cannotConnect(String)
    /// Who listens there is not a load server, or one of another version.
    case notALoadServer(String)
    /// The server serves somebody else.
    case busy(String)
    /// The server ended, or the way to it, while something was going on.
    case serverGone(String)
    /// The server cannot do what it was asked for.
    case refused(String)
    /// This end cannot do its part.
    case failed(String)
    /// Somebody asked for an end, with Ctrl-C say.
    case interrupted

    public var description: String {
        switch self {
        case .cannotListen(let line), .cannotConnect(let line), .notALoadServer(let line), .busy(let line),
            .serverGone(let line), .refused(let line), .failed(let line):
            line
        case .interrupted: "interrupted"
        }
    }
}

/// Linux error numbers that loads tell apart.
enum ErrorNumber {
    static let notPermitted: Int32 = 1
    static let accessDenied: Int32 = 13
    static let addressInUse: Int32 = 98
    static let addressNotAvailable: Int32 = 99
    static let networkUnreachable: Int32 = 101
    static let timedOut: Int32 = 110
    static let connectionRefused: Int32 = 111
    static let hostUnreachable: Int32 = 113
}
