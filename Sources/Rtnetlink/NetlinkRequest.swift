// Every change that can be asked of the kernel, as one value that can be put in a batch or performed alone.

internal import Net

/// A change of the kernel's state.
public enum NetlinkRequest: Hashable, Sendable {
    /// `EEXIST` where the destination has a route of the same TOS and metric, whoever made it.
    case addRoute(RouteSpecification)
    /// Takes the place of the first route with the same destination, TOS and metric, **whoever made it**;
    /// added where there is none.
    case replaceRoute(RouteSpecification)
    /// Stands behind those of the same destination, TOS and metric, of which the first counts; `EEXIST` where the very
    /// same route is there.
    case appendRoute(RouteSpecification)
    /// `ESRCH` where there is none. A metric of 0 is no criterion to the kernel: it takes the first route
    /// that agrees in everything else.
    case deleteRoute(RouteSpecification)
    /// `EEXIST` where the name is taken.
    case createLink(LinkSpecification)
    case setLink(LinkSelector, LinkChange)
    /// The device with this index gets a new name.
    case renameLink(Int32, to: String)
    /// `ENODEV` where there is none.
    case deleteLink(LinkSelector)
    /// `EEXIST` where it is there.
    case addAddress(AddressMessage)
    /// Added, or its flags and scope brought up to date.
    case replaceAddress(AddressMessage)
    /// `EADDRNOTAVAIL` where it is not there.
    case deleteAddress(AddressMessage)
    /// `EEXIST` where it is there.
    case addRule(RuleMessage)
    /// `ENOENT` where it is not there.
    case deleteRule(RuleMessage)

    /// Writes the message; every one asks for an acknowledgement.
    func encode(into requests: inout RequestBuffer) {
        let acknowledge = MessageFlag.acknowledge
        let add = acknowledge | MessageFlag.create | MessageFlag.exclusive
        let replace = acknowledge | MessageFlag.create | MessageFlag.replace
        let append = acknowledge | MessageFlag.create | MessageFlag.append
        switch self {
        case .addRoute(let route):
            route.encode(making: add, into: &requests)
        case .replaceRoute(let route):
            route.encode(making: replace, into: &requests)
        case .appendRoute(let route):
            route.encode(making: append, into: &requests)
        case .deleteRoute(let route):
            route.encodeRemoval(into: &requests)
        case .createLink(let link):
            link.encode(into: &requests)
        case .setLink(let link, let change):
            // Only RTM_NEWLINK changes what a driver was told; without NLM_F_CREATE it makes nothing.
            let type = change.ipip == nil ? MessageType.setLink : MessageType.newLink
            link.encode(type: type, change: change, into: &requests)
        case .renameLink(let index, let name):
            LinkSelector.index(index).encode(type: MessageType.setLink, name: name, into: &requests)
        case .deleteLink(let link):
            link.encode(type: MessageType.deleteLink, into: &requests)
        case .addAddress(let address):
            address.encode(type: MessageType.newAddress, flags: add, into: &requests)
        case .replaceAddress(let address):
            address.encode(type: MessageType.newAddress, flags: replace, into: &requests)
        case .deleteAddress(let address):
            address.encode(type: MessageType.deleteAddress, flags: acknowledge, into: &requests)
        case .addRule(let rule):
            rule.encode(type: MessageType.newRule, flags: add, into: &requests)
        case .deleteRule(let rule):
            rule.encode(type: MessageType.deleteRule, flags: acknowledge, into: &requests)
        }
    }
}
