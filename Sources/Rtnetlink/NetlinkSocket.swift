// The socket through which links, addresses, routes and rules are read and changed: one request at a time.

internal import CMnl
internal import Glibc
public import Net

/// A netlink socket of one network namespace.
public struct NetlinkSocket: ~Copyable, Sendable {
    package var endpoint: Endpoint
    private var sequence: UInt32 = 0
    /// How many acknowledgements the receive buffer holds for certain.
    let acknowledgementLimit: Int

    /// Opens a socket in the calling thread's network namespace, where it stays.
    public init() throws(NetlinkError) {
        try self.init(Endpoint())
    }

    /// Asks through `endpoint`, whichever part of the kernel it leads to.
    package init(_ endpoint: consuming Endpoint) {
        // Errors in words; acknowledgements without the request's payload; dumps filtered by the kernel.
        // A kernel without one of them (before 4.20) only says less or sends more.
        endpoint.setOption(NETLINK_EXT_ACK)
        endpoint.setOption(NETLINK_CAP_ACK)
        endpoint.setOption(NETLINK_GET_STRICT_CHK)
        // The kernel counts its own overhead: an acknowledgement of 36 bytes weighs less than 2 KB.
        acknowledgementLimit = max(endpoint.setReceiveBuffer(4 << 20) / 2 / 2048, 1)
        self.endpoint = endpoint
    }

    /// The socket's address, by which a monitor knows the echo of its changes.
    public var portID: UInt32 { endpoint.portID }

    /// Reserves sequence numbers for `count` requests and returns the first.
    package mutating func nextSequence(count: Int = 1) -> UInt32 {
        let first = sequence &+ 1
        sequence &+= UInt32(truncatingIfNeeded: count)
        return first
    }

    /// Looks a device up by name; nil where there is none.
    public mutating func link(named name: String) throws(NetlinkError) -> LinkMessage? {
        try link(.name(name))
    }

    /// Looks a device up by its index; nil where there is none.
    public mutating func link(index: Int32) throws(NetlinkError) -> LinkMessage? {
        try link(.index(index))
    }

    private mutating func link(_ selector: LinkSelector) throws(NetlinkError) -> LinkMessage? {
        var request = RequestBuffer()
        selector.encode(type: MessageType.getLink, into: &request)
        return try ask(&request, absent: ENODEV) { LinkMessage($0) }
    }

    /// Asks the kernel which route a packet to `destination` would take; nil where there is none.
    ///
    /// - Parameter fibMatch: the route of the table itself (`RTM_F_FIB_MATCH`), not the answer made of it for one host.
    /// - Throws: ``NetlinkError`` also where the best route is a blackhole (`EINVAL`), unreachable (`EHOSTUNREACH`)
    ///   or prohibited (`EACCES`).
    public mutating func routeGet(
        _ destination: IPv4Address, fibMatch: Bool = false
    ) throws(NetlinkError) -> RouteMessage? {
        var header = rtmsg()
        header.rtm_family = ipv4Family
        header.rtm_dst_len = 32
        header.rtm_flags = UInt32(RTM_F_LOOKUP_TABLE) | (fibMatch ? UInt32(RTM_F_FIB_MATCH) : 0)
        var request = RequestBuffer()
        request.append(type: MessageType.getRoute, flags: MessageFlag.acknowledge) { request in
            request.put(header)
            request.put(RouteAttribute.destination, destination)
        }
        return try ask(&request, absent: ENETUNREACH) { RouteMessage($0) }
    }

    /// Sends one question and takes its one answer; nil for the error number, if any, that says that there is nothing.
    package mutating func ask<Answer>(
        _ request: inout RequestBuffer, absent: Int32? = nil, decode: (Message) -> Answer?
    ) throws(NetlinkError) -> Answer? {
        let first = nextSequence()
        let (bytes, _) = unsafe request.chunk(from: 0, byteLimit: .max, countLimit: 1, sequence: first)
        var messages = unsafe Messages(bytes)
        let words = messages.next().map { RequestDescription($0) { "index \($0)" } }
        var failure = NetlinkError(code: 0, operation: words?.operation ?? "", object: words?.object ?? "")

        failure.code = unsafe endpoint.send(bytes)
        guard failure.code == 0 else { throw failure }
        var answer: Answer?
        while true {
            switch endpoint.receive() {
            case .datagram(var messages):
                while let message = messages.next() {
                    guard message.sequence == first else { continue }
                    guard let end = Acknowledgement(message) else {
                        answer = decode(message)
                        continue
                    }
                    if end.code == absent { return nil }
                    failure.code = end.code
                    failure.message = end.message
                    failure.offset = end.offset
                    guard end.code == 0 else { throw failure }
                    failure.kind = .malformed
                    failure.code = EBADMSG
                    guard let answer else { throw failure }
                    return answer
                }
            case .failed(let code):
                failure.code = code
                throw failure
            case .empty, .overrun:
                failure.kind = .overrun
                failure.code = ENOBUFS
                throw failure
            }
        }
    }
}
