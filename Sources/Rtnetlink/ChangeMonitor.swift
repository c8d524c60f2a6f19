// Changes in other parts of the kernel than routing, as they happen: that something changed, for whoever reads it anew.

internal import CMnl
internal import Glibc

/// Tells that something of its subject has changed in one network namespace.
public struct ChangeMonitor: ~Copyable, Sendable {
    /// What is told of.
    public enum Subject: Hashable, Sendable {
        /// Tables, chains and rules of nf_tables; not the elements of sets, which traffic itself may change.
        case filter
        /// IPsec policies.
        case policies

        fileprivate var family: Int32 {
            switch self {
            case .filter: NETLINK_NETFILTER
            case .policies: NETLINK_XFRM
            }
        }

        fileprivate var group: Int32 {
            switch self {
            case .filter: Int32(NFNLGRP_NFTABLES.rawValue)
            case .policies: Int32(XFRMNLGRP_POLICY.rawValue)
            }
        }

        fileprivate func isConcerned(by type: UInt16) -> Bool {
            self == .policies
                || [
                    FilterMessageType.newTable, FilterMessageType.deleteTable, FilterMessageType.newChain,
                    FilterMessageType.deleteChain, FilterMessageType.newRule, FilterMessageType.deleteRule,
                ].contains(type)
        }
    }

    private let subject: Subject
    private var endpoint: Endpoint

    /// Subscribes in the calling thread's network namespace.
    ///
    /// - Throws: ``NetlinkError`` also where this kernel has no such thing: then ``NetlinkError/meansUnsupported``.
    public init(_ subject: Subject) throws(NetlinkError) {
        let endpoint = try Endpoint(subject.family)
        guard endpoint.setOption(NETLINK_ADD_MEMBERSHIP, subject.group) else {
            throw NetlinkError(code: errno, operation: "subscribe to changes of \(subject)")
        }
        self.subject = subject
        self.endpoint = endpoint
    }

    /// For epoll: readable while there is something to drain. It belongs to the monitor.
    public var fileDescriptor: Int32 { endpoint.fileDescriptor }

    /// Takes what waits, at most 65,536 datagrams; whether any of it is about the subject, or was lost.
    public mutating func drain() throws(NetlinkError) -> Bool {
        var hasChanged = false
        for _ in 0..<65536 {
            switch endpoint.receive() {
            case .datagram(var messages):
                while let message = messages.next() {
                    if subject.isConcerned(by: message.type) { hasChanged = true }
                }
            case .empty: return hasChanged
            case .overrun: hasChanged = true
            case .failed(let code): throw NetlinkError(code: code, operation: "read changes of \(subject)")
            }
        }
        return hasChanged
    }
}
