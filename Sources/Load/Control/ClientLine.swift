// What a client says: one order after the other, each begun, and each brought to its end.

/// A load as the server sees it: what it has to do for it.
enum LoadOrder: Hashable, Sendable {
    /// Take TCP connections and all that comes over them.
    case stream(flows: Int)
    /// Take datagrams from a port of the client.
    case datagrams(payloadBytes: Int, clientPort: UInt16)
    /// Answer each byte of a TCP connection with a byte.
    case requests
    /// Take TCP connections, one after the other, each for one byte in each direction.
    case connections
    /// Nothing but to look how busy the processors are: the kernel answers pings.
    case nothing

    static let mostFlows = 256
    static let mostPayloadBytes = 65507
}

/// A line from the client: `hello VERSION`, then for each load an order, `go WARM-UP MEASURED` (in milliseconds) when
/// its connections stand, and `finish` when it has sent all.
enum ClientLine: Hashable, Sendable {
    case hello(version: Int)
    case order(LoadOrder)
    case go(LoadPeriod)
    case finish

    /// Parses a line; nil where it is none, or one with numbers that no client of ours sends.
    init?(_ line: String) {
        let words = line.split(separator: " ", omittingEmptySubsequences: false)
        let numbers = words.dropFirst().compactMap { Int($0) }
        guard let verb = words.first, numbers.count == words.count - 1, numbers.allSatisfy({ $0 >= 0 }) else {
            return nil
        }
        switch (verb, numbers.count) {
        case ("hello", 1): self = .hello(version: numbers[0])
        case ("stream", 1) where (1...LoadOrder.mostFlows).contains(numbers[0]):
            self = .order(.stream(flows: numbers[0]))
        case ("datagrams", 2) where numbers[0] <= LoadOrder.mostPayloadBytes && (1...65535).contains(numbers[1]):
            self = .order(.datagrams(payloadBytes: numbers[0], clientPort: UInt16(numbers[1])))
        case ("requests", 0): self = .order(.requests)
        case ("connections", 0): self = .order(.connections)
        case ("nothing", 0): self = .order(.nothing)
        case ("go", 2):
            let period = LoadPeriod(
                warmUpMilliseconds: UInt32(clamping: numbers[0]), milliseconds: UInt32(clamping: numbers[1]))
            // What was out of bounds is another number now.
            guard period.warmUpMilliseconds == numbers[0], period.milliseconds == numbers[1] else { return nil }
            self = .go(period)
        case ("finish", 0): self = .finish
        default: return nil
        }
    }

    /// The line.
    var line: String {
        switch self {
        case .hello(let version): "hello \(version)"
        case .order(.stream(let flows)): "stream \(flows)"
        case .order(.datagrams(let payloadBytes, let clientPort)): "datagrams \(payloadBytes) \(clientPort)"
        case .order(.requests): "requests"
        case .order(.connections): "connections"
        case .order(.nothing): "nothing"
        case .go(let period): "go \(period.warmUpMilliseconds) \(period.milliseconds)"
        case .finish: "finish"
        }
    }
}
