// What makes a name or an address possible at all, said once for resources and for the node config.

public import Net

/// Rules that names and addresses of nodes keep, whoever writes them.
public enum NodeRules {
    /// Why `name` is no node or resource name; nil where it is one.
    ///
    /// The rule is Kubernetes': an RFC 1123 subdomain of at most 253 characters;
    /// a part of it may be longer than a DNS label, since Calico puts node name and range into one.
    public static func problem(withName name: String) -> String? {
        guard !name.isEmpty else { return "is empty" }
        guard name.utf8.count <= 253 else { return "is longer than 253 characters" }
        for label in name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
            guard let first = label.first, let last = label.last else { return "has an empty part between dots" }
            guard label.allSatisfy({ isLetterOrDigit($0) || $0 == UInt8(ascii: "-") }) else {
                return "\(printable(name)) has characters other than a-z, 0-9, '-' and '.'"
            }
            guard isLetterOrDigit(first), isLetterOrDigit(last) else {
                return "\(printable(name)) begins or ends with '-' (or a part of it does)"
            }
        }
        return nil
    }

    /// Why `address` cannot be a node's underlay address; nil where it can.
    public static func problem(withAddress address: IPv4InterfaceAddress) -> String? {
        let first = address.address.rawValue >> 24
        switch first {
        case 0: return "\(address.address) is in 0.0.0.0/8, which is no host's"
        case 127: return "\(address.address) is a loopback address"
        case 224...239: return "\(address.address) is a multicast address"
        case 240...255: return "\(address.address) is in 240.0.0.0/4, which is reserved"
        default: break
        }
        guard address.prefixLength > 0 else { return "a prefix length of 0 puts every host on one link" }
        guard address.prefixLength < 31 else { return nil }
        if address.prefix.address == address.address { return "\(address.address) is the network's own address" }
        if address.prefix.last == address.address { return "\(address.address) is the network's broadcast address" }
        return nil
    }

    /// Why workloads cannot have addresses of `prefix`; nil where they can.
    static func problem(withPrefix prefix: IPv4Prefix) -> String? {
        guard prefix.length > 0 else { return "\(prefix) is every address there is" }
        for (special, meaning) in specialPrefixes where special.overlaps(prefix) {
            return "\(prefix) overlaps \(special), which is \(meaning)"
        }
        return nil
    }

    /// Parsed once: this is asked for every block.
    private static let specialPrefixes: [(IPv4Prefix, String)] = [
        ("0.0.0.0/8", "no host's"), ("127.0.0.0/8", "loopback"), ("169.254.0.0/16", "link-local"),
        ("224.0.0.0/4", "multicast"), ("240.0.0.0/4", "reserved"),
    ].compactMap { text, meaning in IPv4Prefix(text).map { ($0, meaning) } }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}
