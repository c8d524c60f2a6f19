// Loads between the hosts of a lab by their names: a load server in the one, its client in the other.

internal import LinuxSystem
public import Load
internal import Net
internal import Synchronization

extension Lab {
    /// Runs a load and waits for its end.
    ///
    /// - Parameters:
    ///   - source: the name of a host.
    ///   - destination: the name of a workload or a node.
    public func run<Load: NetworkLoad>(
        _ load: Load, from source: String, to destination: String
    ) throws -> Load.Report {
        let address = try address(of: destination)
        let server = try LabLoadServer(on: try host(destination), address)
        defer { server.stop() }
        let interruption = interruption
        do {
            return try host(source).run {
                let client = try LoadClient(to: address, port: server.port) { interruption.isRequested }
                return try client.run(load)
            }
        } catch LoadError.interrupted {
            throw LabError.interrupted
        }
    }
}

/// A load server on a thread in a host.
private final class LabLoadServer: Sendable {
    private let server: LoadServer
    private let isStopping = Atomic<Bool>(false)
    private let thread = Mutex<SystemThread?>(nil)

    init(on host: LabHost, _ address: IPv4Address) throws {
        server = try host.run { try LoadServer(listeningOn: address, port: 0) }
        let namespace = try NetworkNamespace.open(host.namespace)
        try thread.withLock {
            $0 = try SystemThread.start(name: "lab-load") { [self] in
                // Sockets of a load are opened on this thread, so that it has to be in the host for good.
                guard (try? NetworkNamespace.enter(namespace)) != nil else { return }
                server.run(while: { !isStopping.load(ordering: .acquiring) })
            }
        }
    }

    var port: UInt16 { server.port }

    func stop() {
        isStopping.store(true, ordering: .releasing)
        if let thread = thread.withLock({ $0.take() }) { thread.join() }
    }
}
