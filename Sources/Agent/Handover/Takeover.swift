// The successor's side of a handover: it asks when it is ready to carry, and says so when it does.

internal import Dataplane
internal import Datastore
internal import LinuxSystem

/// A running agent that has been asked to hand over, or is about to be.
struct Takeover: ~Copyable {
    /// The running agent may be at a walk over a large table before it answers.
    private static let answerMilliseconds: Int32 = 30_000
    private static let farewellMilliseconds: Int32 = 10_000

    private let connection: MessageSocket

    /// Connects to the running agent; nil where none runs.
    static func begin(_ config: NodeConfig) throws -> Takeover? {
        let connection: MessageSocket
        do throws(SyscallError) {
            connection = try MessageSocket.connect(config.handoverSocketPath)
        } catch {
            if error.meansNobodyListens { return nil }
            throw AgentError("the running agent cannot be asked to hand over: \(error)")
        }
        guard try connection.peer().isTrusted else {
            throw AgentError("\(config.handoverSocketPath): whoever listens there is neither root nor this user")
        }
        return Takeover(connection: connection)
    }

    private init(connection: consuming MessageSocket) {
        self.connection = connection
    }

    /// Asks for the tunnel and carries on with it; packets wait from shortly before this until its end.
    ///
    /// - Throws: where the running agent refuses, or what it gives cannot be used; it goes on then.
    func take(_ tunnel: any Tunnel, _ config: NodeConfig, tier: Tier) throws -> AgentSeat {
        let request = HandoverRequest(
            node: config.node, device: config.tunnelDevice, tier: tier.rawValue,
            namespace: try HandoverRequest.ownNamespace())
        try connection.send(try JSON.encode(request))
        guard let message = try connection.receive(timeoutMilliseconds: Self.answerMilliseconds) else {
            throw AgentError("the running agent ended before it handed over; start again")
        }
        if let problem = try JSON.decode(HandoverAnswer.self, from: message.bytes).problem {
            throw AgentError("nothing was taken over: \(problem)")
        }
        var descriptors = message.takeDescriptors()
        let seat = try AgentSeat.adopt(&descriptors, config)
        try tunnel.takeOver(descriptors, device: config.tunnelDevice)
        return seat
    }

    /// Says that this process carries.
    ///
    /// - Throws: where the running agent did not wait for it and went on: this one must end.
    consuming func confirm() throws {
        // One that has gone on has said so, and is heard below; one that was killed says nothing, and has left everything
        // to this one.
        try? connection.send(try JSON.encode(HandoverReport(isCarrying: true)))
        guard let message = try? connection.receive(timeoutMilliseconds: Self.farewellMilliseconds) else { return }
        if let problem = try JSON.decode(HandoverAnswer.self, from: message.bytes).problem {
            throw AgentError("nothing was taken over: \(problem)")
        }
    }
}
