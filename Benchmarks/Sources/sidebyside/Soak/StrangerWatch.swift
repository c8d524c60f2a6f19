// Sees every packet that reaches a workload from anybody but the one that may send to it.

import Lab
import LinuxSystem
import Net
import Synchronization

/// A listener on a workload; it ends with the value.
final class StrangerWatch: Sendable {
    private let socket: PacketSocket
    private let seen = Mutex<[String: Int]>([:])

    init(on host: LabHost, allowed: IPv4Address) throws {
        let link = try host.linkIndex("eth0")
        socket = try host.run {
            let socket = try PacketSocket(.network, .ipv4, interfaceIndex: link)
            try socket.leaveOut(source: allowed.rawValue)
            try socket.forceBuffers(receive: 16 << 20)
            return socket
        }
        // What came in between opening and filtering was the allowed one's.
        try look()
        seen.withLock { $0 = [:] }
    }

    /// Takes what has come since; to be called every few seconds.
    func look() throws {
        var buffer = [UInt8](repeating: 0, count: 64)
        while let info = try buffer.withUnsafeMutableBytes({ try socket.receive(into: $0) }) {
            guard info.direction != .outgoing, info.length >= 20 else { continue }
            let source = buffer[12..<16].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            seen.withLock { seen in
                // A flood of sources must not eat the memory; one line of them is enough to fail.
                let name = "\(IPv4Address(rawValue: source)) protocol \(buffer[9])"
                seen[seen.count < 64 ? name : "others", default: 0] += 1
            }
        }
    }

    /// Packets by source and protocol.
    var strangers: [String: Int] { seen.withLock { $0 } }
}
