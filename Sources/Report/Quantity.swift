// What is measured: names, units and which direction is good, the same in the table, the page and the JSON.

/// A number that a load gives for a path.
public enum Quantity: String, Codable, Hashable, Sendable, CaseIterable {
    case tcp1 = "tcp-1"
    case tcp4 = "tcp-4"
    case tcp16 = "tcp-16"
    case tcp1Processor = "tcp-1-cpu"
    case tcp4Processor = "tcp-4-cpu"
    case tcp16Processor = "tcp-16-cpu"
    case udp64 = "udp-64"
    case udp512 = "udp-512"
    case udp1400 = "udp-1400"
    case udp64Loss = "udp-64-loss"
    case udp512Loss = "udp-512-loss"
    case udp1400Loss = "udp-1400-loss"
    case udp64Processor = "udp-64-cpu"
    case udp512Processor = "udp-512-cpu"
    case udp1400Processor = "udp-1400-cpu"
    case roundTrip50 = "rr-p50"
    case roundTrip99 = "rr-p99"
    case roundTrip999 = "rr-p99.9"
    case ping50 = "ping-p50"
    case ping99 = "ping-p99"
    case ping999 = "ping-p99.9"
    case connections = "connections"

    /// Quantities that are shown together.
    public enum Group: String, CaseIterable, Sendable {
        case throughput = "TCP throughput"
        case packetRate = "UDP packet rate"
        case loss = "UDP loss at full rate"
        case requestResponse = "Request and response"
        case ping = "Ping"
        case connections = "Connections"
        case streamProcessor = "Processor time per gigabyte"
        case packetProcessor = "Processor time per million packets"
    }

    public var group: Group {
        switch self {
        case .tcp1, .tcp4, .tcp16: .throughput
        case .tcp1Processor, .tcp4Processor, .tcp16Processor: .streamProcessor
        case .udp64, .udp512, .udp1400: .packetRate
        case .udp64Loss, .udp512Loss, .udp1400Loss: .loss
        case .udp64Processor, .udp512Processor, .udp1400Processor: .packetProcessor
        case .roundTrip50, .roundTrip99, .roundTrip999: .requestResponse
        case .ping50, .ping99, .ping999: .ping
        case .connections: .connections
        }
    }

    /// Within its group.
    public var title: String {
        switch self {
        case .tcp1, .tcp1Processor: "1 flow"
        case .tcp4, .tcp4Processor: "4 flows"
        case .tcp16, .tcp16Processor: "16 flows"
        case .udp64, .udp64Loss, .udp64Processor: "64 bytes"
        case .udp512, .udp512Loss, .udp512Processor: "512 bytes"
        case .udp1400, .udp1400Loss, .udp1400Processor: "1400 bytes"
        case .roundTrip50, .ping50: "p50"
        case .roundTrip99, .ping99: "p99"
        case .roundTrip999, .ping999: "p99.9"
        case .connections: "new TCP connections"
        }
    }

    public var unit: String {
        switch group {
        case .throughput: "Gb/s"
        case .packetRate: "k/s"
        case .loss: "%"
        case .requestResponse, .ping: "µs"
        case .connections: "/s"
        case .streamProcessor: "s/GB"
        case .packetProcessor: "s/M"
        }
    }

    /// Whether a larger number is the better one.
    public var moreIsBetter: Bool {
        switch group {
        case .throughput, .packetRate, .connections: true
        case .loss, .requestResponse, .ping, .streamProcessor, .packetProcessor: false
        }
    }
}
