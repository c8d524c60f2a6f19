// Takes away what Poplin left on a host, and nothing else.

internal import Dataplane
internal import LinuxSystem
internal import Net
internal import Overlay
internal import Rtnetlink

/// `poplin clean`.
public struct Cleaner: ~Copyable {
    /// One thing that is taken away or put back.
    public struct Item: Hashable, Sendable, Encodable {
        /// `route`, `program`, `device`, `filter`, `hostSetting` or `file`.
        public let kind: String
        public let object: String
        public let detail: String
    }

    private let config: NodeConfig
    private var netlink: NetlinkSocket
    private var filter = FilterTable()
    private let lock: FileLock?
    private let namespaceLock: NamespaceLock?
    /// The files that were there before the lock was taken.
    private let files: [String]

    /// Takes the agent's locks, so that nothing is taken from under a running agent, nor from one with another run
    /// directory: routes and device are the network namespace's.
    ///
    /// - Throws: an error whose description is one line for a person.
    public init(configPath: String, environment: [String: String], dryRun: Bool) throws {
        let config = try ConfigFile(path: configPath, environment: environment).load()
        let netlink = try NetlinkSocket()
        let record = HostSettings(runDirectory: config.runDirectory).record
        let files = [config.statusSocketPath, config.handoverSocketPath, record, config.lockPath]
            .filter { File.exists($0) }
        let lock = try dryRun ? nil : Cleaner.takeLock(config)
        let namespaceLock = try dryRun ? nil : Cleaner.takeNamespaceLock()
        self.config = config
        self.files = files
        self.netlink = netlink
        self.lock = lock
        self.namespaceLock = namespaceLock
    }

    private static func takeLock(_ config: NodeConfig) throws -> FileLock? {
        guard File.exists(config.runDirectory) else { return nil }
        do throws(FileLockError) {
            return try FileLock.acquire(path: config.lockPath)
        } catch {
            throw AgentError("\(error); stop the agent first")
        }
    }

    private static func takeNamespaceLock() throws -> NamespaceLock {
        do throws(SyscallError) {
            return try NamespaceLock.acquire()
        } catch {
            throw AgentError("\(error); stop the agent first")
        }
    }

    /// What is there to be taken away, in the order in which it goes.
    public mutating func items() throws -> [Item] {
        var items: [Item] = []
        let names = Dictionary(try netlink.links().map { ($0.index, $0.name) }, uniquingKeysWith: { first, _ in first })
        for message in try netlink.routes(filter: RouteFilter(routeProtocol: routeProtocol)) {
            let route = Route(message, tunnel: 0)
            items.append(
                Item(
                    kind: "route", object: route.destination.description,
                    detail: route.text(device: config.tunnelDevice, names: names)))
        }
        for filter in try TunnelFilters.list(&netlink) {
            items.append(
                Item(
                    kind: "program", object: names[filter.link] ?? "device \(filter.link)",
                    detail: "\(filter.name)\(filter.side.map { ", \($0)" } ?? "")"))
        }
        if let device = try tunnelDevice() {
            items.append(Item(kind: "device", object: device.name, detail: device.kind))
        }
        if try hasFilter() {
            items.append(Item(kind: "filter", object: "table ip \(HostFilter.tableName)", detail: ""))
        }
        for setting in settings.recorded() {
            items.append(Item(kind: "hostSetting", object: setting.path, detail: "= \(setting.value)"))
        }
        for path in files {
            items.append(Item(kind: "file", object: path, detail: ""))
        }
        return items
    }

    /// Takes it all away; goes on after a failure.
    ///
    /// - Returns: what could not be taken away, a line each.
    public mutating func clean() throws -> [String] {
        var failures: [String] = []
        var batch = NetlinkBatch()
        for message in try netlink.routes(filter: RouteFilter(routeProtocol: routeProtocol)) {
            batch.append(.deleteRoute(RouteSpecification(message)))
        }
        failures += try netlink.perform(&batch).failures.map { "\($0.error)" }
        // Before the device: a program would go on giving it what comes for it.
        for filter in try TunnelFilters.list(&netlink) {
            do {
                try TunnelFilters.remove(filter, &netlink)
            } catch {
                failures.append("\(error)")
            }
        }
        if let device = try tunnelDevice() {
            do throws(NetlinkError) {
                try remove(device)
            } catch {
                failures.append("\(error)")
            }
        }
        do throws(NetlinkError) {
            if try hasFilter() { try filter.set(HostFilter()) }
        } catch {
            failures.append("\(error)")
        }
        for setting in settings.recorded() {
            do throws(SyscallError) {
                try Sysctl.write(setting.path, setting.value)
            } catch {
                failures.append("\(error)")
            }
        }
        // The lock too, which this very command holds.
        for path in files.filter({ $0 != config.lockPath }) + [config.lockPath] {
            do throws(SyscallError) {
                try Directory.removeFile(path)
            } catch {
                failures.append("\(error)")
            }
        }
        return failures
    }

    private var settings: HostSettings { HostSettings(runDirectory: config.runDirectory) }

    /// Whether our table is there, whatever is in it.
    private mutating func hasFilter() throws(NetlinkError) -> Bool {
        guard let found = try filter.observe() else { return false }
        return !found.filter.isEmpty || !found.isIntact
    }

    /// Removes the tunnel device. The ipip driver's own cannot be removed, though the kernel says yes: it becomes as the
    /// driver makes it, without an address and down.
    private mutating func remove(_ device: LinkMessage) throws(NetlinkError) {
        try netlink.perform(.deleteLink(.index(device.index)))
        guard try netlink.link(index: device.index) != nil else { return }
        for address in try netlink.addresses() where address.link == device.index {
            try netlink.perform(.deleteAddress(address))
        }
        try netlink.perform(.setLink(.index(device.index), LinkChange(isUp: false)))
    }

    /// The tunnel device, where it is one that Poplin makes: a device of that name and another kind is somebody else's.
    private mutating func tunnelDevice() throws(NetlinkError) -> LinkMessage? {
        guard let link = try netlink.link(named: config.tunnelDevice) else { return nil }
        switch link.kind {
        case "tun": return link
        case KernelTunnel.linkKind: return try isOurs(link) ? link : nil
        default: return nil
        }
    }

    /// Whether a device of the ipip driver is ours to remove: other software uses the driver and the name `tunl0` as
    /// well, so there must be a trace of an agent of a tier that uses them.
    private mutating func isOurs(_ link: LinkMessage) throws(NetlinkError) -> Bool {
        guard config.tier != .userspace, link.ipip?.fitsRoutes == true else { return false }
        // The driver's own device stays; nothing is to be done where nobody uses it.
        if link.ipip?.isUnpinned == true, !link.isUp {
            guard try netlink.addresses().contains(where: { $0.link == link.index }) else { return false }
        }
        if files.contains(config.lockPath) { return true }
        return try netlink.routes(filter: RouteFilter(routeProtocol: routeProtocol)).contains { $0.link == link.index }
    }
}
