// Whether the kernel tier can work here, and why not: found out by trying, or by looking where nothing may be changed.

internal import LinuxSystem
internal import Net
internal import Rtnetlink

/// How a tier is judged.
public enum ProbeMethod: Hashable, Sendable {
    /// By trying, which may load the driver's module, and that makes devices: for the agent.
    case trying
    /// By looking, which changes nothing: for `check`, `plan` and `explain`.
    case looking
}

/// The kernel tier's judgement of a host.
enum KernelProbe {
    static let kind = "ipip"
    /// The name that the driver gives its own device in every network namespace.
    static let fallback = "tunl0"

    /// - Parameter device: the tunnel device's name.
    static func judge(device: String, by method: ProbeMethod) -> Availability {
        guard Host.hasCapability(.netAdmin) else {
            return .unavailable(because: "not permitted: CAP_NET_ADMIN is needed")
        }
        var failure: NetlinkError?
        for _ in 0..<attempts {
            do throws(NetlinkError) {
                return try judgeOnce(device: device, by: method)
            } catch {
                failure = error
            }
        }
        return .unavailable(because: "the kernel cannot be asked: \(failure?.description ?? "")")
    }

    /// What fails for a moment must not make an agent choose another tier: how often it is tried.
    private static let attempts = 3

    private static func judgeOnce(device: String, by method: ProbeMethod) throws(NetlinkError) -> Availability {
        var netlink = try NetlinkSocket()
        let kind = try netlink.link(named: device)?.kind
        // Before anything is loaded: with the module every network namespace may get a device of its own.
        if kind == "tun" { return occupied(device, IPIPDriver.look()) }
        // Made by the driver, so that nothing is to be tried: a restarted agent leaves the host's devices alone.
        if kind == Self.kind { return .available }
        switch method {
        case .looking:
            let other = device == fallback ? kind : try netlink.link(named: fallback)?.kind
            return looked(IPIPDriver.look(), fallbackKind: other)
        case .trying:
            return tried(attempt(&netlink), driver: IPIPDriver.look(), release: Host.kernelRelease)
        }
    }

    /// The judgement where a TUN device, as the userspace tier makes it, has the device's name.
    static func occupied(_ device: String, _ driver: IPIPDriver) -> Availability {
        switch driver {
        case .missing, .unknown: .unavailable(because: driver.words)
        case .loaded, .builtIn, .module:
            .unavailable(
                because: "\(driver.words), but \(device) is a TUN device, as the userspace tier makes it; "
                    + TierChoice.change)
        }
    }

    /// The judgement from files and this namespace's devices.
    ///
    /// - Parameter fallbackKind: the kind of the device named `tunl0`; nil where there is none.
    static func looked(_ driver: IPIPDriver, fallbackKind: String?) -> Availability {
        switch driver {
        case .loaded: .available
        case .builtIn, .module:
            switch fallbackKind {
            case .none, kind: .available
            case .some(let other):
                .unavailable(
                    because:
                        "\(driver.words), but cannot be loaded: \(fallback) is \(article(other)), and the driver needs that name"
                )
            }
        case .missing, .unknown: fallbackKind == kind ? .available : .unavailable(because: driver.words)
        }
    }

    /// The judgement from the kernel's answer to an attempt to make a device; nil for success.
    static func tried(_ refusal: NetlinkError?, driver: IPIPDriver, release: String) -> Availability {
        guard let refusal else { return .available }
        switch refusal.code {
        case SyscallError.notPermitted:
            return .unavailable(because: "not permitted: CAP_NET_ADMIN is needed")
        case SyscallError.notSupported:
            switch driver {
            case .missing, .unknown:
                return .unavailable(because: "\(driver.words) (kernel \(release))")
            case .loaded, .builtIn, .module:
                return .unavailable(
                    because:
                        "\(driver.words), but the kernel did not load it: either a device named \(fallback) of another "
                        + "driver stands in some network namespace (`ip link show \(fallback)`, `ip netns exec NAME …`), or modules "
                        + "cannot be loaded (`modprobe ipip` as root tells)")
            }
        default:
            return .unavailable(because: "the kernel refuses a device of the ipip driver: \(refusal)")
        }
    }

    /// Makes a device that carries nothing, and removes it.
    ///
    /// - Returns: why it could not be made; nil where it could.
    private static func attempt(_ netlink: inout NetlinkSocket) -> NetlinkError? {
        let process = UInt32(bitPattern: Host.processID)
        let name = "poplin-\(process)"
        // Of the loopback range, and of this process alone: no packet ever matches, and no device has the same two.
        let ends = IPIPParameters(
            local: IPv4Address(rawValue: 0x7f00_0000 | process & 0xff_ffff),
            remote: IPv4Address(rawValue: 0x7f00_0000 | process >> 24 + 1))
        var refusal: NetlinkError?
        for _ in 0..<attempts {
            do throws(NetlinkError) {
                try netlink.perform(.createLink(LinkSpecification(name: name, kind: kind, ipip: ends)))
                refusal = nil
            } catch {
                refusal = error
            }
            // Whatever the answer was: one that was lost may have been a yes.
            remove(name, through: &netlink)
            guard let refusal, refusal.code != SyscallError.notSupported else { break }
        }
        return refusal
    }

    /// Removes a device of ours, until it is seen to be gone.
    private static func remove(_ name: String, through netlink: inout NetlinkSocket) {
        for _ in 0..<attempts {
            do throws(NetlinkError) {
                if try netlink.link(named: name) == nil { return }
                try netlink.perform(.deleteLink(.name(name)))
            } catch {
                continue
            }
        }
    }

    private static func article(_ kind: String) -> String {
        kind == "tun" ? "a TUN device" : kind.isEmpty ? "another device" : "a device of kind \(kind)"
    }
}
