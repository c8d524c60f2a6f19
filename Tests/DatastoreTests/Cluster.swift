// A directory of resources that tests apply to and delete from.

import TestSupport

@testable import Datastore

/// A scratch directory as a datastore.
struct Cluster {
    let scratch = ScratchDirectory()

    /// What a person gets.
    struct Outcome: Equatable {
        /// `Node n1: changed`, a line for each resource.
        var changes: [String] = []
        var notes: [String] = []
        var errors: [String] = []
    }

    init(_ files: [String: String]) {
        for (name, text) in files { scratch.write(name, text) }
    }

    /// Applies texts, which are called c.yaml, c2.yaml, ….
    func apply(_ texts: String..., isDryRun: Bool = false) -> Outcome {
        let inputs = texts.enumerated().map { index, text in
            ResourceFile(Array(text.utf8), path: index == 0 ? "c.yaml" : "c\(index + 1).yaml", isStrict: true)
        }
        return outcome(isDryRun) { directory throws(SourceErrors) in try directory.planApplying(inputs) }
    }

    /// Deletes resources of a kind.
    func delete(
        _ kind: ResourceKind, _ names: String..., ignoresMissing: Bool = false, force: Bool = false
    ) -> Outcome {
        outcome(false) { directory throws(SourceErrors) in
            try directory.planDeleting(
                names.map { ResourceIdentity(kind: kind, name: $0) }, ignoresMissing: ignoresMissing, force: force)
        }
    }

    /// All files with their texts.
    var files: [String: String] {
        let names = (try? resourceFileNames(in: scratch.path)) ?? []
        return Dictionary(uniqueKeysWithValues: names.map { ($0, scratch.read($0)) })
    }

    private func outcome(
        _ isDryRun: Bool, _ decide: (ResourceDirectory) throws(SourceErrors) -> ResourcePlan
    ) -> Outcome {
        do throws(SourceErrors) {
            let plan = try ResourceDirectory.change(scratch.path, isDryRun: isDryRun, decide)
            return Outcome(changes: plan.changes.map { "\($0.identity): \($0.action)" }, notes: plan.notes)
        } catch {
            return Outcome(errors: error.errors.map { shortened($0.description) })
        }
    }

    /// Without the directory, whose name no test knows.
    private func shortened(_ text: String) -> String {
        text.split(separator: scratch.path + "/", omittingEmptySubsequences: false).joined()
    }
}
