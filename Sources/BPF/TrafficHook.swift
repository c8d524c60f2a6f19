// Where programs see a device's packets: the filters of its clsact discipline, at a place that is the agent's own.

internal import CBpf
internal import Glibc
internal import LinuxSystem
public import Rtnetlink

/// One direction of one device, in the calling thread's network namespace.
public struct TrafficHook: Hashable, Sendable {
    /// Filters with smaller numbers come first; the agent's routes have the same number as their protocol.
    public static let priority: UInt32 = 112
    /// The filter's number within the priority.
    public static let handle: UInt32 = 1

    /// The device's index.
    public var link: Int32
    public var side: TrafficSide

    /// A hook.
    public init(link: Int32, _ side: TrafficSide) {
        self.link = link
        self.side = side
    }

    /// Has a program see the packets, in place of the one that did so until now; none goes past both.
    ///
    /// The filter is named after the program and its number (`poplin_out:[42]`).
    public func attach(_ program: borrowing Program) throws(BPFError) {
        let number = program.descriptor.rawValue
        var hook = kernelHook
        try attempt("make clsact", on: description) {
            let code = unsafe bpf_tc_hook_create(&hook)
            return code == -EEXIST ? 0 : code
        }
        var options = place
        options.prog_fd = number
        options.flags = BPF_TC_F_REPLACE.rawValue
        try attempt("attach \(program.name)", on: description) { unsafe bpf_tc_attach(&hook, &options) }
    }

    /// The kernel's number of the program that is attached; nil where there is none.
    public func attachedProgram() throws(BPFError) -> UInt32? {
        var isThere = true
        var hook = kernelHook
        var options = place
        try attempt("query", on: description) {
            let code = unsafe bpf_tc_query(&hook, &options)
            isThere = !Self.isNone(code)
            return isThere ? code : 0
        }
        return isThere ? options.prog_id : nil
    }

    /// Takes the program away.
    ///
    /// - Returns: whether there was one.
    @discardableResult
    public func detach() throws(BPFError) -> Bool {
        var isThere = true
        var hook = kernelHook
        var options = place
        try attempt("detach", on: description) {
            let code = unsafe bpf_tc_detach(&hook, &options)
            isThere = !Self.isNone(code)
            return isThere ? code : 0
        }
        return isThere
    }

    /// Takes a device's `clsact` away where no filter of anybody hangs on it in either direction.
    ///
    /// - Returns: whether it did.
    @discardableResult
    public static func removeUnusedQdisc(
        link: Int32, _ netlink: inout NetlinkSocket
    ) throws(BPFError) -> Bool {
        let object = "link \(link)"
        do {
            guard try netlink.qdiscs().contains(where: { $0.link == link && $0.kind == "clsact" }) else { return false }
            guard try netlink.trafficFilters(link: link).isEmpty else { return false }
        } catch {
            throw BPFError(operation: "list filters", object: object, code: error.code, log: "\(error)")
        }
        var isThere = true
        try attempt("remove clsact", on: object) {
            var hook = TrafficHook(link: link, .ingress).kernelHook
            // Either one alone would only take away its filters.
            hook.attach_point = bpf_tc_attach_point(BPF_TC_INGRESS.rawValue | BPF_TC_EGRESS.rawValue)
            let code = unsafe bpf_tc_hook_destroy(&hook)
            isThere = !isNone(code)
            return isThere ? code : 0
        }
        return isThere
    }

    private var place: bpf_tc_opts {
        var options = bpf_tc_opts()
        options.sz = cbpf_tc_opts_size
        options.handle = Self.handle
        options.priority = Self.priority
        return options
    }

    private var kernelHook: bpf_tc_hook {
        var hook = bpf_tc_hook()
        hook.sz = cbpf_tc_hook_size
        hook.ifindex = link
        hook.attach_point = side == .ingress ? BPF_TC_INGRESS : BPF_TC_EGRESS
        return hook
    }

    /// No such filter, no such chain of filters (`EINVAL` without a `clsact`), or no such device any more.
    private static func isNone(_ code: Int32) -> Bool {
        code == -ENOENT || code == -EINVAL || code == -ENODEV
    }
}

extension TrafficHook: CustomStringConvertible {
    public var description: String { "link \(link) \(side)" }
}
