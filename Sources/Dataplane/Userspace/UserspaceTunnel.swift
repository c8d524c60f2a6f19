// The userspace tier as the reconciler sees it: it starts the packet thread, hands it tables and takes its counters.

public import LinuxSystem
public import Net
public import Overlay
public import Packet

/// IP-in-IP by a TUN device and a raw socket of protocol 4.
public final class UserspaceTunnel: Tunnel {
    private var settings: TunnelSettings
    private var thread: PacketThread?
    private var table = ForwardingTable(peers: [], prefixes: [])
    private var earlier: TunnelCounters
    private let loss: LossSignal
    public private(set) var peers: [TunnelPeer]?

    /// A tier that carries nothing yet.
    public init(settings: TunnelSettings) throws(SyscallError) {
        self.settings = settings
        earlier = TunnelCounters(table: table)
        loss = try LossSignal()
    }

    public static func probe() -> Availability {
        do throws(SyscallError) {
            _ = try RawIPv4Socket(proto: IPProtocol.ipip)
        } catch {
            return .unavailable(because: "a raw socket cannot be opened (\(error.reason)): CAP_NET_RAW is needed")
        }
        do throws(SyscallError) {
            try TunDevice.probe()
        } catch {
            return .unavailable(
                because: "\(error.description): it needs the kernel's TUN driver (`modprobe tun`), "
                    + "a device file that this user may open, and CAP_NET_ADMIN")
        }
        return .available
    }

    public var noticeDescriptor: Int32 { loss.event.descriptor.rawValue }

    public func takeNotices() -> [TunnelNotice] {
        loss.event.drain() ? [.stopped] : []
    }

    public var isCarried: Bool { thread?.isRunning ?? false }

    public func carry(device: String) throws(SyscallError) {
        retire()
        let ports = try PacketPorts.open(device: device, settings: settings)
        // Only IPv4 is carried: without an IPv6 address the kernel puts no router solicitations into the device,
        // which would show as drops. A kernel without IPv6 has no such setting and needs none.
        try? Sysctl.write("net/ipv6/conf/\(device)/addr_gen_mode", "1")
        try start(ports)
    }

    public func handOver() throws(SyscallError) -> DescriptorList {
        var list = DescriptorList()
        if let thread { try thread.append(portsTo: &list) }
        retire()
        return list
    }

    public func takeOver(_ descriptors: consuming DescriptorList, device: String) throws(SyscallError) {
        retire()
        try start(try PacketPorts.adopt(&descriptors, device: device, settings: settings))
    }

    private func start(_ ports: consuming PacketPorts) throws(SyscallError) {
        _ = takeNotices()
        let loop = try PacketLoop(ports: ports, settings: settings, table: table)
        thread = try PacketThread(loop: loop, loss: loss)
    }

    public func setPeers(_ peers: [TunnelPeer]) throws(SyscallError) {
        let table = ForwardingTable(
            peers: peers.map { TunnelEndpoint(outerAddress: $0.address, tunnelAddress: $0.tunnelAddress) },
            prefixes: peers.enumerated().flatMap { index, peer in
                peer.prefixes.map { (prefix: $0, peer: index) }
            })
        self.table = table
        earlier = earlier.carried(to: table)
        thread?.perform { $0.use(table) }
        self.peers = peers
    }

    public func setWays(_ ways: [IPv4Address: OuterWay]) {}

    public func setDeviceMTU(_ mtu: Int) {
        guard mtu != settings.deviceMTU else { return }
        settings.deviceMTU = mtu
        thread?.perform { $0.setDeviceMTU(mtu) }
    }

    public func counters() -> TunnelCounters {
        var sum = earlier
        if let thread { sum.add(thread.counters()) }
        return sum
    }

    /// Ends the thread and keeps what it counted.
    private func retire() {
        guard let thread else { return }
        self.thread = nil
        earlier.add(thread.stop())
    }

    deinit {
        _ = thread?.stop()
    }
}
