// What an agent and its successor say to each other: four small messages, of which one carries descriptors.
//
//     successor                          running agent
//     HandoverRequest                ─▶
//                                    ◀─  HandoverAnswer, with the descriptors of seat and tunnel
//     HandoverReport                 ─▶  (or its end: the running agent goes on)
//                                    ◀─  HandoverAnswer: it ends now, or has gone on already

internal import LinuxSystem

/// The first word, and what must agree before anything is handed over.
struct HandoverRequest: Codable, Hashable {
    /// Of the messages and of the order of the descriptors; an agent talks to its own version only.
    static let version = 2

    var version = Self.version
    var node: String
    var device: String
    /// The tier, as the config spells it: not every one can go on with what another carries by.
    var tier: String
    /// The network namespace, by its inode.
    var namespace: UInt64
    var pid = Host.processID

    /// The network namespace of the calling thread.
    static func ownNamespace() throws(SyscallError) -> UInt64 {
        try FileStatus("/proc/thread-self/ns/net").inode
    }
}

/// The part of a request that every version has.
struct HandoverVersion: Codable {
    var version: Int
}

/// The running agent's word.
struct HandoverAnswer: Codable {
    /// Why not; nil for yes.
    var problem: String?
}

/// The successor's second word.
struct HandoverReport: Codable {
    var isCarrying: Bool
}
