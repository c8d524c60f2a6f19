// What makes a process the agent of its run directory and of its network namespace; it can be passed on whole.

internal import LinuxSystem

/// The two locks and the two sockets of the running agent.
struct AgentSeat: ~Copyable {
    /// How long a second agent waits for the first to go.
    private static let patienceMilliseconds: Int32 = 2000

    /// Whoever connects gets the status.
    let status: UnixListener
    /// Whoever connects wants to be the next agent.
    let handover: UnixListener
    private let lock: FileLock
    private let namespaceLock: NamespaceLock

    /// Takes the locks and listens.
    ///
    /// - Throws: an error whose description is one line for a person.
    static func acquire(_ config: NodeConfig) throws -> AgentSeat {
        let lock: FileLock
        do throws(FileLockError) {
            lock = try FileLock.acquire(path: config.lockPath, waitMilliseconds: patienceMilliseconds)
        } catch {
            guard case .held = error else { throw error }
            throw AgentError("\(error); end that agent first, or take over from it with `poplin agent --take-over`")
        }
        let namespaceLock = try NamespaceLock.acquire(waitMilliseconds: patienceMilliseconds)
        return AgentSeat(
            status: try UnixListener(path: config.statusSocketPath),
            // Who takes over gets everything: nobody but this user and root.
            handover: try UnixListener(path: config.handoverSocketPath, kind: .messages, mode: 0o600),
            lock: lock, namespaceLock: namespaceLock)
    }

    /// Takes what ``append(copiesTo:)`` put into the list; what is behind it stays there. The lock's file names this
    /// process from now on.
    static func adopt(_ descriptors: inout DescriptorList, _ config: NodeConfig) throws -> AgentSeat {
        guard let status = descriptors.removeFirst(), let handover = descriptors.removeFirst(),
            let lock = descriptors.removeFirst(), let namespaceLock = descriptors.removeFirst()
        else { throw AgentError("the running agent handed over too little") }
        let seat = AgentSeat(
            status: try UnixListener(adopting: status, path: config.statusSocketPath),
            handover: try UnixListener(adopting: handover, path: config.handoverSocketPath),
            lock: try FileLock.adopt(lock, path: config.lockPath),
            namespaceLock: NamespaceLock(adopting: namespaceLock))
        try seat.noteHolder()
        return seat
    }

    private init(
        status: consuming UnixListener, handover: consuming UnixListener, lock: consuming FileLock,
        namespaceLock: consuming NamespaceLock
    ) {
        self.status = status
        self.handover = handover
        self.lock = lock
        self.namespaceLock = namespaceLock
    }

    /// Appends copies of everything, in the order of ``adopt(_:_:)``.
    func append(copiesTo list: inout DescriptorList) throws(SyscallError) {
        try list.append(copyOf: status.descriptor)
        try list.append(copyOf: handover.descriptor)
        try lock.append(copyTo: &list)
        try namespaceLock.append(copyTo: &list)
    }

    /// Writes this process's id where the others look for it.
    func noteHolder() throws(SyscallError) {
        try lock.noteHolder()
    }

    /// Takes the sockets' paths away: there is no agent any more.
    func leave() {
        try? status.removePath()
        try? handover.removePath()
    }
}
