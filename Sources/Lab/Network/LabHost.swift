// A virtual host: a network namespace with a name, and what can be done inside it.

public import LinuxSystem
public import Net
public import Rtnetlink

/// A host of a lab. The value is only its name: it stays valid, and useless, after the host is gone.
public struct LabHost: Hashable, Sendable {
    /// The name in the lab: `n1`, `w1`, `router`.
    public let name: String
    /// The network namespace: `poplin-LAB-NAME`.
    public let namespace: String

    /// Runs a body on a thread of its own inside the host and waits for its result.
    ///
    /// Sockets that the body opens stay in the host's network and can be handed back.
    public func run<T: ~Copyable & Sendable>(_ body: @Sendable () throws -> T) throws -> T {
        try NetworkNamespace.run(in: namespace, body)
    }

    /// Runs a body inside the host with a netlink socket of its network.
    public func netlink<T: Sendable>(_ body: @Sendable (inout NetlinkSocket) throws -> T) throws -> T {
        try run {
            var socket = try NetlinkSocket()
            return try body(&socket)
        }
    }

    /// Performs requests one after the other; the first that is refused ends it.
    public func perform(_ requests: [NetlinkRequest]) throws {
        try netlink { socket in
            for request in requests { try socket.perform(request) }
        }
    }

    /// The routes of the host's main table.
    public func routes(filter: RouteFilter = RouteFilter()) throws -> [RouteMessage] {
        try netlink { try $0.routes(filter: filter) }
    }

    /// The index of a device.
    ///
    /// - Throws: ``LabError/invalid(_:)`` where there is none of this name.
    public func linkIndex(_ device: String) throws -> Int32 {
        let link = try netlink { try $0.link(named: device) }
        guard let link else { throw LabError.invalid("\(name) has no device \(device)") }
        return link.index
    }

    /// Adds or replaces a static route; without a device, the kernel finds that of the gateway.
    public func setRoute(
        _ destination: IPv4Prefix, via gateway: IPv4Address = .any, device: String? = nil,
        kind: RouteKind = .unicast, metric: UInt32 = 0, mtu: UInt32 = 0
    ) throws {
        let link = try device.map { try linkIndex($0) } ?? 0
        try perform([
            .replaceRoute(
                RouteSpecification(
                    destination: destination, kind: kind, gateway: gateway, link: link, metric: metric, mtu: mtu,
                    routeProtocol: staticRoute))
        ])
    }

    /// Removes a static route that ``setRoute(_:via:device:kind:metric:mtu:)`` made.
    public func removeRoute(_ destination: IPv4Prefix, kind: RouteKind = .unicast, metric: UInt32 = 0) throws {
        try perform([
            .deleteRoute(
                RouteSpecification(destination: destination, kind: kind, metric: metric, routeProtocol: staticRoute))
        ])
    }

    /// Brings a device up or takes it down.
    public func setLink(_ device: String, isUp: Bool) throws {
        try perform([.setLink(.name(device), LinkChange(isUp: isUp))])
    }

    /// Sets the MTU of a device, in bytes.
    public func setMTU(_ device: String, _ mtu: Int) throws {
        try perform([.setLink(.name(device), LinkChange(mtu: mtu))])
    }

    /// Sets a kernel setting of the host's network (`net/…`).
    public func sysctl(_ name: String, _ value: String) throws {
        try run { try Sysctl.write(name, value) }
    }

    /// Runs a program inside the host to its end.
    public func execute(
        _ executable: String, _ arguments: [String] = [], timeoutMilliseconds: Int32 = 30_000
    ) throws -> ProgramResult {
        try ChildProcess.run(
            executable, arguments, inNamespace: namespace, timeoutMilliseconds: timeoutMilliseconds)
    }
}

/// `RTPROT_STATIC`: of the administrator, which the lab plays.
let staticRoute: UInt8 = 4
/// `RTPROT_BOOT`: what a CNI plugin leaves for the protocol.
let bootRoute: UInt8 = 3
