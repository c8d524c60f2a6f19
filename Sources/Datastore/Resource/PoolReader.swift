// An IPPool's fields: range, mode, and what is to be masqueraded.

internal import Net
internal import Overlay

extension ResourceReader {
    /// Nil with errors is refused; nil without is IPv6, which is noted.
    mutating func pool(_ spec: YAMLMapping, name: String) -> Pool? {
        checkKeys(
            of: spec, used: ["cidr", "ipipMode", "vxlanMode", "blockSize", "natOutgoing", "disabled"], .pool, "spec")
        let errorsBefore = errors.count
        let found = prefix(of: spec, .pool)
        let isIPv6 = found == nil && errors.count == errorsBefore
        if isStrict { checkStoredFields(ofPool: spec, isIPv6: isIPv6) }
        // It is noted, and nothing else of it matters.
        if isIPv6 { return nil }
        let mode = self.mode(spec["ipipMode"])
        let vxlan = self.mode(spec["vxlanMode"])
        if let vxlan, vxlan != .never, let value = spec["vxlanMode"] {
            if let mode, mode != .never {
                errors.append(
                    value.error("ipipMode is \(mode.rawValue) as well", "set one of ipipMode and vxlanMode to Never"))
            } else {
                note("IPPool spec.vxlanMode is not used: the pool has no tunnel", at: value.place)
            }
        }
        let blockSize =
            spec["blockSize"].map { value in
                take { () throws(SourceError) in try value.integer(in: 20...32) } ?? 26
            } ?? 26
        if let (prefix, cidr) = found, blockSize < Int(prefix.length), errors.isEmpty {
            let place = spec["blockSize"] ?? cidr
            errors.append(
                place.error(
                    "blocks of /\(blockSize) do not fit into \(prefix)",
                    "set spec.blockSize to \(max(20, prefix.length)) to 32"))
        }
        let natOutgoing = boolean(spec["natOutgoing"])
        let disabled = boolean(spec["disabled"])
        guard let found else { return nil }
        return Pool(
            name: name, prefix: found.prefix, ipipMode: mode ?? .never, blockSize: UInt8(clamping: blockSize),
            natOutgoing: natOutgoing, disabled: disabled)
    }

    private mutating func mode(_ value: YAMLValue?) -> IPIPMode? {
        guard let value else { return nil }
        return take { () throws(SourceError) in
            let text = try value.string()
            guard let mode = IPIPMode(rawValue: text) else {
                throw value.error("\(printable(text)) is no mode", "write Never, Always or CrossSubnet")
            }
            return mode
        }
    }
}
