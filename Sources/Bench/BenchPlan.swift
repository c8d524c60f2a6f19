// What is to be measured: paths, loads, rounds and MTUs, and how many loads that makes.

public import Load
public import Net

/// A run of `poplin bench`, as a value.
public struct BenchPlan: Sendable {
    /// Where the other end is.
    public enum Network: Sendable {
        /// Virtual hosts on this machine, built for each path.
        case lab([BenchPath])
        /// Hosts that serve, each reached by an address that leads there in one way.
        case peers([Peer])
    }

    /// A server, `poplin bench --serve`.
    public struct Peer: Hashable, Sendable {
        /// What the report calls the way there.
        public var name: String
        public var address: IPv4Address

        public init(name: String, address: IPv4Address) {
            self.name = name
            self.address = address
        }
    }

    public var network: Network
    /// The port that servers listen on.
    public var port: UInt16
    public var measures: [Measure]
    /// At the second MTU and those after it; of the lab alone.
    public var furtherMeasures: [Measure]
    public var rounds: Int
    public var period: LoadPeriod
    /// Of the lab's underlay, in bytes.
    public var mtus: [Int]
    /// Of TCP in the lab; other hosts have their own.
    public var congestionControl: String
    /// Whether bytes on the wire are counted; of the lab alone.
    public var countsWire: Bool

    public init(
        network: Network, port: UInt16 = LoadPort.control, measures: [Measure] = Measure.allCases,
        furtherMeasures: [Measure] = Measure.streams, rounds: Int = 5, period: LoadPeriod = LoadPeriod(),
        mtus: [Int] = [1500, 9000], congestionControl: String = PathNetwork.usualCongestionControl,
        countsWire: Bool = true
    ) {
        self.network = network
        self.port = port
        self.measures = measures
        self.furtherMeasures = furtherMeasures
        self.rounds = rounds
        self.period = period
        self.mtus = mtus
        self.congestionControl = congestionControl
        self.countsWire = countsWire
    }

    /// The loads at one of ``mtus``.
    func measures(at mtu: Int) -> [Measure] { mtu == mtus.first ? measures : furtherMeasures }
}
