// Documents for the tests of this folder, and what is read from them.

@testable import Datastore

/// Documents for tests.
enum Sample {
    static func node(_ name: String, _ address: String, extra: String = "") -> String {
        """
        apiVersion: projectcalico.org/v3
        kind: Node
        metadata:
          name: \(name)
        spec:
          bgp:
            ipv4Address: \(address)\(extra)

        """
    }

    static func pool(_ name: String, _ cidr: String, _ fields: String...) -> String {
        "apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: \(name)}\nspec:\n  cidr: \(cidr)\n"
            + fields.map { "  \($0)\n" }.joined()
    }

    static func block(_ name: String, _ cidr: String, node: String, _ fields: String...) -> String {
        "apiVersion: projectcalico.org/v3\nkind: BlockAffinity\nmetadata: {name: \(name)}\nspec:\n"
            + "  cidr: \(cidr)\n  node: \(node)\n" + fields.map { "  \($0)\n" }.joined()
    }

    static func stream(_ documents: String...) -> String { documents.joined(separator: "---\n") }
}

/// What became of the objects in a text.
func outcomes(_ text: String) -> (resources: [Resource], errors: [SourceError], notes: [String]) {
    var resources: [Resource] = []
    var errors: [SourceError] = []
    var reader = ResourceReader()
    do {
        try YAMLSource(Array(text.utf8), file: "f.yaml").forEachDocument { document in
            switch document {
            case .failure(let error): errors.append(error)
            case .success(let value):
                reader.read(value) { outcome in
                    switch outcome {
                    case .resource(let resource): resources.append(resource)
                    case .unused: break
                    case .refused(_, let refusals): errors += refusals
                    }
                }
            }
        }
    } catch {
        errors.append(error)
    }
    return (resources, errors, reader.notes.lines)
}
