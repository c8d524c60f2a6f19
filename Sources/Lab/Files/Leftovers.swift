// Taking a lab away by its files alone: the same way for an orderly end and after a crash.

internal import LinuxSystem

enum Leftovers {
    /// Ends the lab's processes, deletes its namespaces and then its files; goes on past failures.
    ///
    /// - Returns: what could not be taken away, one line each.
    static func remove(_ directory: LabDirectory) -> [String] {
        var problems: [String] = []
        // All are told first, so that they end side by side.
        let processes = directory.processes
        for process in processes { process.signal(Signals.terminate) }
        for process in processes where !process.end() {
            problems.append("process \(process.pid) does not end")
        }
        for host in directory.hosts {
            do throws(SyscallError) {
                try NetworkNamespace.delete(host.namespace)
            } catch {
                if error.code != ErrorNumber.notFound { problems.append("\(error)") }
            }
        }
        // The lists stay as long as something is left that they name.
        guard problems.isEmpty else { return problems }
        do {
            try directory.remove()
        } catch {
            problems.append("\(directory.path): \(error)")
        }
        return problems
    }

    /// Takes away the labs whose process ended without doing so.
    static func removeAbandoned() -> [String] {
        do {
            return try LabDirectory.locked {
                var problems: [String] = []
                for name in LabDirectory.labs {
                    let directory = LabDirectory(lab: name)
                    guard case .process(let owner) = directory.owner, !owner.isRunning else { continue }
                    problems += remove(directory)
                }
                return problems
            }
        } catch {
            return ["\(error)"]
        }
    }
}
