// The first line of a server: who it is, which version it speaks, and whether it has time.

internal import LinuxSystem

/// What a server says when somebody connects: `poplin-load VERSION BOOT-ID`, or `poplin-load VERSION busy ADDRESS`.
enum Greeting: Hashable, Sendable {
    /// Of the lines in this folder; both ends speak the same one.
    static let version = 1
    private static let name = "poplin-load"

    /// It serves, on the machine with this identity.
    case welcome(machine: String)
    /// It serves a client at this address.
    case busy(client: String)
    /// It speaks another version.
    case otherVersion(Int)

    /// Parses a line; nil where it is not a load server's.
    init?(_ line: String) {
        let words = line.split(separator: " ").map(String.init)
        guard words.count >= 2, words[0] == Self.name, let version = Int(words[1]) else { return nil }
        // Of another version nothing else is known.
        if version != Self.version {
            self = .otherVersion(version)
        } else if words.count == 4, words[2] == "busy" {
            self = .busy(client: words[3])
        } else if words.count == 3 {
            self = .welcome(machine: words[2])
        } else {
            return nil
        }
    }

    /// The line.
    var line: String {
        switch self {
        case .welcome(let machine): "\(Self.name) \(Self.version) \(machine)"
        case .busy(let client): "\(Self.name) \(Self.version) busy \(client)"
        case .otherVersion(let version): "\(Self.name) \(version)"
        }
    }
}
