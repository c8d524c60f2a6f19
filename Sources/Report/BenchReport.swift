// What a benchmark found, with all that a reader needs to trust or repeat it; the JSON of `poplin bench` is this value.

/// The result of one run of `poplin bench`, whole or interrupted.
public struct BenchReport: Codable, Hashable, Sendable {
    /// A name and what it stands for.
    public struct Item: Codable, Hashable, Sendable {
        public var name: String
        public var value: String

        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// One way for packets to go.
    public struct Path: Codable, Hashable, Sendable {
        /// As given to `--path`: `native`, `vxlan`, `bpf`.
        public var name: String
        /// In words.
        public var about: String

        public init(name: String, about: String) {
            self.name = name
            self.about = about
        }
    }

    /// A path that was asked for or would have been measured, and why it was not.
    public struct Missing: Codable, Hashable, Sendable {
        public var path: String
        public var reason: String

        public init(path: String, reason: String) {
            self.path = path
            self.reason = reason
        }
    }

    /// The samples of one quantity on one path, in the order of the rounds: the first is the first round's, and only
    /// the last rounds may be missing, as after an interruption.
    public struct Figure: Codable, Hashable, Sendable {
        public var path: String
        /// The underlay's, in bytes; 0 where nobody knows it.
        public var mtu: Int
        public var quantity: Quantity
        /// In ``Quantity/unit``; never empty, always finite.
        public var samples: [Double]

        public init(path: String, mtu: Int, quantity: Quantity, samples: [Double]) {
            self.path = path
            self.mtu = mtu
            self.quantity = quantity
            self.samples = samples
        }
    }

    /// What one path put on the wire for a stream of known packets, counted by a router between the nodes, where every
    /// buffer is one packet.
    public struct Overhead: Codable, Hashable, Sendable {
        public var path: String
        /// The underlay's, in bytes; 0 where nobody knows it.
        public var mtu: Int
        public var mix: PacketMix
        /// Packets that the receiver got, and the bytes of their payload.
        public var packets: Int
        public var deliveredBytes: Int
        /// Bytes of IP packets that passed the router for them: outer header to end, without Ethernet's header.
        public var wireBytes: Int
        /// Bytes a packet that the path adds by arithmetic, and that were counted beyond the packets' own.
        public var expectedPerPacket: Double
        public var measuredPerPacket: Double

        public init(
            path: String, mtu: Int, mix: PacketMix, packets: Int, deliveredBytes: Int, wireBytes: Int,
            expectedPerPacket: Double, measuredPerPacket: Double
        ) {
            self.path = path
            self.mtu = mtu
            self.mix = mix
            self.packets = packets
            self.deliveredBytes = deliveredBytes
            self.wireBytes = wireBytes
            self.expectedPerPacket = expectedPerPacket
            self.measuredPerPacket = measuredPerPacket
        }
    }

    /// Which packets were sent to see what they cost on the wire.
    public enum PacketMix: String, Codable, Hashable, Sendable, CaseIterable {
        /// UDP with 64 bytes of payload; with 64, 512 and 1,400 in turns; as large as the path lets through.
        case small, mixed, full
    }

    /// The exact command, as a shell would take it.
    public var command: String
    /// Begin, as RFC 3339 in UTC.
    public var begun: String
    /// Where it ran: the virtual network in words, or the peers with their addresses.
    public var network: String
    /// Processor, memory, kernel, congestion control and the versions of programs that take part where their path is measured; of this end.
    public var machine: [Item]
    public var rounds: Int
    /// The measured time of each load, after its warm-up.
    public var secondsPerLoad: Double
    /// In the order in which they are shown; the first is what others are compared with.
    public var paths: [Path]
    public var missing: [Missing]
    public var figures: [Figure]
    public var overheads: [Overhead]
    /// Why it ended early, if it did, without a full stop; what was measured before is here.
    public var interruption: String?

    public init(
        command: String, begun: String, network: String, machine: [Item], rounds: Int, secondsPerLoad: Double,
        paths: [Path], missing: [Missing] = [], figures: [Figure] = [], overheads: [Overhead] = [],
        interruption: String? = nil
    ) {
        self.command = command
        self.begun = begun
        self.network = network
        self.machine = machine
        self.rounds = rounds
        self.secondsPerLoad = secondsPerLoad
        self.paths = paths
        self.missing = missing
        self.figures = figures
        self.overheads = overheads
        self.interruption = interruption
    }
}
