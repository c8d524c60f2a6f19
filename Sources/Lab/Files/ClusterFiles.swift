// The resources of the cluster in Calico's v3 schema, one file each, replaced so that no reader sees half of one.

public import Net
internal import LinuxSystem

/// A resource as it stands in a file.
public struct LabResource: Hashable, Sendable {
    /// The file's name without its ending.
    public var name: String
    /// YAML.
    public var text: String

    /// A resource of any kind.
    public init(name: String, text: String) {
        self.name = name
        self.text = text
    }

    /// A `Node`.
    public static func node(
        _ name: String, address: IPv4InterfaceAddress, tunnelAddress: IPv4Address? = nil
    ) -> LabResource {
        let tunnel = tunnelAddress.map { ", ipv4IPIPTunnelAddr: \($0)" } ?? ""
        return LabResource(
            name: "node-\(name)",
            text: document("Node", name, "{bgp: {ipv4Address: \(address)\(tunnel)}}"))
    }

    /// An `IPPool`.
    public static func pool(_ pool: PoolSpecification) -> LabResource {
        let nat = pool.natOutgoing ? ", natOutgoing: true" : ""
        let spec = "{cidr: \(pool.prefix), ipipMode: \(pool.ipipMode.rawValue), blockSize: \(pool.blockSize)\(nat)}"
        return LabResource(name: "pool-\(pool.name)", text: document("IPPool", pool.name, spec))
    }

    /// A `BlockAffinity`.
    public static func block(_ prefix: IPv4Prefix, node: String) -> LabResource {
        let dashes = String(prefix.description.map { $0 == "." || $0 == "/" ? "-" : $0 })
        return LabResource(
            name: "block-\(node)-\(dashes)",
            text: document(
                "BlockAffinity", "\(node)-\(dashes)", "{cidr: \(prefix), node: \(node), state: confirmed}"))
    }

    private static func document(_ kind: String, _ name: String, _ spec: String) -> String {
        """
        apiVersion: projectcalico.org/v3
        kind: \(kind)
        metadata: {name: \(name)}
        spec: \(spec)

        """
    }
}

extension NodeSpecification {
    /// The node and its blocks, as the cluster knows them.
    var resources: [LabResource] {
        guard isRegistered else { return [] }
        let node = LabResource.node(
            name, address: resourceAddress ?? address, tunnelAddress: tunnelAddress)
        return [node] + blocks.map { LabResource.block($0, node: name) }
    }

    /// The content of its node.yaml.
    func config(_ directory: LabDirectory) -> String {
        var lines = ["node: \(name)", "address: \(address)"]
        if let ipipMode { lines.append("ipipMode: \(ipipMode.rawValue)") }
        lines += [
            "dataplane: \(dataplane)", "datastore:", "  file: \(directory.cluster)",
            "runDirectory: \(directory.run(name))",
        ]
        if !extraConfig.isEmpty { lines.append(extraConfig) }
        return lines.joined(separator: "\n") + "\n"
    }
}

extension LabDirectory {
    func write(_ resources: [LabResource]) throws {
        for resource in resources {
            try TextFile.replace("\(cluster)/\(resource.name).yaml", with: resource.text)
        }
    }

    func removeResource(_ name: String) throws {
        try Directory.removeFile("\(cluster)/\(name).yaml")
    }
}
