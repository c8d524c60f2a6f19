// The userspace tier as the reconciler sees it: it starts the packet thread, hands it tables and takes its counters.

public import LinuxSystem
public import Net
public import Overlay
public import Packet

/// IP-in-IP by a TUN device and a raw socket of protocol 4.
public final class UserspaceTunnel: Tunnel {
    private var settings: TunnelSettings
    private var threads: [PacketThread] = []
    private var table = ForwardingTable(peers: [], prefixes: [])
    private var earlier: TunnelCounters
    private var ways: [IPv4Address: OuterWay] = [:]
    private let notices: NoticeBoard
    public private(set) var peers: [TunnelPeer]?

    /// A tier that carries nothing yet.
    public init(settings: TunnelSettings) throws(SyscallError) {
        self.settings = settings
        earlier = TunnelCounters(table: table)
        notices = try NoticeBoard()
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

    public var noticeDescriptor: Int32? { notices.descriptor }

    public func takeNotices() -> [TunnelNotice] { notices.take() }

    public var isCarried: Bool { !threads.isEmpty && threads.allSatisfy(\.isCarrying) }

    public func carry(device: String) throws(SyscallError) {
        try start(DescriptorList(), device: device)
        // Only IPv4 is carried: without an IPv6 address the kernel puts no router solicitations into the device,
        // which would show as drops. A kernel without IPv6 has no such setting and needs none.
        try? Sysctl.write("net/ipv6/conf/\(device)/addr_gen_mode", "1")
    }

    public func handOver() throws(SyscallError) -> DescriptorList {
        var list = DescriptorList()
        for thread in threads { list.append(try thread.copyPorts()) }
        retire()
        return list
    }

    public func takeOver(_ descriptors: consuming DescriptorList, device: String) throws(SyscallError) {
        try start(descriptors, device: device)
    }

    /// Starts a thread for each queue, on what is handed over as far as that goes. Handed over queues that are more than
    /// the settings ask for are closed with the packets in them.
    private func start(_ descriptors: consuming DescriptorList, device: String) throws(SyscallError) {
        retire()
        _ = takeNotices()
        do throws(SyscallError) {
            for queue in 0..<settings.queues {
                let ports =
                    descriptors.count == 0
                    ? try PacketPorts.open(device: device, settings: settings, queue: queue)
                    : try PacketPorts.adopt(&descriptors, device: device, settings: settings, queue: queue)
                threads.append(
                    try PacketThread(
                        ports: ports, settings: settings, queue: queue, peers: PeerTable(table, ways: ways),
                        notices: notices))
            }
        } catch {
            retire()
            throw error
        }
    }

    public func setPeers(_ peers: [TunnelPeer]) throws(SyscallError) {
        let table = ForwardingTable(peers)
        self.table = table
        earlier = earlier.carried(to: table)
        let ways = ways
        for thread in threads { thread.perform { $0.use(table, ways: ways) } }
        self.peers = peers
    }

    public func setWays(_ ways: [IPv4Address: OuterWay]) {
        self.ways = ways
        for thread in threads { thread.perform { $0.use(ways: ways) } }
    }

    public func observe(_ device: Link?) {
        guard let mtu = device?.mtu, mtu != settings.deviceMTU else { return }
        settings.deviceMTU = mtu
        for thread in threads { thread.perform { $0.setDeviceMTU(mtu) } }
    }

    public func counters() -> TunnelCounters {
        var sum = earlier
        for thread in threads { sum.add(thread.counters()) }
        return sum
    }

    /// Ends the threads and keeps what they counted.
    private func retire() {
        for thread in threads { earlier.add(thread.stop()) }
        threads = []
    }

    deinit {
        for thread in threads { _ = thread.stop() }
    }
}
