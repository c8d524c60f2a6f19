// The tunnel's programs in the kernel with what they know and count, from loading them to putting them in their places.

internal import BPF
internal import CTunnelProgram
internal import Net
internal import Packet
internal import Rtnetlink

/// One loading of the programs. What is attached goes on when this is gone.
struct TunnelPrograms: ~Copyable {
    /// The tunnel device that they are made for, by index.
    let link: Int32
    private let outward: Program
    private let inward: Program
    private let shortcut: Program
    private var tables: TableMap
    private let traffic: PerCPUHash<tunnel_traffic>
    private let drops: PerCPUArray<UInt64>
    private let workloads: KeySet
    /// The outer addresses that are counted for.
    private var counted: Set<IPv4Address> = []
    /// The devices that packets from peers go into past the host's own IP, by index.
    private var delivered: Set<Int32> = []
    /// The shorter ways to the programs whose filters hang at the same hooks.
    private var shortWays = ShortWays()

    /// Has the kernel take them; they know nobody yet.
    init(_ settings: TunnelSettings, link: Int32) throws(BPFError) {
        var object = try ProgramObject.tunnel()
        try object.setReadOnlyData(tunnel_settings(settings, link: link))
        try object.load()
        let outward = try object.program(named: "poplin_out")
        let inward = try object.program(named: "poplin_in")
        let shortcut = try object.program(named: "poplin_workload")
        let tables = try object.table(named: "tables")
        let traffic = try object.perCPUHash(named: "traffic", of: tunnel_traffic.self)
        let drops = try object.perCPUArray(named: "drops", of: UInt64.self)
        let workloads = try object.keySet(named: "workloads")
        self.link = link
        self.outward = outward
        self.inward = inward
        self.tables = tables
        self.traffic = traffic
        self.shortcut = shortcut
        self.drops = drops
        self.workloads = workloads
    }

    /// Puts peers in force: the next packet meets them, and is counted.
    ///
    /// - Parameter addresses: the peers' outer addresses.
    mutating func use(_ table: ProgramTable, for addresses: Set<IPv4Address>) throws(BPFError) {
        for address in addresses.subtracting(counted) {
            try traffic.insert(address.rawValue.bigEndian, tunnel_traffic())
            counted.insert(address)
        }
        try tables.replace(with: table.words)
        for address in counted.subtracting(addresses) {
            try traffic.remove(address.rawValue.bigEndian)
            counted.remove(address)
        }
    }

    /// Puts the programs where they belong, each in the place of whatever program of ours is there, and takes ours away
    /// elsewhere. What is in its place already stays.
    ///
    /// Where no filter of somebody else comes before, they are linked as well, if the kernel can: before all filters, and
    /// for as long as this process lives.
    ///
    /// - Parameters:
    ///   - receivers: the devices by which peers' packets come, by index.
    ///   - workloads: those of workloads that take the shortcut, by index.
    /// - Throws: the first failure; everything else is done all the same.
    mutating func settle(receivers: Set<Int32>, workloads: Set<Int32>, _ netlink: inout NetlinkSocket) throws {
        var present: [TrafficFilterMessage] = []
        var preceded: Set<TrafficHook>?
        var failure: (any Error)?
        // What is there is asked to spare work. Unasked, each is put in its place once more: in those of former programs
        // packets are lost that go to a device of theirs which is gone.
        do { (present, preceded) = try TunnelFilters.survey(&netlink) } catch { failure = error }
        func attempt(_ body: () throws -> Void) {
            do { try body() } catch { failure = failure ?? error }
        }
        let shortened = workloads.subtracting(receivers)
        for receiver in receivers.sorted() where !present.has(inward.id, on: receiver, .ingress) {
            attempt { try TrafficHook(link: receiver, .ingress).attach(inward) }
        }
        for workload in shortened.sorted() where !present.has(shortcut.id, on: workload, .ingress) {
            attempt { try TrafficHook(link: workload, .ingress).attach(shortcut) }
        }
        do { try deliver(to: shortened) } catch { failure = failure ?? error }
        if !present.has(outward.id, on: link, .egress) {
            attempt { try attachOutward() }
        }
        for filter in present {
            let isWanted =
                filter.side == .egress
                ? filter.link == link : receivers.contains(filter.link) || shortened.contains(filter.link)
            if !isWanted { attempt { try TunnelFilters.remove(filter) } }
        }
        // Unasked, somebody else's filter may come first anywhere.
        func linkable(_ links: Set<Int32>, _ side: TrafficSide) -> Set<TrafficHook> {
            preceded.map { Set(links.map { TrafficHook(link: $0, side) }).subtracting($0) } ?? []
        }
        shortWays.lead(to: outward, at: linkable([link], .egress))
        shortWays.lead(to: inward, at: linkable(receivers, .ingress))
        shortWays.lead(to: shortcut, at: linkable(shortened, .ingress))
        if let failure { throw failure }
    }

    /// Puts the program that encapsulates in its place.
    func attachOutward() throws(BPFError) {
        try TrafficHook(link: link, .egress).attach(outward)
    }

    /// From here on packets meet the programs in the filters' places, which a successor can make its own.
    mutating func unlink() {
        shortWays = ShortWays()
    }

    private mutating func deliver(to links: Set<Int32>) throws(BPFError) {
        for link in links.subtracting(delivered) {
            try workloads.insert(UInt32(bitPattern: link))
            delivered.insert(link)
        }
        for link in delivered.subtracting(links) {
            try workloads.remove(UInt32(bitPattern: link))
            delivered.remove(link)
        }
    }

    /// Adds what was counted, for the peers that `counters` has.
    func add(to counters: inout TunnelCounters) throws(BPFError) {
        let positions = Dictionary(
            zip(counters.addresses, counters.addresses.indices), uniquingKeysWith: { first, _ in first })
        var sum = counters
        try traffic.forEach { key, values in
            guard let peer = positions[IPv4Address(rawValue: UInt32(bigEndian: key))] else { return }
            for value in values {
                sum.countSent(
                    peer: peer, packets: Int(clamping: value.tx_packets), bytes: Int(clamping: value.tx_bytes))
                sum.countReceived(
                    peer: peer, packets: Int(clamping: value.rx_packets), bytes: Int(clamping: value.rx_bytes))
            }
        }
        for reason in DropReason.allCases {
            let values = try drops.values(at: UInt32(reason.rawValue))
            sum.countDrop(reason, packets: values.reduce(0, &+))
        }
        counters = sum
    }
}

extension [TrafficFilterMessage] {
    fileprivate func has(_ program: UInt32, on link: Int32, _ side: TrafficSide) -> Bool {
        contains { $0.link == link && $0.side == side && $0.program == program }
    }
}

extension tunnel_settings {
    fileprivate init(_ settings: TunnelSettings, link: Int32) {
        self.init()
        local_address = settings.localAddress.rawValue.bigEndian
        tunnel_link = UInt32(bitPattern: link)
        time_to_live =
            switch settings.timeToLive {
            case .fixed(let value): value
            case .inherit: 0
            }
        dscp =
            switch settings.dscp {
            case .fixed(let value): value
            case .copy: UInt8(TUNNEL_DSCP_COPY)
            }
        accepts_foreign_sources = settings.acceptsForeignSources ? 1 : 0
        takes_shortcut = settings.takesShortcut ? 1 : 0
        // Not where the former programs have begun, whose packets may still be on their way; and 0 is far.
        first_identification = .random(in: 1...0x7FFF)
    }
}
