// `poplin get`: the resources of the cluster as the datastore has them.

internal import Agent
internal import ArgumentParser
internal import Datastore

struct GetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Shows resources: nodes, ippools, blockaffinities or all.",
        discussion:
            "What -o yaml and -o json show can be applied again. Exit code 1 where something is missing or unreadable.")

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case text, yaml, json
    }

    @Argument(help: ArgumentHelp("The kind, also in the plural, or all.", valueName: "kind"))
    var kinds: ResourceKinds

    @Argument(help: ArgumentHelp("Only these.", valueName: "name"))
    var names: [String] = []

    @Option(name: [.short, .long], help: "text for people, yaml and json as stored.")
    var output: Format = .text

    @OptionGroup var config: ConfigOptions

    func validate() throws {
        if names.isEmpty { return }
        if kinds.only == nil { throw ValidationError("names need one kind: 'all' shows everything") }
    }

    func run() throws {
        let directory = try ResourceDirectory(reading: config.datastoreDirectory())
        var problems = directory.errors.map(\.description)
        var resources = kinds.list.flatMap { directory.inOrder($0) }
        if let kind = kinds.only, !names.isEmpty {
            let there = Set(resources.map(\.identity.name))
            for name in names where !there.contains(name) {
                problems.append(directory.missing(ResourceIdentity(kind: kind, name: name)).description)
            }
            let wanted = Set(names)
            resources = resources.filter { wanted.contains($0.identity.name) }
        }
        switch output {
        case .text:
            if resources.isEmpty, problems.isEmpty { Terminal.say("nothing there") }
            Terminal.write(ResourceTables.render(resources, of: directory))
        case .yaml:
            Terminal.write(resources.filter { $0.fields != .null }.map(\.fields.yaml).joined(separator: "---\n"))
        case .json: try writeJSON(resources.filter { $0.fields != .null })
        }
        for problem in problems { Terminal.complain(problem) }
        if !problems.isEmpty { throw ExitCode(1) }
    }

    private struct List: Encodable {
        let apiVersion = "projectcalico.org/v3"
        let kind: String
        let items: [DocumentValue]
    }

    /// One that was asked for by its name is shown as itself.
    private func writeJSON(_ resources: [ResourceObject]) throws {
        if names.count == 1, resources.count <= 1 {
            if let resource = resources.first { try Terminal.write(json: resource.fields) }
            return
        }
        let kind = kinds.only.map { $0.rawValue + "List" } ?? "List"
        try Terminal.write(json: List(kind: kind, items: resources.map(\.fields)))
    }
}

/// The kinds that a command is about, in the words of kubectl and calicoctl.
struct ResourceKinds: ExpressibleByArgument {
    /// In the order in which they are shown.
    let list: [ResourceKind]

    /// The kind, where it is just one.
    var only: ResourceKind? { list.count == 1 ? list.first : nil }

    private static let names: [String: [ResourceKind]] = [
        "node": [.node], "nodes": [.node], "ippool": [.pool], "ippools": [.pool], "blockaffinity": [.block],
        "blockaffinities": [.block], "all": [.pool, .node, .block],
    ]

    init?(argument: String) {
        guard let kinds = ResourceKinds.names[argument.lowercased()] else { return nil }
        list = kinds
    }

    /// Those that every command takes.
    static let allValueStrings = ["node", "ippool", "blockaffinity"]
}

extension ConfigOptions {
    /// The datastore's directory, as the node config says.
    func datastoreDirectory() throws -> String {
        try ConfigFile(path: config, environment: environment).load().datastoreDirectory
    }
}
