// Changes in other parts of the kernel than routing, as they happen: that something changed, for whoever reads it anew.

internal import CMnl
internal import Glibc

/// Tells that something of its subject has changed in one network namespace.
public struct ChangeMonitor: ~Copyable, Sendable {
    /// What is told of.
    public enum Subject: Hashable, Sendable {
        /// Tables, chains and rules of nf_tables; not the elements of sets, which traffic itself may change.
        case filter
        /// One table of family `ip` of nf_tables, with all that is in it.
        case table(String)
        /// IPsec policies.
        case policies

        fileprivate var family: Int32 {
            switch self {
            case .filter, .table: NETLINK_NETFILTER
            case .policies: NETLINK_XFRM
            }
        }

        fileprivate var group: Int32 {
            switch self {
            case .filter, .table: Int32(NFNLGRP_NFTABLES.rawValue)
            case .policies: Int32(XFRMNLGRP_POLICY.rawValue)
            }
        }

        fileprivate func isConcerned(by message: Message) -> Bool {
            switch self {
            case .policies: true
            case .filter:
                [
                    FilterMessageType.newTable, FilterMessageType.deleteTable, FilterMessageType.newChain,
                    FilterMessageType.deleteChain, FilterMessageType.newRule, FilterMessageType.deleteRule,
                ].contains(message.type)
            case .table(let name):
                message.family == UInt8(NFPROTO_IPV4) && Self.table(of: message) == name
            }
        }

        /// Every object of nf_tables names its table in the first attribute.
        private static func table(of message: Message) -> String? {
            var attributes = message.attributes(at: MemoryLayout<nfgenmsg>.size)
            while let attribute = attributes.next() {
                if attribute.type == UInt16(NFTA_TABLE_NAME.rawValue) { return attribute.text }
            }
            return nil
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
    ///
    /// - Parameter port: of a socket whose changes are known already.
    public mutating func drain(ignoring port: UInt32? = nil) throws(NetlinkError) -> Bool {
        var hasChanged = false
        for _ in 0..<65536 {
            switch endpoint.receive() {
            case .datagram(var messages):
                while let message = messages.next() {
                    if message.portID != port && subject.isConcerned(by: message) { hasChanged = true }
                }
            case .empty: return hasChanged
            case .overrun: hasChanged = true
            case .failed(let code): throw NetlinkError(code: code, operation: "read changes of \(subject)")
            }
        }
        return hasChanged
    }
}
