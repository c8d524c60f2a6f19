// The other end of a path, from which loads are asked: a virtual host of the lab, or a peer that serves.

internal import Lab
internal import LinuxSystem
internal import Load

/// Somebody who answers loads.
protocol Endpoint {
    /// Of the path that leads there.
    var name: String { get }
    /// Asks one load.
    func run(_ measure: Measure, _ period: LoadPeriod) throws -> [Double]
}

/// The workload at the far end of a network of the lab.
final class LabEndpoint: Endpoint {
    let network: PathNetwork

    init(_ path: BenchPath, underlayMTU: Int, interruption: Interruption) throws {
        network = try PathNetwork(path, underlayMTU: underlayMTU, interruption: interruption)
    }

    var name: String { network.path.name }

    func run(_ measure: Measure, _ period: LoadPeriod) throws -> [Double] {
        fatalError()
    }
}

/// A host that runs `poplin bench --serve`.
final class PeerEndpoint: Endpoint {
    let name: String

    init(_ peer: BenchPlan.Peer, port: UInt16, interruption: Interruption) throws {
        name = peer.name
        fatalError()
    }

    func run(_ measure: Measure, _ period: LoadPeriod) throws -> [Double] {
        fatalError()
    }
}
