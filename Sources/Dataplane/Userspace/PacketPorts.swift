// What one packet thread reads and writes: a queue of the tunnel device, the raw socket, and the socket for frames;
// opened, or taken over.

internal import LinuxSystem
internal import Net
internal import Packet

/// One queue of the tunnel device with the sockets beside it.
///
/// Taken over from another process, queue and raw socket come with the packets that wait in them: nothing is lost
/// between two agents.
struct PacketPorts: ~Copyable, Sendable {
    let device: TunDevice
    /// IP-in-IP datagrams, in and out.
    let socket: RawIPv4Socket
    /// Finished frames, out only: the express path.
    let frames: PacketSocket

    /// Packets that may wait in the device: more than one TCP connection's largest window (`tcp_rmem`, 6 MB), or
    /// its bursts would push out everybody else's packets.
    private static let queueLength: Int32 = 4096

    /// Attaches to the device (made persistent and with several queues, so that a successor can take it over)
    /// and opens the sockets.
    ///
    /// - Parameter queue: which of the ``TunnelSettings/queues`` this is, from 0.
    static func open(
        device name: String, settings: TunnelSettings, queue: Int
    ) throws(SyscallError) -> PacketPorts {
        try PacketPorts(
            device: try TunDevice.open(name, multiQueue: true, vnetHeader: true, persistent: true),
            socket: try RawIPv4Socket(proto: IPProtocol.ipip), settings: settings, queue: queue)
    }

    /// Takes the next two descriptors of a list that ``append(copiesTo:)`` made, here or in another process.
    ///
    /// - Throws: `EBADF` where the list has no two more, `ENODEV` where the first is no queue of this device.
    static func adopt(
        _ descriptors: inout DescriptorList, device name: String, settings: TunnelSettings, queue: Int
    ) throws(SyscallError) -> PacketPorts {
        guard let first = descriptors.removeFirst(), let second = descriptors.removeFirst() else {
            throw .noDescriptor(for: name)
        }
        let socket = RawIPv4Socket(adopting: second)
        // The former owner may have had more queues.
        if settings.queues == 1 { try socket.takeAllFlows() }
        return try PacketPorts(
            device: try TunDevice.adopt(first, named: name), socket: socket, settings: settings, queue: queue)
    }

    /// Appends copies of what packets wait in, as ``adopt(_:device:settings:queue:)`` takes them.
    func append(copiesTo list: inout DescriptorList) throws(SyscallError) {
        try list.append(copyOf: device.descriptor)
        try list.append(copyOf: socket.descriptor)
    }

    /// Makes them what these settings ask for, whatever an earlier owner had set.
    private init(
        device: consuming TunDevice, socket: consuming RawIPv4Socket, settings: TunnelSettings, queue: Int
    ) throws(SyscallError) {
        try device.setQueueLength(Self.queueLength)
        try device.setOffload(settings.offloads ? [.checksum, .tso4] : [])
        if settings.queues > 1 { try socket.takeFlows(queue, of: settings.queues) }
        try socket.bind(to: settings.localAddress.rawValue)
        try socket.forceBuffers(receive: 4 << 20, send: 4 << 20)
        let frames = try PacketSocket(.link, .none)
        try frames.bypassQueueing()
        try frames.forceBuffers(send: 4 << 20)
        self.device = device
        self.socket = socket
        self.frames = frames
    }
}
