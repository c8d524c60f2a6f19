// The whole inward step on a batch: what must come out of the device for each flow, and why everything else does not.

import Net
import Packet

enum InwardModel {
    /// A batch of datagrams and what the step is told.
    struct Batch {
        var acceptsForeignSources: Bool
        var mtu: Int
        var datagrams: [[UInt8]]

        private static let mtus = [1480, 576, 8980, 60]
        /// As many as a coalescer takes.
        static let limit = 64

        /// Any bytes are a batch: settings, then datagrams, each after its length; what is cut short is taken as it is.
        init(_ input: [UInt8]) {
            let settings = input.first ?? 0
            acceptsForeignSources = settings & 1 == 1
            mtu = Self.mtus[Int(settings >> 1 & 3)]
            datagrams = []
            var rest = input.dropFirst()
            while rest.count >= 2, datagrams.count < Self.limit {
                let length = rest.prefix(2).reduce(0) { $0 * 256 + Int($1) }
                datagrams.append(Array(rest.dropFirst(2).prefix(length)))
                rest = rest.dropFirst(2 + length)
            }
        }

        static func encode(settings: UInt8, _ datagrams: [[UInt8]]) -> [UInt8] {
            [settings] + datagrams.flatMap { bigEndian(UInt16($0.count)) + $0 }
        }
    }

    static func defect(_ input: [UInt8], _ coverage: inout FuzzCoverage) -> String? {
        let batch = Batch(input)
        let model = ReferenceModel.cluster(acceptsForeignSources: batch.acceptsForeignSources)
        var expected: [[UInt8]] = []
        var arrivals: [Arrival] = []
        for (index, datagram) in batch.datagrams.enumerated() {
            var copy = datagram
            let decision = decapsulate(
                &copy, acceptsForeignSources: batch.acceptsForeignSources, mtu: batch.mtu)
            switch (decision, model.outcome(datagram)) {
            case (.drop(let reason), .drop(let foreseen)):
                coverage.note("\(reason)")
                if reason != foreseen { return "datagram \(index) dropped as \(reason), model says \(foreseen)" }
                if copy != datagram { return "datagram \(index) was dropped and changed" }
            case (.deliver(let offset, let length, let peer, let offload), .packet(let packet, let foreseen)):
                note(offload, &coverage)
                if peer != foreseen { return "datagram \(index) is peer \(peer)'s, model says \(foreseen)" }
                expected += ReferenceKernel.received(packet, mtu: batch.mtu)
                arrivals.append(
                    Arrival(packet: Array(copy[offset..<offset + length]), offload: offload, peer: peer))
            case (let decision, let foreseen):
                return "datagram \(index): \(decision), model says \(foreseen)"
            }
        }

        var actual: [[UInt8]] = []
        for write in coalesce(arrivals, capacity: max(1, arrivals.count)) {
            if write.positions.count > 1 { coverage.note("merged") }
            if write.positions.count > 2 { coverage.note("merged more than two") }
            guard let packets = ReferenceKernel.packets(write.bytes, asked: announced(write.offload)) else {
                return "the device refuses the write of \(write.positions): \(write.offload)"
            }
            actual += packets
        }
        return difference(expected.map(ReferenceKernel.essence), actual.map(ReferenceKernel.essence))
    }

    private static func note(_ offload: Offload, _ coverage: inout FuzzCoverage) {
        switch offload {
        case .none: coverage.note("finished")
        case .partialChecksum: coverage.note("partial")
        case .tcpSegments: coverage.note("superframe")
        }
    }

    private static func announced(_ offload: Offload) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: VirtioNetHeader.length)
        var span = bytes.mutableSpan
        var raw = span.mutableBytes
        VirtioNetHeader(offload).write(to: &raw)
        return bytes
    }

    /// The same packets must come out, and within each flow in the same order; a fragment is of every flow between its
    /// two addresses, because nobody can tell.
    private static func difference(_ expected: [[UInt8]], _ actual: [[UInt8]]) -> String? {
        if expected == actual { return nil }
        if Set(expected).symmetricDifference(actual).isEmpty == false || expected.count != actual.count {
            let missing = expected.filter { !actual.contains($0) }
            let surplus = actual.filter { !expected.contains($0) }
            return "\(expected.count) packets foreseen, \(actual.count) came; missing \(missing), surplus \(surplus)"
        }
        for flow in Set(expected.compactMap(CoalescerModel.flow)) {
            func belongs(_ packet: [UInt8]) -> Bool {
                if let other = CoalescerModel.flow(packet) { return other == flow }
                let isFragment = packet[6] & 0x3F != 0 || packet[7] != 0
                return packet[9] == 6 && isFragment && packet[12..<20] == flow[..<8]
            }
            if expected.filter(belongs) != actual.filter(belongs) { return "the order of flow \(flow) is not kept" }
        }
        // What is never merged stays in its place among its like.
        func others(_ packets: [[UInt8]]) -> [[UInt8]] { packets.filter { CoalescerModel.flow($0) == nil } }
        return others(expected) == others(actual) ? nil : "the order of what is no TCP flow is not kept"
    }
}
