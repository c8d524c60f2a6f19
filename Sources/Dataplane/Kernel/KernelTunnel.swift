// The kernel tier: the `ipip` driver carries the packets, so that what is left to do is to make its device, and to count.

public import LinuxSystem
public import Net
internal import Nftables
public import Overlay
public import Packet
internal import Rtnetlink

/// IP-in-IP by the kernel's `ipip` driver. No packet needs this process.
public final class KernelTunnel: Tunnel {
    /// The driver, as rtnetlink names it.
    public static let linkKind = KernelProbe.kind
    /// Kernels before it leave checksums of inner packets to the device, which does not compute them.
    static let mendedChecksum = KernelVersion(5, 8)

    private let parameters: IPIPParameters
    private let clearsChecksum: Bool
    private var netlink: NetlinkSocket
    /// Nil where the kernel has no packet filter.
    private var filter: TableSocket?
    /// The device that carries; nil for none.
    private var device: String?
    /// What the device had counted when it began to carry for this process.
    private var before = LinkStatistics()
    /// The same of the packet filter.
    private var admittedBefore = AdmissionCounters()
    private var table = ForwardingTable(peers: [], prefixes: [])
    public private(set) var peers: [TunnelPeer]?

    /// A tier in the network namespace of the calling thread.
    ///
    /// - Parameter parameters: of a device that it makes.
    public init(parameters: IPIPParameters, kernelRelease: String = Host.kernelRelease) throws {
        self.parameters = parameters
        clearsChecksum = KernelVersion(release: kernelRelease).map { $0 < Self.mendedChecksum } ?? false
        netlink = try NetlinkSocket()
        filter = try? TableSocket()
    }

    public static func probe(device: String, by method: ProbeMethod) -> Availability {
        KernelProbe.judge(device: device, by: method)
    }

    public var isCarried: Bool { device != nil }

    public func observe(_ link: Link?) {
        guard let link, link.kind == Self.linkKind, !mustClearChecksum(link.name) else {
            device = nil
            return
        }
        if device != link.name { begin(link.name) }
    }

    public func carry(device name: String) throws {
        if try netlink.link(named: name) == nil { try make(name) }
        guard let link = try netlink.link(named: name) else { throw TunnelError("\(name) vanished as it was made") }
        guard link.kind == Self.linkKind else { throw TunnelError("\(name) is of kind '\(link.kind)': device busy") }
        if mustClearChecksum(name) { try LinkOffload.transmitChecksum.set(name, isOn: false) }
        begin(name)
    }

    private func make(_ name: String) throws {
        do throws(NetlinkError) {
            try netlink.perform(
                .createLink(LinkSpecification(name: name, kind: Self.linkKind, ipip: parameters)))
        } catch {
            guard error.code == SyscallError.exists else { throw error }
            // Made by somebody else meanwhile, or by the module itself, which this very request has loaded.
            if try netlink.link(named: name) != nil { return }
            let holder = try netlink.links().first {
                $0.ipip?.local == parameters.local && $0.ipip?.remote == parameters.remote
            }
            guard let holder else { throw error }
            throw TunnelError(
                "device busy: \(holder.name) has the outer source \(parameters.local) already, and the ipip driver takes one "
                    + "device for it; `ip link del \(holder.name)`, or `poplin set tunnel.device=\(holder.name)` and restart the agent"
            )
        }
    }

    private func begin(_ name: String) {
        device = name
        before = (try? netlink.statistics(ofLink: name)) ?? LinkStatistics()
        admittedBefore = admitted() ?? AdmissionCounters()
    }

    /// Whether the device leaves checksums to itself on a kernel that does not compute them there.
    private func mustClearChecksum(_ name: String) -> Bool {
        clearsChecksum && (try? LinkOffload.transmitChecksum.isOn(name)) == true
    }

    public func setPeers(_ peers: [TunnelPeer]) {
        table = ForwardingTable(peers)
        self.peers = peers
    }

    /// The kernel chooses the way of what it sends.
    public func setWays(_ ways: [IPv4Address: OuterWay]) {}

    /// Nothing: what becomes of the device, rtnetlink tells everybody.
    public var noticeDescriptor: Int32? { nil }
    public func takeNotices() -> [TunnelNotice] { [] }

    /// What the packet filter has counted; nil where it cannot be asked.
    private func admitted() -> AdmissionCounters? {
        try? filter?.admissionCounters()
    }

    /// The driver's own counters, as far as they say why a packet was dropped, and the packet filter's, by peer.
    public func counters() -> TunnelCounters {
        var counters = TunnelCounters(table: table)
        guard let device, let now = try? netlink.statistics(ofLink: device) else { return counters }
        let counts = now.since(before)
        let refused = counts.transmitCarrierErrors + counts.transmitAbortedErrors
        let known = refused + counts.collisions
        counters.countDrop(.ecnIllegalCombination, packets: counts.receiveFrameErrors)
        counters.countDrop(.recursion, packets: counts.collisions)
        counters.countDrop(.ioError, packets: refused + counts.transmitDropped)
        counters.countDrop(.tooBig, packets: counts.transmitErrors - min(counts.transmitErrors, known))
        if let admitted = admitted()?.since(admittedBefore) { admitted.add(to: &counters) }
        return counters
    }
}
