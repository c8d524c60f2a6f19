// What one packet thread reads and writes: a queue of the tunnel device and a raw socket, opened or taken over.

internal import LinuxSystem
internal import Net
internal import Packet

/// One queue of the tunnel device with the raw socket of protocol 4 beside it.
///
/// Taken over from another process, both come with the packets that wait in them: nothing is lost between two agents.
struct PacketPorts: ~Copyable, Sendable {
    let device: TunDevice
    let socket: RawIPv4Socket

    /// Packets that may wait in the device: more than one TCP connection's largest window (`tcp_rmem`, 6 MB), or
    /// its bursts would push out everybody else's packets.
    private static let queueLength: Int32 = 4096

    /// Attaches to the device (made persistent and with several queues, so that a successor can take it over)
    /// and opens the raw socket.
    static func open(device name: String, settings: TunnelSettings) throws(SyscallError) -> PacketPorts {
        try PacketPorts(
            device: try TunDevice.open(name, multiQueue: true, vnetHeader: true, persistent: true),
            socket: try RawIPv4Socket(proto: IPProtocol.ipip), settings: settings)
    }

    /// Takes the next two descriptors of a list that ``append(copiesTo:)`` made in another process.
    ///
    /// - Throws: `EBADF` where the list has no two more, `ENODEV` where the first is no queue of this device.
    static func adopt(
        _ descriptors: inout DescriptorList, device name: String, settings: TunnelSettings
    ) throws(SyscallError) -> PacketPorts {
        guard let queue = descriptors.removeFirst(), let socket = descriptors.removeFirst() else {
            throw .noDescriptor(for: name)
        }
        return try PacketPorts(
            device: try TunDevice.adopt(queue, named: name), socket: RawIPv4Socket(adopting: socket),
            settings: settings)
    }

    /// Makes both what these settings ask for, whatever an earlier owner had set.
    private init(
        device: consuming TunDevice, socket: consuming RawIPv4Socket, settings: TunnelSettings
    ) throws(SyscallError) {
        try device.setQueueLength(Self.queueLength)
        // What an earlier owner of the persistent device asked for would go on: unfinished packets that nobody finishes.
        try device.setOffload([])
        try socket.bind(to: settings.localAddress.rawValue)
        try socket.forceBuffers(receive: 4 << 20, send: 4 << 20)
        self.device = device
        self.socket = socket
    }

    /// Appends copies of the two descriptors, as ``adopt(_:device:settings:)`` takes them.
    func append(copiesTo list: inout DescriptorList) throws(SyscallError) {
        try list.append(copyOf: device.descriptor)
        try list.append(copyOf: socket.descriptor)
    }
}
