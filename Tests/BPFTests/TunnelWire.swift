// A tunnel device and an underlay in one namespace: what goes in at one end, and what comes out at which other.

import BPF
import CTunnelProgram
import LinuxSystem
import Net
import Packet
import Rtnetlink
import Testing

/// A TUN device with the program of the way out, and a pair of devices whose far end is watched.
final class TunnelWire {
    /// What became of a packet.
    enum Fate: Hashable {
        /// The far end of the underlay saw this frame.
        case sent([UInt8])
        /// The packet waits in the device's queue, as it was.
        case left
        case dropped
        /// Nothing of all this in ten seconds.
        case unknown
    }

    private let device: TunDevice
    private let tunnelLink: Int32
    private let settings: Encapsulator.Settings
    private let sender: PacketSocket
    private let farEnd: PacketSocket

    /// Peers are 10.0.X.1, all on the underlay and with a neighbour.
    init(_ settings: Encapsulator.Settings) throws {
        self.settings = settings
        device = try TunDevice.open("tunl0", multiQueue: true)
        try execute("ip", "link add near type veth peer name far")
        for name in ["tunl0", "near", "far"] {
            try Sysctl.write("net/ipv6/conf/\(name)/disable_ipv6", "1")
            try execute("ip", "link set \(name) up")
        }
        try execute("ip", "address add \(RandomPeers.local)/16 dev near")
        // The kernel answers a program's question for a route as it would forward a packet.
        try Sysctl.write("net/ipv4/conf/tunl0/forwarding", "1")
        for number in 0..<8 {
            let peer = IPv4Address(rawValue: 0x0A00_0201 + UInt32(number) << 8)
            let hardware = Self.neighbour(of: peer).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
            try execute("ip", "neigh add \(peer) lladdr \(hardware.joined(separator: ":")) dev near nud permanent")
        }
        var netlink = try NetlinkSocket()
        tunnelLink = try #require(try netlink.link(named: "tunl0")).index
        let far = try #require(try netlink.link(named: "far")).index
        sender = try PacketSocket(.link, .none, interfaceIndex: tunnelLink)
        farEnd = try PacketSocket(.link, .ipv4, interfaceIndex: far)
    }

    static func neighbour(of peer: IPv4Address) -> [UInt8] {
        [2, 0] + (0..<4).map { UInt8(truncatingIfNeeded: peer.rawValue >> (24 - 8 * $0)) }
    }

    /// Loads the programs and attaches the one of the way out.
    func attach() throws -> LoadedTunnel {
        var values = tunnel_settings()
        values.local_address = settings.localAddress.rawValue.bigEndian
        values.tunnel_link = UInt32(tunnelLink)
        values.time_to_live = if case .fixed(let value) = settings.timeToLive { value } else { 0 }
        values.dscp = if case .fixed(let value) = settings.dscp { value } else { UInt8(TUNNEL_DSCP_COPY) }
        let tunnel = try LoadedTunnel(values)
        try TrafficHook(link: tunnelLink, .egress).attach(tunnel.outward)
        return tunnel
    }

    /// Sends a packet by the tunnel device.
    func send(_ packet: [UInt8]) throws {
        // What a program drops is told the sender as if there were no room, so the answer says nothing.
        _ = try packet.withUnsafeBytes { try sender.send($0, interfaceIndex: tunnelLink) }
    }

    /// What becomes of the one packet that was sent last.
    func fate(of packet: [UInt8], isDropped: () throws -> Bool) throws -> Fate {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let deadline = Monotonic.now + 10_000_000_000
        while Monotonic.now < deadline {
            if let information = try buffer.withUnsafeMutableBytes({ try farEnd.receive(into: $0) }) {
                return .sent(Array(buffer[..<information.length]))
            }
            if let count = try buffer.withUnsafeMutableBytes({ try device.read(into: $0) }) {
                #expect(Array(buffer[..<count]) == packet)
                return .left
            }
            if try isDropped() { return .dropped }
        }
        return .unknown
    }
}
