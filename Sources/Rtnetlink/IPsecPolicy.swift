// Whether this host has IPsec policies for what it sends: their number is all that is asked of XFRM.

internal import CMnl
internal import Glibc

/// The host's IPsec policies.
public enum IPsecPolicy {
    /// How many policies for sent packets the calling thread's network namespace has; 0 where the kernel has no XFRM.
    ///
    /// - Throws: ``NetlinkError``, `EPERM` without `CAP_NET_ADMIN`.
    public static func outgoingCount() throws(NetlinkError) -> Int {
        do throws(NetlinkError) {
            var socket = NetlinkSocket(try Endpoint(NETLINK_XFRM))
            var request = RequestBuffer()
            request.append(type: UInt16(XFRM_MSG_GETSPDINFO), flags: MessageFlag.acknowledge) { $0.put(UInt32(0)) }
            return try socket.ask(&request) { count($0) } ?? 0
        } catch {
            if error.kind == .refused && error.code == EPROTONOSUPPORT { return 0 }
            var failure = error
            (failure.operation, failure.object) = ("count IPsec policies", "")
            throw failure
        }
    }

    /// Decodes `XFRM_MSG_NEWSPDINFO`; nil where the count is missing.
    static func count(_ message: Message) -> Int? {
        // `u32 flags` stands before the attributes.
        var attributes = message.attributes(at: MemoryLayout<UInt32>.size)
        while let attribute = attributes.next() {
            if attribute.type == UInt16(XFRMA_SPD_INFO.rawValue) {
                return attribute.prefix(xfrmu_spdinfo.self).map { Int($0.outcnt) }
            }
        }
        return nil
    }
}
