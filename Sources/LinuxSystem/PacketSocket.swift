// Packets as a device sees them, with where they came from: for watching, and for sending finished frames.

internal import CLinux
internal import Glibc

/// An AF_PACKET socket: non-blocking, in the network namespace of the thread that opened it.
public struct PacketSocket: ~Copyable, Sendable {
    /// What a received packet begins with.
    public enum Layer: Sendable {
        /// The network header: SOCK_DGRAM.
        case network
        /// The link header (Ethernet, where the device has one): SOCK_RAW.
        case link
    }

    /// Which packets.
    public enum Family: Sendable {
        /// All, those this host sends included.
        case all
        /// Received IPv4 only.
        case ipv4
        /// Nothing: for a socket that only sends.
        case none
    }

    /// Where a packet passed (`sll_pkttype`).
    public enum Direction: UInt8, Sendable {
        /// Received, for this host.
        case host = 0
        /// Received, for all.
        case broadcast = 1
        /// Received, for a group.
        case multicast = 2
        /// Received, for another host.
        case otherHost = 3
        /// Sent by this host.
        case outgoing = 4
    }

    /// What is known of a received packet.
    public struct Info: Hashable, Sendable {
        /// Its length on the wire in bytes; more than the buffer's where it was cut off.
        public let length: Int
        /// The device's index.
        public let interfaceIndex: Int32
        /// Where it passed; nil for a kind that is not listed.
        public let direction: Direction?
        /// The EtherType, in host byte order.
        public let etherType: UInt16
    }

    /// Readable while there is a packet.
    public let descriptor: Descriptor

    /// Opens a socket.
    ///
    /// - Parameter interfaceIndex: the one device to use; 0 for all.
    /// - Throws: `EPERM` without CAP_NET_RAW, `ENODEV` where there is no such device.
    public init(_ layer: Layer, _ family: Family, interfaceIndex: Int32 = 0) throws(SyscallError) {
        let type: __socket_type = layer == .network ? SOCK_DGRAM : SOCK_RAW
        let proto: UInt16 =
            switch family {
            case .all: UInt16(ETH_P_ALL)
            case .ipv4: UInt16(ETH_P_IP)
            case .none: 0
            }
        // Opened deaf and made to listen by bind: otherwise packets of other devices get in before it.
        let socket = try Descriptor.socket(AF_PACKET, type, 0, nonBlocking: true)
        if proto != 0 || interfaceIndex != 0 {
            var address = linkAddress(interfaceIndex, proto)
            let number = socket.rawValue
            try syscall("bind", on: "interface \(interfaceIndex)") {
                unsafe withSockaddr(&address) { unsafe bind(number, $0, $1) }
            }
        }
        descriptor = socket
    }

    /// Binds a socket that only sends to a device: its frames then need not name one, which is cheaper for each of them.
    ///
    /// - Throws: `ENODEV` where there is no such device.
    public func bindForSending(interfaceIndex: Int32) throws(SyscallError) {
        var address = linkAddress(interfaceIndex, 0)
        let number = descriptor.rawValue
        try syscall("bind", on: "interface \(interfaceIndex)") {
            unsafe withSockaddr(&address) { unsafe bind(number, $0, $1) }
        }
    }

    /// Sends past the device's queueing discipline (PACKET_QDISC_BYPASS).
    public func bypassQueueing() throws(SyscallError) {
        try descriptor.setOption(SOL_PACKET, PACKET_QDISC_BYPASS, 1, named: "PACKET_QDISC_BYPASS")
    }

    /// Sizes the kernel's buffers in bytes (it doubles them), past the system's limit; needs CAP_NET_ADMIN.
    public func forceBuffers(receive: Int32? = nil, send: Int32? = nil) throws(SyscallError) {
        try descriptor.forceBuffers(receive: receive, send: send)
    }

    /// Takes one packet; nil where there is none now.
    ///
    /// - Throws: `ENETDOWN` when the device went down, once.
    public func receive(into buffer: UnsafeMutableRawBufferPointer) throws(SyscallError) -> Info? {
        var source = sockaddr_ll()
        while true {
            let count = unsafe withSockaddr(&source) { pointer, length in
                var length = length
                return unsafe recvfrom(
                    descriptor.rawValue, buffer.baseAddress, buffer.count, Int32(MSG_TRUNC), pointer, &length)
            }
            if count >= 0 {
                return Info(
                    length: count, interfaceIndex: source.sll_ifindex,
                    direction: Direction(rawValue: source.sll_pkttype),
                    etherType: UInt16(bigEndian: source.sll_protocol))
            }
            let code = errno
            if code == EINTR { continue }
            if code == EAGAIN { return nil }
            throw SyscallError(operation: "recvfrom", object: "packet socket", code: code)
        }
    }

    /// Sends one finished frame (``Layer/link``) through a device.
    ///
    /// - Returns: false where the kernel has no room now.
    /// - Throws: `EMSGSIZE` over the device's MTU, `ENETDOWN`, `ENXIO` where there is no such device.
    public func send(_ frame: UnsafeRawBufferPointer, interfaceIndex: Int32) throws(SyscallError) -> Bool {
        var address = linkAddress(interfaceIndex, UInt16(ETH_P_IP))
        while true {
            let count = unsafe withSockaddr(&address) {
                unsafe sendto(descriptor.rawValue, frame.baseAddress, frame.count, 0, $0, $1)
            }
            if count >= 0 { return true }
            let code = errno
            if code == EINTR { continue }
            if code == EAGAIN || code == ENOBUFS { return false }
            throw SyscallError(operation: "sendto", object: "interface \(interfaceIndex)", code: code)
        }
    }

    /// Sends the frames that the batch holds (``Layer/link``), as ``RawIPv4Socket/send(_:)`` does datagrams.
    public func send(_ batch: inout SendBatch) -> SendBatch.Outcome {
        batch.flush(to: descriptor.rawValue)
    }
}
