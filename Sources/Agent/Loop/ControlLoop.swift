// The agent's one control thread: it sleeps until something changes, and every change is a reason to walk again.

internal import Dataplane
internal import Datastore
internal import LinuxSystem
internal import Logging
internal import Overlay
internal import Rtnetlink

/// Waits for signals, files, the kernel and status clients, and has the reconciler walk.
struct ControlLoop: ~Copyable {
    private enum Token {
        static let signal: UInt64 = 0
        static let config: UInt64 = 1
        static let datastore: UInt64 = 2
        static let kernel: UInt64 = 3
        static let status: UInt64 = 4
        static let timer: UInt64 = 5
        static let tunnel: UInt64 = 6
        static let ways: UInt64 = 7
        static let paths: UInt64 = 8
        static let handover: UInt64 = 9
        static let filter: UInt64 = 10
    }

    /// Nanoseconds before what could not be read is read again.
    private static let readRetry: UInt64 = 200_000_000
    /// Milliseconds before a client that could not be accepted is tried again.
    private static let acceptPause: UInt32 = 20
    /// Nanoseconds between two walks at most, while there is a reason for the next one.
    private static let longestPause: UInt64 = 500_000_000

    private let log: Logger
    private let configFile: ConfigFile
    private var config: NodeConfig
    private var configProblems: [String] = []
    private var reconciler: Reconciler
    private var ways: OuterWays
    private var datastore: FileDatastore
    private var configWatch: DirectoryWatch
    private var datastoreWatch: DirectoryWatch
    private var monitor: NetlinkMonitor
    /// Nil where the kernel has no packet filter to watch.
    private var filterMonitor: ChangeMonitor?
    private let signals: SignalFD
    private let seat: AgentSeat
    private let timer: TimerFD
    private var epoll: Epoll

    /// Why the last client could not be accepted.
    private var statusProblem: String?
    private var wantsWalk = true
    private var wantsSnapshot = true
    private var lastWalk: (started: UInt64, ended: UInt64) = (0, 0)

    init(
        configFile: ConfigFile, config: NodeConfig, datastore: FileDatastore, reconciler: consuming Reconciler,
        signals: consuming SignalFD, seat: consuming AgentSeat, log: Logger
    ) throws {
        // The subscription comes before the first read: what changes in between is then told of.
        let monitor = try NetlinkMonitor()
        let filterMonitor: ChangeMonitor? = try? ChangeMonitor(.table(HostFilter.tableName))
        let ways = try OuterWays(reconciler.tier.tier, config.express, log: log)
        let datastoreWatch = try DirectoryWatch(config.datastoreDirectory)
        let configWatch = try DirectoryWatch(configFile.directory)
        let timer = try TimerFD()
        let epoll = try Epoll()
        try epoll.add(signals.descriptor.rawValue, token: Token.signal)
        try epoll.add(configWatch.fileDescriptor, token: Token.config)
        try epoll.add(datastoreWatch.fileDescriptor, token: Token.datastore)
        try epoll.add(monitor.fileDescriptor, token: Token.kernel)
        switch filterMonitor {
        case .some(let monitor): try epoll.add(monitor.fileDescriptor, token: Token.filter)
        case .none: break
        }
        try epoll.add(seat.status.descriptor.rawValue, token: Token.status)
        try epoll.add(timer.descriptor.rawValue, token: Token.timer)
        if let descriptor = reconciler.tunnel.noticeDescriptor { try epoll.add(descriptor, token: Token.tunnel) }
        for descriptor in ways.descriptors { try epoll.add(descriptor, token: Token.ways) }
        try epoll.add(reconciler.paths.fileDescriptor, token: Token.paths)
        try epoll.add(seat.handover.descriptor.rawValue, token: Token.handover)
        self.log = log
        self.configFile = configFile
        self.config = config
        self.reconciler = reconciler
        self.ways = ways
        self.datastore = datastore
        self.configWatch = configWatch
        self.datastoreWatch = datastoreWatch
        self.monitor = monitor
        self.filterMonitor = filterMonitor
        self.signals = signals
        self.seat = seat
        self.timer = timer
        self.epoll = epoll
    }

    /// Walks for the first time; whether that went through, and the tunnel is carried.
    mutating func walkFirst() throws -> Bool {
        try walkIfDue()
        return reconciler.readFailure == nil && reconciler.tunnel.isCarried
    }

    /// Runs until SIGTERM or SIGINT, or until a successor carries. Routes and device stay.
    mutating func run() throws {
        while true {
            try walkIfDue()
            try ways.walkIfDue(reconciler)
            for index in 0..<(try epoll.wait()) {
                switch epoll[index].token {
                case Token.signal:
                    guard let signal = try signals.read() else { break }
                    if signal == Signals.hangup {
                        (wantsWalk, wantsSnapshot) = (true, true)
                        readConfig()
                    } else {
                        log.info("stopping; routes and device stay")
                        seat.leave()
                        return
                    }
                case Token.config: readConfigEvents()
                case Token.datastore: readDatastoreEvents()
                case Token.kernel: readKernelEvents()
                case Token.filter: readFilterEvents()
                case Token.status: answerStatus()
                case Token.timer:
                    timer.drain()
                    wantsWalk = true
                case Token.ways: ways.drain()
                case Token.tunnel: if reconciler.takeNotices() { wantsWalk = true }
                case Token.paths: if reconciler.hearPaths() { wantsWalk = true }
                case Token.handover:
                    let server = HandoverServer(
                        local: reconciler.local, tier: reconciler.tier.tier, tunnel: reconciler.tunnel, log: log)
                    if server.serve(seat) { return }
                    wantsWalk = true
                default: break
                }
            }
        }
    }

    /// Walks if there is a reason, but leaves as much time between two walks as the last one took: a storm of
    /// events on a host with many routes must not become a storm of dumps. After a walk of seconds, which has
    /// installed a whole table, half a second is enough.
    private mutating func walkIfDue() throws {
        guard wantsWalk || wantsSnapshot else { return }
        let now = Monotonic.now
        let due = lastWalk.ended + min(lastWalk.ended - lastWalk.started, ControlLoop.longestPause)
        guard now >= due else { return try timer.arm(afterNanoseconds: due - now) }
        if wantsSnapshot {
            reconciler.take(datastore.load(beingWritten: datastoreWatch.namesBeingWritten))
            wantsSnapshot = false
        }
        wantsWalk = false
        reconciler.walk()
        ways.hostWasRead()
        lastWalk = (now, Monotonic.now)
        if reconciler.readFailure != nil || reconciler.isUnsettled {
            try timer.arm(afterNanoseconds: ControlLoop.readRetry)
        } else if let retry = reconciler.nextRetry {
            try timer.arm(afterNanoseconds: retry > lastWalk.ended ? retry - lastWalk.ended : 1)
        } else {
            try timer.disarm()
        }
    }

    private mutating func readKernelEvents() {
        let ownPort = reconciler.portID
        var concernsUs = false
        var wasOverrun = false
        do {
            try monitor.drain { event in
                switch event {
                case .route(_, _, senderPortID: ownPort): break
                case .route(_, let route, _): concernsUs = concernsUs || route.table == HostReader.mainTable
                case .overrun: wasOverrun = true
                default: concernsUs = true
                }
            }
        } catch {
            log.error("\(error): everything is read anew")
            concernsUs = true
        }
        if wasOverrun { log.notice("netlink events were lost: everything is read anew") }
        if concernsUs || wasOverrun { wantsWalk = true }
    }

    /// Our own changes are no reason; what was lost is one, and costs little where nothing has changed.
    private mutating func readFilterEvents() {
        let ownPort = reconciler.filterPortID
        do throws(NetlinkError) {
            if try filterMonitor?.drain(ignoring: ownPort) ?? false { wantsWalk = true }
        } catch {
            log.error("\(error)")
            wantsWalk = true
        }
    }

    private mutating func readDatastoreEvents() {
        do {
            if try datastoreWatch.drain() { wantsSnapshot = true }
        } catch {
            log.error("\(error)")
            wantsSnapshot = true
        }
    }

    private mutating func readConfigEvents() {
        do {
            let hasChanged = try configWatch.drain()
            // A file that is still being written is read when it is closed.
            if hasChanged && !configWatch.namesBeingWritten.contains(configFile.name) { readConfig() }
        } catch {
            log.error("\(error)")
            readConfig()
        }
    }

    private mutating func readConfig() {
        let known = configProblems
        do {
            let changed = try configFile.load()
            let restart = NodeConfig.restartKeys(from: config, to: changed)
            configProblems = restart.map { "restart needed: '\($0)' has changed" }
            if changed.ipipMode != config.ipipMode || changed.tunnelMTU != config.tunnelMTU {
                log.info("config changed")
                wantsWalk = true
            }
            // Only what takes effect live is taken over: the rest is what this process still works by.
            config.ipipMode = changed.ipipMode
            config.tunnelMTU = changed.tunnelMTU
            reconciler.configure(ipipMode: config.ipipMode, tunnelMTU: config.tunnelMTU)
        } catch {
            configProblems = ["\(error); the last good config stays in force"]
        }
        // Any file that changes beside it is a reason to look again, but none to say the same again.
        for problem in configProblems where !known.contains(problem) { log.error("\(problem)") }
    }

    private mutating func answerStatus() {
        do throws(SyscallError) {
            while let client = try seat.status.accept() {
                let report = StatusReport(config: config, problems: configProblems, reconciler: reconciler, ways: ways)
                StatusServer.answer(client, with: report, log: log)
            }
            statusProblem = nil
        } catch {
            // No descriptors left, say: the client waits in the listener's queue, which stays readable. So the loop
            // comes back here at once, and must neither spin nor say the same again.
            if statusProblem != error.description { log.error("status: \(error)") }
            statusProblem = error.description
            Monotonic.sleep(milliseconds: ControlLoop.acceptPause)
        }
    }
}
