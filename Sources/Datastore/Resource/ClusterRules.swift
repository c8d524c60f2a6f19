// What resources must be to each other: asked before something is stored, against the cluster as it would be then.

internal import Net
internal import Overlay

/// Looks at resources that are about to be applied, beside those that are stored and stay.
struct ClusterRules {
    private(set) var errors: [SourceError] = []
    private(set) var notes = NoteCounter()
    private let inputs: [ResourceObject]
    /// Stored ones that are replaced.
    private var replaced: [ResourceIdentity: ResourceObject] = [:]
    /// The cluster as it would be: what stays, then the inputs.
    private let objects: [ResourceObject]
    private let firstInput: Int

    init(applying inputs: [ResourceObject], to stored: [ResourceObject]) {
        let given = Set(inputs.map(\.identity))
        let others = stored.filter { !given.contains($0.identity) }
        self.inputs = inputs
        objects = others + inputs
        firstInput = others.count
        for object in stored where given.contains(object.identity) { replaced[object.identity] = object }
        checkNodes()
        checkPools()
        checkBlocks()
    }

    // MARK: - Nodes

    private mutating func checkNodes() {
        var addresses: [IPv4Address: ResourceObject] = [:]
        var tunnelAddresses: [IPv4Address: ResourceObject] = [:]
        for (index, object) in objects.enumerated() {
            guard case .node(let node)? = object.value else { continue }
            if let other = addresses[node.address.address], index >= firstInput {
                errors.append(
                    object.error(
                        at: "spec.bgp.ipv4Address",
                        "\(node.address.address) is the address of \(other.identity) (\(place(of: other)))",
                        "give each node its own"))
            }
            addresses[node.address.address] = addresses[node.address.address] ?? object
            guard let address = node.tunnelAddress else { continue }
            if let other = tunnelAddresses[address], index >= firstInput {
                errors.append(
                    object.error(
                        at: "spec.bgp.ipv4IPIPTunnelAddr",
                        "\(address) is the tunnel address of \(other.identity) (\(place(of: other)))",
                        "choose another"))
            }
            tunnelAddresses[address] = tunnelAddresses[address] ?? object
        }
    }

    // MARK: - Pools

    private mutating func checkPools() {
        for index in firstInput..<objects.count {
            let object = objects[index]
            guard case .pool(let pool)? = object.value else { continue }
            for other in objects[..<index] {
                guard case .pool(let earlier)? = other.value, earlier.prefix.overlaps(pool.prefix) else { continue }
                let (problem, remedy) = ClusterRules.overlap(of: pool, with: earlier, at: place(of: other))
                errors.append(object.error(at: "spec.cidr", problem, remedy))
            }
            if case .pool(let old)? = replaced[object.identity]?.value {
                let remedy = "create a second pool, disable this one, and delete it when it is empty"
                if old.prefix != pool.prefix {
                    errors.append(object.error(at: "spec.cidr", "cannot be changed from \(old.prefix)", remedy))
                }
                if old.blockSize != pool.blockSize {
                    errors.append(object.error(at: "spec.blockSize", "cannot be changed from \(old.blockSize)", remedy))
                }
            } else if replaced[object.identity] == nil {
                checkBlockSizes(of: pool, object)
            }
        }
    }

    /// What is said of two pools that share addresses.
    static func overlap(of pool: Pool, with other: Pool, at place: String) -> (problem: String, remedy: String) {
        (
            "\(pool.prefix) overlaps \(other.prefix) of IPPool \(printable(other.name)) in \(place), which is used",
            "change or remove one of the two"
        )
    }

    private mutating func checkBlockSizes(of pool: Pool, _ object: ResourceObject) {
        var first: Block?
        var count = 0
        for case .block(let block)? in objects.lazy.map(\.value)
        where pool.prefix.contains(block.prefix) && block.prefix.length < 32 && block.prefix.length != pool.blockSize {
            first = first ?? block
            count += 1
        }
        guard let first else { return }
        let found = count == 1 ? "a block of another size lies" : "\(count) blocks of another size lie"
        errors.append(
            object.error(
                at: "spec.blockSize",
                "\(found) in the pool (first \(first.prefix) of \(printable(first.node)))",
                first.prefix.length >= 20
                    ? "set spec.blockSize to \(first.prefix.length), or delete what does not fit"
                    : "delete what does not fit"))
    }

    // MARK: - Blocks

    private mutating func checkBlocks() {
        let claims = ClaimIndex(objects)
        var nodes: Set<String> = []
        var pools: [Pool] = []
        for object in objects {
            // A Node that is no peer yet is one all the same.
            if object.identity.kind == .node { nodes.insert(object.identity.name) }
            if case .pool(let pool)? = object.value { pools.append(pool) }
        }
        for index in firstInput..<objects.count {
            let object = objects[index]
            guard case .block(let block)? = object.value else { continue }
            if case .block(let old)? = replaced[object.identity]?.value, old.prefix != block.prefix {
                errors.append(
                    object.error(
                        at: "spec.cidr", "cannot be changed from \(old.prefix)",
                        "delete the claim and apply a new one"))
            }
            // Of two inputs, the second is told of.
            if let (other, theirs) = claims.conflict(with: block, of: index) {
                let owner = "node \(printable(theirs.node)) (\(place(of: objects[other])))"
                errors.append(
                    theirs.prefix == block.prefix
                        ? object.error(
                            at: "spec.cidr", "\(block.prefix) is claimed by \(owner)", "delete that claim first")
                        : object.error(
                            at: "spec.cidr", "\(block.prefix) overlaps \(theirs.prefix) of \(owner)",
                            "choose another block"))
            }
            let pool = pools.first { $0.prefix.contains(block.prefix) }
            if !nodes.contains(block.node) { note("there is no Node \(printable(block.node))", object) }
            if let pool, block.prefix.length != 32, block.prefix.length != pool.blockSize {
                note(
                    "\(block.prefix) is no block of IPPool \(printable(pool.name)), whose blocks are /\(pool.blockSize)",
                    object)
            } else if pool == nil {
                note("\(block.prefix) lies in no IPPool", object)
            }
        }
    }

    private mutating func note(_ text: String, _ object: ResourceObject) {
        notes.note("note: \(text)", at: "\(object.file):\(object.line)")
    }

    /// A stored one by its file's name, an input as it was named.
    private func place(of object: ResourceObject) -> String {
        inputs.contains { $0.file == object.file } ? "\(object.file):\(object.line)" : object.place
    }
}
