// Puts our routes in the place of a predecessor's: behind it first, and only what stands there lets the other one go.

internal import Net
internal import Overlay
internal import Rtnetlink

/// Applies the steps that change what a predecessor made.
///
/// The kernel's own replacement (`NLM_F_REPLACE`) takes the first route of a place, whoever made it, and the one that was
/// seen there may be another's by then. A route appended behind it (`NLM_F_APPEND`) touches nobody's, and the removal
/// names protocol, gateway and device: the kernel goes from the one to the other between two packets.
struct AdoptionWriter {
    /// The tunnel device; nil where nobody carries its packets.
    let tunnelLink: Int32?

    /// - Returns: the failures.
    /// - Throws: where it is not known what was changed.
    func apply(
        _ steps: ArraySlice<Step>, through netlink: inout NetlinkSocket
    ) throws(NetlinkError) -> [StepFailure] {
        var changes: [(step: AdoptionStep, object: String)] = []
        for step in steps where tunnelLink != nil || !step.needsCarriedDevice {
            if case .adoption(let change) = step { changes.append((change, step.object)) }
        }
        let refused = try perform(changes.map { addition(for: $0.step) }, through: &netlink)
        let removals = changes.indices.map { refused[$0] == nil ? removal(for: changes[$0].step) : nil }
        // A removal that comes too late has what it wanted.
        let failed = try perform(removals, through: &netlink).filter { !$0.value.meansAlreadyGone }
        return refused.merging(failed) { first, _ in first }.sorted { $0.key < $1.key }
            .map { StepFailure(object: changes[$0.key].object, message: "\($0.value)") }
    }

    private func addition(for step: AdoptionStep) -> NetlinkRequest? {
        step.route.map { .appendRoute($0.specification(tunnelLink: tunnelLink ?? 0)) }
    }

    private func removal(for step: AdoptionStep) -> NetlinkRequest {
        switch step {
        case .replace(let leftover, _), .remove(let leftover): .deleteRoute(leftover.route.specification)
        case .removeDevice(let link): .deleteLink(.index(link.index))
        }
    }

    /// Performs what is there as one batch; the refusals by their place in `requests`.
    private func perform(
        _ requests: [NetlinkRequest?], through netlink: inout NetlinkSocket
    ) throws(NetlinkError) -> [Int: NetlinkError] {
        var batch = NetlinkBatch(reservingCapacity: requests.count)
        var places: [Int] = []
        for (place, request) in requests.enumerated() {
            guard let request else { continue }
            batch.append(request)
            places.append(place)
        }
        let failures = try netlink.perform(&batch).failures.map { (places[$0.index], $0.error) }
        return Dictionary(failures) { first, _ in first }
    }
}

extension UnderlayRoute {
    /// The route as a removal names it. Of several next hops no single one can be named.
    fileprivate var specification: RouteSpecification {
        RouteSpecification(
            destination: destination, kind: kind == .blackhole ? .blackhole : .unicast,
            gateway: hasDetail ? .any : gateway ?? .any, link: hasDetail || kind == .blackhole ? 0 : link,
            metric: metric, routeProtocol: routeProtocol)
    }
}
