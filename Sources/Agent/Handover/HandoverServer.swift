// The running agent's side of a handover: it stops, hands over and waits; unless the successor carries, it goes on.

internal import Dataplane
internal import Datastore
internal import LinuxSystem
internal import Logging
internal import Overlay

/// Serves those who want to be the next agent.
struct HandoverServer {
    /// How long one who has connected may take to say what it wants; the control thread waits for it.
    private static let requestMilliseconds: Int32 = 1000
    /// How long a successor may take to carry: packets wait meanwhile, 4096 of them.
    private static let reportMilliseconds: Int32 = 10_000

    let local: LocalNode
    let tier: Tier
    let tunnel: any Tunnel
    let log: Logger

    /// Serves the next one who waits.
    ///
    /// - Returns: whether a successor carries, and this process must end and touch nothing.
    func serve(_ seat: borrowing AgentSeat) -> Bool {
        do {
            guard let client = try seat.handover.accept() else { return false }
            let connection = MessageSocket(client)
            let peer = try connection.peer()
            guard peer.isTrusted else {
                log.warning("handover: process \(peer.process) of user \(peer.user) is refused")
                return false
            }
            guard let message = try connection.receive(timeoutMilliseconds: Self.requestMilliseconds) else {
                return false
            }
            if let problem = problem(with: message.bytes) {
                log.warning("handover: process \(peer.process) is refused: \(problem)")
                try connection.send(try JSON.encode(HandoverAnswer(problem: problem)))
                return false
            }
            return try handOver(seat, to: connection, peer.process)
        } catch {
            log.error("handover: \(error)")
            return false
        }
    }

    /// Why a request cannot be fulfilled; nil where it can.
    private func problem(with bytes: [UInt8]) -> String? {
        guard let version = try? JSON.decode(HandoverVersion.self, from: bytes).version else {
            return "the request cannot be read"
        }
        guard version == HandoverRequest.version, let request = try? JSON.decode(HandoverRequest.self, from: bytes)
        else { return "the running agent has version \(HandoverRequest.version) of the handover, not \(version)" }
        guard request.node == local.name else { return "the running agent is node \(local.name), not \(request.node)" }
        guard request.device == local.tunnelDevice else {
            return "the running agent's tunnel device is \(local.tunnelDevice), not \(request.device)"
        }
        guard Tier(rawValue: request.tier)?.goesOn(from: tier) == true else {
            return "the running agent's tier is \(tier.rawValue), not \(request.tier): \(TierChoice.change)"
        }
        guard request.namespace == (try? HandoverRequest.ownNamespace()) else {
            return "the running agent is in another network namespace"
        }
        return tunnel.isCarried ? nil : "the running agent carries nothing now"
    }

    private func handOver(
        _ seat: borrowing AgentSeat, to connection: borrowing MessageSocket, _ successor: Int32
    ) throws -> Bool {
        var list = DescriptorList()
        try seat.append(copiesTo: &list)
        let ports = try tunnel.handOver()
        let problem: String
        do {
            try list.append(copiesOf: ports)
            try connection.send(try JSON.encode(HandoverAnswer()), with: list)
            problem = try Self.wait(for: connection)
        } catch {
            problem = "\(error)"
        }
        guard !problem.isEmpty else {
            try? connection.send(try JSON.encode(HandoverAnswer()))
            log.info("process \(successor) has taken over; ending")
            return true
        }
        try? connection.send(try JSON.encode(HandoverAnswer(problem: "the running agent went on: \(problem)")))
        log.error("handover: process \(successor) did not take over (\(problem)): going on")
        try seat.noteHolder()
        try tunnel.takeOver(ports, device: local.tunnelDevice)
        return false
    }

    /// Waits until the successor carries; what it says instead, or that it ended, is the problem. Empty for none.
    private static func wait(for connection: borrowing MessageSocket) throws -> String {
        guard let message = try connection.receive(timeoutMilliseconds: reportMilliseconds) else { return "it ended" }
        return try JSON.decode(HandoverReport.self, from: message.bytes).isCarrying ? "" : "it does not carry"
    }
}
