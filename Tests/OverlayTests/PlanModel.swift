// A host that carries steps out: what a plan promises is checked by doing it.

import Net
import Overlay

struct PlanModel {
    var observed: Observed
    /// After every step that changed a route.
    private(set) var routeStates: [[Route]] = []
    /// What is there besides ours, which an adoption changes.
    private(set) var facts: HostFacts
    /// Our routes and the others', after every step.
    private(set) var tables: [([Route], [UnderlayRoute])] = []
    /// All that were applied.
    private(set) var steps: [Step] = []

    init(_ observed: Observed, facts: HostFacts = HostFacts()) {
        self.observed = observed
        self.facts = facts
    }

    mutating func apply(_ plan: Plan) {
        for step in plan.steps {
            apply(step)
            steps.append(step)
            tables.append((observed.routes, facts.underlayRoutes))
        }
    }

    /// Walks as the agent does, until nothing is left to do.
    mutating func settle(_ decide: (HostFacts) -> DesiredState) {
        for _ in 0..<4 {
            let plan = Plan(desired: decide(facts), observed: observed, mayRemove: true)
            if plan.isEmpty { return }
            apply(plan)
        }
    }

    private mutating func apply(_ step: Step) {
        switch step {
        case .device(.carry(let name)):
            observed.isCarried = true
            observed.device = observed.device ?? Link(index: 9, name: name, mtu: 1500, isUp: false)
        case .device(.setParameters(let parameters)): observed.device?.ipip = parameters
        case .device(.setMTU(let mtu)): observed.device?.mtu = mtu
        case .device(.setUp): observed.device?.isUp = true
        case .device(.addAddress(let address)):
            observed.deviceAddresses.append(host(address))
        case .device(.removeAddress(let address)): observed.deviceAddresses.removeAll { $0 == address }
        case .hostSetting(let setting): observed.settings[setting.path] = setting.value
        case .peers(let peers): observed.peers = peers
        case .filter(let filter): (observed.filter, observed.filterIsIntact) = (filter, true)
        case .route(let step):
            apply(step)
            routeStates.append(observed.routes)
        case .adoption(let step): apply(step)
        }
    }

    private mutating func apply(_ step: AdoptionStep) {
        switch step {
        case .replace(let leftover, with: let route):
            apply(.add(route))
            facts.underlayRoutes.removeAll { $0 == leftover.route }
        case .remove(let leftover): facts.underlayRoutes.removeAll { $0 == leftover.route }
        case .removeDevice(let link): facts.links.removeAll { $0 == link }
        }
    }

    private mutating func apply(_ step: RouteStep) {
        switch step {
        case .add(let route):
            observed.routes.append(route)
        case .replace(let old, with: let new):
            guard let index = observed.routes.firstIndex(of: old) else { return }
            observed.routes[index] = new
        case .remove(let route):
            guard let index = observed.routes.firstIndex(of: route) else { return }
            observed.routes.remove(at: index)
        }
        observed.routes.sort { Route.key($0) < Route.key($1) }
    }
}

/// An address as the tunnel device bears it.
func host(_ address: IPv4Address) -> IPv4InterfaceAddress { IPv4InterfaceAddress(address: address, prefixLength: 32) }
