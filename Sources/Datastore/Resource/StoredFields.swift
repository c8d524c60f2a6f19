// What Calico's v3 schema has beyond the fields that are used: kept for others, and checked before it is stored.

internal import Net

extension ResourceKind {
    /// Keys of a section of the resource (`spec.bgp`) that are known and not used.
    func storedKeys(in section: String) -> [String] {
        switch (self, section) {
        case (.node, ""): ["status"]
        case (.node, "spec"):
            [
                "addresses", "ipv4VXLANTunnelAddr", "ipv6VXLANTunnelAddr", "orchRefs", "vxlanTunnelMACAddr",
                "vxlanTunnelMACAddrV6", "wireguard",
            ]
        case (.node, "spec.bgp"): ["asNumber", "ipv6Address", "routeReflectorClusterID"]
        case (.pool, "spec"):
            ["allowedUses", "assignmentMode", "disableBGPExport", "namespaceSelector", "nodeSelector"]
        default: []
        }
    }
}

/// Checks for resources that are about to be stored; nobody who reads them here would find these mistakes.
extension ResourceReader {
    mutating func checkStoredFields(ofNode spec: YAMLMapping, _ metadata: YAMLMapping) {
        check(metadata["labels"]) { labels throws(SourceError) in
            for entry in try labels.mapping().entries {
                let name = entry.key.split(separator: "/", omittingEmptySubsequences: false).last ?? ""
                guard !name.isEmpty, isLabel(name) else {
                    throw entry.error(
                        "\(quotedForPeople(entry.key)) is no label name",
                        "write at most 63 letters, digits, '-', '_' and '.'")
                }
                let text = try entry.value.string()
                guard isLabel(text) else {
                    throw entry.value.error(
                        "\(quotedForPeople(text)) is no label value",
                        "write at most 63 letters, digits, '-', '_' and '.'")
                }
            }
        }
        guard let value = spec["bgp"], let bgp = try? value.mapping() else { return }
        if bgp.entries.isEmpty { errors.append(value.error("is empty", "write ipv4Address, or leave bgp out")) }
        check(bgp["asNumber"]) { value throws(SourceError) in
            guard let text = value.scalarText, isASNumber(text) else {
                throw value.error(
                    "\(printable(value.scalarText ?? "this")) is no AS number",
                    "write 1 to 4294967295, or a dotted one like 64512.1")
            }
        }
        check(bgp["routeReflectorClusterID"]) { value throws(SourceError) in
            let text = try value.string()
            guard IPv4Address(text) != nil else {
                throw value.error("\(printable(text)) is no cluster ID", "write it like 244.0.0.1")
            }
        }
    }

    /// - Parameter isIPv6: IP-in-IP has no such pools.
    mutating func checkStoredFields(ofPool spec: YAMLMapping, isIPv6: Bool) {
        check(spec["disableBGPExport"]) { value throws(SourceError) in _ = try value.boolean() }
        check(spec["assignmentMode"]) { value throws(SourceError) in
            try value.requireName(among: ["Automatic", "Manual"], as: "assignment mode")
        }
        check(spec["allowedUses"]) { list throws(SourceError) in
            for use in try list.sequence() {
                try use.requireName(among: ["Workload", "Tunnel", "LoadBalancer"], as: "use")
            }
        }
        check(spec["nodeSelector"]) { value throws(SourceError) in
            if let problem = SelectorSyntax.problem(in: try value.string()) {
                throw value.error(problem, "write a selector like rack == 'r1'")
            }
        }
        if isIPv6 {
            check(spec["ipipMode"]) { value throws(SourceError) in
                let isNever = try value.string() == "Never"
                if !isNever { throw value.error("IP-in-IP carries IPv4 only", "set ipipMode to Never") }
            }
        }
    }

    private mutating func check(_ value: YAMLValue?, _ body: (YAMLValue) throws(SourceError) -> Void) {
        guard let value else { return }
        _ = take { () throws(SourceError) in try body(value) }
    }
}

/// What Kubernetes takes as the value of a label, and as its name behind a '/'.
private func isLabel(_ text: some StringProtocol) -> Bool {
    let bytes = Array(text.utf8)
    guard let first = bytes.first, let last = bytes.last else { return true }
    return bytes.count <= 63 && isAlphanumeric(first) && isAlphanumeric(last)
        && bytes.allSatisfy { isAlphanumeric($0) || "-_.".utf8.contains($0) }
}

private func isAlphanumeric(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
    default: false
    }
}

/// RFC 5396: asplain, or asdot with two halves of 16 bits.
private func isASNumber(_ text: String) -> Bool {
    guard text.utf8.allSatisfy({ isAlphanumeric($0) || $0 == UInt8(ascii: ".") }) else { return false }
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    switch parts.count {
    case 1: return (UInt32(parts[0]) ?? 0) > 0
    case 2:
        guard let high = UInt16(parts[0]), let low = UInt16(parts[1]) else { return false }
        return high > 0 || low > 0
    default: return false
    }
}

private func quotedForPeople(_ text: String) -> String { "\"\(printable(text))\"" }

extension YAMLValue {
    fileprivate func requireName(among names: [String], as what: String) throws(SourceError) {
        let text = try string()
        guard !names.contains(text) else { return }
        let all = names.dropLast().joined(separator: ", ") + " or " + (names.last ?? "")
        throw error("\(printable(text)) is no \(what)", "write \(all)")
    }
}
