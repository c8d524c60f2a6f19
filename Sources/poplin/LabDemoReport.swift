// What the demo saw, as values: the text and the JSON are both made of it.

internal import Lab

/// A finished demo.
struct LabDemoReport: Encodable {
    /// A node at the start.
    struct Node: Encodable {
        var node: String
        var address: String
        var tier: String
        var tierReason: String
        var tunnelDevice: String?
        var tunnelMTU: Int?
    }

    /// From one node, or its workload, to another.
    struct Pair: Encodable {
        var from: String
        var to: String
        var verdict: String
        var reason: String
        var pingsSent: Int
        var pingsReceived: Int
        var roundTripMicroseconds: UInt64
        var streamBytes: Int
        var streamIntact: Bool
        var streamMegabitsPerSecond: Double
    }

    /// A ping every millisecond while the mode was changed.
    struct Change: Encodable {
        var from: String
        var to: String
        var sent: Int
        var lost: Int
        var summary: String
    }

    /// One mode.
    struct Phase: Encodable {
        var mode: String
        var changes: [Change]
        var pairs: [Pair]
        var routerIPIP: Int
        var routerPlain: Int

        /// Whether every packet arrived, and by the way that the mode says.
        var succeeded: Bool {
            let isComplete = pairs.allSatisfy { $0.pingsReceived == $0.pingsSent && $0.streamIntact }
            let isRight: Bool =
                switch mode {
                case LabMode.never.rawValue: routerIPIP == 0 && routerPlain > 0
                case LabMode.always.rawValue: routerIPIP > 0 && routerPlain == 0
                default: routerIPIP > 0 && routerPlain > 0
                }
            return isComplete && isRight && changes.allSatisfy { $0.lost == 0 }
        }
    }

    var nodes: [Node] = []
    var phases: [Phase] = []
    /// One packet taken apart.
    var packet: [String] = []
    var seconds = 0.0
    var succeeded = false
}
