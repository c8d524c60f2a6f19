// What a filter does, in the one line that a plan has for it.

extension Step {
    /// The packet filter's name in messages, as `nft` calls it.
    static let filterObject = "table ip \(HostFilter.tableName)"
}

extension HostFilter {
    /// What the filter does, for a person.
    var text: String {
        var words: [String] = []
        if let admission {
            let local = admission.local.map { "to \($0) " } ?? ""
            let checks = admission.checksSources ? " from \(admission.sources.count) prefixes" : ", any inner source"
            let others = admission.others.isEmpty ? "" : ", and \(admission.others.count) tunnels of others"
            words.append("admit protocol 4 \(local)of \(admission.peers.count) peers\(checks)\(others)")
        }
        if let masquerade {
            words.append(
                "masquerade \(AddressRange.text(masquerade.sources)) outside \(AddressRange.text(masquerade.pools))")
        }
        return words.joined(separator: "; ")
    }
}

extension AddressRange {
    fileprivate static func text(_ ranges: [AddressRange]) -> String {
        let shown = ranges.prefix(4).map(\.description).joined(separator: " ")
        return ranges.count > 4 ? "\(shown) … \(ranges.count) in all" : shown
    }
}
