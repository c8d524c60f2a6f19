// Finds this node's underlay address in the host's facts: one answer, or an error that lists the candidates.

internal import Datastore
public import Net
public import Overlay

/// Where the underlay address is to be found.
public enum AddressSource: Hashable, Sendable {
    /// On the device of the default route.
    case defaultRoute
    /// On the device whose whole name matches a regular expression.
    case interface(pattern: String)
    /// On the device through which the kernel reaches an address.
    case canReach(IPv4Address)
    /// Within a prefix.
    case cidr(IPv4Prefix)
}

/// Why no address was found.
public struct AddressDetectionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Each `ADDRESS on DEVICE` that could have been meant.
    public let candidates: [String]
    let problem: String

    /// One line with the candidates and the remedy.
    public var description: String {
        let found = candidates.isEmpty ? "no candidates" : "candidates: \(candidates.joined(separator: ", "))"
        return "address: \(problem); \(found); set address, or addressFrom more narrowly"
    }
}

extension AddressSource {
    /// Finds the address.
    ///
    /// The tunnel device, loopback devices, link-local and loopback addresses are no candidates; a `/32` beside a wider
    /// address of the same device is a virtual address and is passed over, and so is one whose address another device
    /// has with its subnet: a tunnel device bears such a copy.
    public func detect(
        in facts: HostFacts, tunnelDevice: String
    ) throws(AddressDetectionError) -> IPv4InterfaceAddress {
        let candidates = Candidates(facts, tunnelDevice: tunnelDevice)
        switch self {
        case .defaultRoute:
            let next = try candidates.nextHop(to: nil)
            return try candidates.single(onLink: next.link, towards: next.gateway, "the default route's device")
        case .canReach(let address):
            let next = try candidates.nextHop(to: address)
            return try candidates.single(
                onLink: next.link, towards: next.gateway ?? address, "the device towards \(address)")
        case .interface(let pattern):
            return try candidates.single(among: try candidates.matching(pattern), "addressFrom.interface \(pattern)")
        case .cidr(let prefix):
            return try candidates.single(
                among: candidates.all.filter { prefix.contains($0.address.address) }, "addressFrom.cidr \(prefix)")
        }
    }
}

/// The addresses that could be a node's, with the facts that choose between them.
private struct Candidates {
    struct Candidate {
        var address: IPv4InterfaceAddress
        var link: Link

        var text: String { "\(address) on \(link.name)" }
    }

    let facts: HostFacts
    let all: [Candidate]

    init(_ facts: HostFacts, tunnelDevice: String) {
        self.facts = facts
        let links = Dictionary(facts.links.map { ($0.index, $0) }, uniquingKeysWith: { first, _ in first })
        let usable = facts.addresses.compactMap { address -> Candidate? in
            guard let link = links[address.link], link.name != tunnelDevice, link.name != "lo",
                NodeRules.problem(withAddress: address.address) == nil,
                IPv4Prefix("169.254.0.0/16")?.contains(address.address.address) == false
            else { return nil }
            return Candidate(address: address.address, link: link)
        }
        let withSubnet = Set(usable.filter { $0.address.prefixLength < 32 }.map(\.link.index))
        let subnetAddresses = Set(usable.filter { $0.address.prefixLength < 32 }.map(\.address.address))
        all = usable.filter { candidate in
            candidate.address.prefixLength < 32
                || !withSubnet.contains(candidate.link.index) && !subnetAddresses.contains(candidate.address.address)
        }
        .sorted { ($0.link.name, $0.address.address) < ($1.link.name, $1.address.address) }
    }

    func failure(_ problem: String, _ candidates: [Candidate]) -> AddressDetectionError {
        AddressDetectionError(candidates: candidates.map(\.text), problem: problem)
    }

    func single(among found: [Candidate], _ what: String) throws(AddressDetectionError) -> IPv4InterfaceAddress {
        if found.isEmpty { throw failure("\(what): no usable IPv4 address", all) }
        // One address on two devices is still one answer.
        guard Set(found.map(\.address)).count == 1, let only = found.first else {
            throw failure("\(what): more than one address", found)
        }
        return only.address
    }

    /// Where a device has several addresses, the subnet that holds the next hop decides, as it does for the kernel.
    func single(
        onLink index: Int32, towards hop: IPv4Address?, _ what: String
    ) throws(AddressDetectionError) -> IPv4InterfaceAddress {
        let found = all.filter { $0.link.index == index }
        let name = facts.links.first { $0.index == index }?.name ?? "\(index)"
        if found.count > 1, let hop {
            let near = found.filter { $0.address.prefix.contains(hop) }
            if near.count == 1 { return try single(among: near, what) }
        }
        return try single(among: found, "\(what) \(name)")
    }

    /// The kernel's choice: the longest prefix, then the lowest metric; for nil the default route.
    func nextHop(
        to destination: IPv4Address?
    ) throws(AddressDetectionError) -> (link: Int32, gateway: IPv4Address?) {
        let routes = facts.underlayRoutes.filter { route in
            destination.map { route.destination.contains($0) } ?? (route.destination.length == 0)
        }
        let what = destination.map { "no route to \($0)" } ?? "no default route"
        guard let longest = routes.map(\.destination.length).max(),
            let lowest = routes.filter({ $0.destination.length == longest }).map(\.metric).min()
        else { throw failure(what, all) }
        let best = routes.filter { $0.destination.length == longest && $0.metric == lowest }
        let usable = best.filter { $0.isUsable && $0.link > 0 }
        guard let first = usable.first else { throw failure(what + " that can be used", all) }
        guard Set(usable.map(\.link)).count == 1 else {
            let links = Set(usable.map(\.link))
            throw failure(
                destination.map { "several equal routes to \($0)" } ?? "several equal default routes",
                all.filter { links.contains($0.link.index) })
        }
        return (first.link, first.gateway)
    }

    func matching(_ pattern: String) throws(AddressDetectionError) -> [Candidate] {
        guard let regex = try? Regex(pattern) else {
            throw failure("addressFrom.interface \(printable(pattern)) is no regular expression", [])
        }
        return all.filter { (try? regex.wholeMatch(in: $0.link.name)) != nil }
    }
}
