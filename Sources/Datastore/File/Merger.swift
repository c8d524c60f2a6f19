// Joins the resources of many files into one state, refusing what excludes something that is already in it.

internal import Net
internal import Overlay

/// Collects resources; names are unique within a kind, and pools do not overlap.
struct Merger {
    private(set) var state = ClusterState()
    private(set) var errors: [SourceError] = []
    private var places: [ResourceKind: [String: Place]] = [:]
    /// Ascending and disjoint.
    private var pools: [(pool: Pool, place: Place)] = []
    private var paths: [String] = []

    private struct Place {
        var path: Int32
        var line: Int32
    }

    /// Says which file the next resources come from.
    mutating func begin(_ path: String) { paths.append(path) }

    /// Adds a resource of the file begun last.
    ///
    /// - Returns: false where it is refused; the error names both places.
    mutating func add(_ resource: Resource) -> Bool {
        let place = Place(path: Int32(clamping: paths.count - 1), line: resource.line)
        if let first = places[resource.kind]?[resource.name] {
            errors.append(
                error(
                    at: place, field: "metadata.name",
                    "a second \(resource.kind.rawValue) \(printable(resource.name)); the one in \(text(first)) is used",
                    "give it another name or remove it"))
            return false
        }
        switch resource.value {
        case .node(let node):
            state.nodes.append(node)
        case .pool(let pool):
            guard insert(pool, place) else { return false }
            state.pools.append(pool)
        case .block(let block):
            state.blocks.append(block)
        }
        places[resource.kind, default: [:]][resource.name] = place
        return true
    }

    private mutating func insert(_ pool: Pool, _ place: Place) -> Bool {
        var low = 0
        var high = pools.count
        while low < high {
            let middle = (low + high) / 2
            if pools[middle].pool.prefix < pool.prefix { low = middle + 1 } else { high = middle }
        }
        // The accepted ones are disjoint: only the two neighbours can overlap.
        for index in [low - 1, low] where pools.indices.contains(index) {
            let other = pools[index]
            guard other.pool.prefix.overlaps(pool.prefix) else { continue }
            let (problem, remedy) = ClusterRules.overlap(of: pool, with: other.pool, at: text(other.place))
            errors.append(error(at: place, field: "spec.cidr", problem, remedy))
            return false
        }
        pools.insert((pool, place), at: low)
        return true
    }

    private func text(_ place: Place) -> String { "\(paths[Int(place.path)]):\(place.line)" }

    private func error(at place: Place, field: String, _ problem: String, _ remedy: String) -> SourceError {
        SourceError(
            file: paths[Int(place.path)], line: Int(place.line), field: field, problem: problem, remedy: remedy)
    }
}
