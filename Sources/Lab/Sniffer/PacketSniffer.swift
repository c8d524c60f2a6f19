// Counts the packets that come in through chosen devices of a host, each once, and keeps one IP-in-IP packet.

internal import LinuxSystem
public import Net
internal import Packet
internal import Synchronization

/// A sniffer on a host; safe to use from any thread.
///
/// It counts what comes in, on the devices themselves and before a bridge takes it: so that a packet is counted
/// where a node hands it over, and only there.
public final class PacketSniffer: Sendable {
    /// A socket bound to one device.
    fileprivate final class Tap: Sendable {
        let socket: PacketSocket

        init(interfaceIndex: Int32) throws {
            socket = try PacketSocket(.network, .all, interfaceIndex: interfaceIndex)
            // Of superframes, 1000 in a moment are 64 MB.
            try socket.forceBuffers(receive: 64 << 20)
        }
    }

    fileprivate struct State {
        var taps: [Tap] = []
        var counts = SnifferCounts()
        var sample: [UInt8]?
        /// The outer source that a sample must have; nil for any.
        var sampledSource: IPv4Address?
        var buffer = [UInt8](repeating: 0, count: 2048)
        var isStopped = false
    }

    private let state = Mutex(State())

    /// Starts to count.
    ///
    /// - Parameter devices: names of devices of the host.
    public init(on host: LabHost, devices: [String]) throws {
        for device in devices { try watch(device, on: host) }
        // Not joined: the thread may be the one that lets go of the last reference. It ends within 5 ms of it.
        _ = try SystemThread.start(name: "lab-sniffer") { [weak self] in
            // Often enough that no buffer fills; whoever asks takes what is there at once.
            while let isStopped = self?.collect(), !isStopped { Monotonic.sleep(milliseconds: 5) }
        }
    }

    deinit {
        stop()
    }

    /// Watches one more device of the host.
    public func watch(_ device: String, on host: LabHost) throws {
        let index = try host.linkIndex(device)
        let tap = try host.run { try Tap(interfaceIndex: index) }
        state.withLock { $0.taps.append(tap) }
    }

    /// Ends it; what was counted stays.
    public func stop() {
        collect()
        state.withLock { state in
            state.isStopped = true
            state.taps = []
        }
    }

    /// What was counted, everything included that has passed before the call.
    public func counts() -> SnifferCounts {
        collect()
        return state.withLock { $0.counts }
    }

    /// Begins anew, without a sample.
    ///
    /// - Parameter source: the outer source of the next sample; nil for any. Packets of different devices are not
    ///   always taken in the order in which they came.
    public func clear(samplingFrom source: IPv4Address? = nil) {
        collect()
        state.withLock { state in
            state.counts = SnifferCounts()
            state.sample = nil
            state.sampledSource = source
        }
    }

    /// An IP-in-IP packet that came by since the last ``clear()``, from its outer header, at most 2048 bytes;
    /// one with ICMP inside is preferred.
    public func sample() -> [UInt8]? {
        collect()
        return state.withLock { $0.sample }
    }

    /// - Returns: whether it has ended.
    @discardableResult
    private func collect() -> Bool {
        state.withLock { state in
            // A device that vanished has nothing more to tell; its socket says so once.
            for tap in state.taps {
                while let length = try? state.receive(tap.socket) { state.count(length) }
            }
            return state.isStopped
        }
    }
}

extension PacketSniffer.State {
    /// Takes one incoming IPv4 packet into the buffer.
    ///
    /// - Returns: how many bytes of it are there; nil where there is no more.
    fileprivate mutating func receive(_ socket: borrowing PacketSocket) throws -> (captured: Int, length: Int)? {
        while true {
            let info = try buffer.withUnsafeMutableBytes { try socket.receive(into: $0) }
            guard let info else { return nil }
            if info.direction != .outgoing && info.etherType == 0x0800 {
                return (min(info.length, buffer.count), info.length)
            }
        }
    }

    fileprivate mutating func count(_ packet: (captured: Int, length: Int)) {
        guard let header = HeaderView(buffer) else {
            counts.others += 1
            return
        }
        var key = PacketKey(
            source: header.source, destination: header.destination, protocolNumber: header.protocolNumber)
        if header.protocolNumber == IPProtocol.ipip && header.fragmentOffset == 0
            && header.payload + 20 <= packet.captured,
            let inner = HeaderView(buffer, at: header.payload)
        {
            key.inner = PacketKey.Inner(
                source: inner.source, destination: inner.destination, protocolNumber: inner.protocolNumber)
            let hasICMP = sample.map { $0.count > 29 && $0[29] == IPProtocol.icmp } ?? false
            if sampledSource.map({ $0 == header.source }) ?? true,
                sample == nil || (!hasICMP && inner.protocolNumber == IPProtocol.icmp)
            {
                sample = Array(buffer[..<packet.captured])
            }
        }
        // A flood of forged addresses must not eat the memory.
        guard counts.kinds[key] != nil || counts.kinds.count < 4096 else {
            counts.others += 1
            return
        }
        counts.kinds[key, default: SnifferCounts.Tally()].add(packet.length)
    }
}
