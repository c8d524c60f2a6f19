// The other end of a path, from which loads are asked: a virtual host of the lab, or a peer that serves.

internal import Lab
internal import LinuxSystem
internal import Load
internal import Net

/// Somebody who answers loads.
protocol Endpoint {
    /// Of the path that leads there.
    var name: String { get }
    /// Puts one load on the path.
    func run<AnyLoad: NetworkLoad>(_ load: AnyLoad) throws -> AnyLoad.Report
}

/// The workload at the far end of a network of the lab.
struct LabEndpoint: Endpoint {
    let network: PathNetwork

    var name: String { network.path.name }

    func run<AnyLoad: NetworkLoad>(_ load: AnyLoad) throws -> AnyLoad.Report {
        try network.lab.run(load, from: "w1", to: "w2")
    }
}

/// A host that runs `poplin bench --serve`.
struct PeerEndpoint: Endpoint {
    let peer: BenchPlan.Peer
    let port: UInt16
    let interruption: Interruption

    var name: String { peer.name }

    /// With a session of its own: two addresses may be of one server, which serves one client at a time.
    func run<AnyLoad: NetworkLoad>(_ load: AnyLoad) throws -> AnyLoad.Report {
        try connect(by: Monotonic.now + 2_000_000_000).run(load)
    }

    /// By another address, this session may be there before the end of the one before it.
    private func connect(by deadline: UInt64) throws -> LoadClient {
        let interruption = interruption
        while true {
            let outcome = Result<LoadClient, any Error> {
                try LoadClient(to: peer.address, port: port, isInterrupted: { interruption.isRequested })
            }
            guard case .failure(LoadError.busy) = outcome, Monotonic.now < deadline else { return try outcome.get() }
            Monotonic.sleep(milliseconds: 20)
        }
    }
}
