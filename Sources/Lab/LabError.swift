// Everything that can go wrong with a lab, each in one line for a person.

/// Why a lab, or something in it, did not work.
public enum LabError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The process may not make namespaces or open raw sockets.
    case notPermitted(String)
    /// A lab of this name is up; what to do about it.
    case inUse(name: String, advice: String)
    /// There is no lab of this name.
    case notUp(name: String)
    /// The specification, or a request, makes no sense.
    case invalid(String)
    /// Something was waited for in vain.
    case timedOut(String)
    /// An agent ended by itself; the last lines of its log.
    case agentEnded(node: String, status: String, log: String)
    /// Somebody asked for an end, with Ctrl-C say.
    case interrupted

    public var description: String {
        switch self {
        case .notPermitted(let why): "the lab needs root and network namespaces: \(why)"
        case .inUse(let name, let advice): "lab \(name) is up already: \(advice)"
        case .notUp(let name): "there is no lab \(name)"
        case .invalid(let what): what
        case .timedOut(let what): "timed out: \(what)"
        case .agentEnded(let node, let status, let log):
            "the agent of \(node) ended (\(status))\(log.isEmpty ? "" : ": \(log)")"
        case .interrupted: "interrupted"
        }
    }
}

/// Linux error numbers that the lab tells apart.
enum ErrorNumber {
    static let notFound: Int32 = 2
    static let exists: Int32 = 17
    static let invalid: Int32 = 22
}
