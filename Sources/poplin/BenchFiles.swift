// The report's files: one that cannot be written keeps neither the other nor the table from a person.

internal import Datastore
internal import LinuxSystem
internal import Report

struct BenchFiles {
    let directory: String
    let name: String

    private func path(_ ending: String) -> String { "\(directory)/\(name).\(ending)" }

    /// That a file can be made here at all, before anything is measured for minutes.
    func checkWritable() throws {
        let probe = "\(directory)/.\(name).\(Host.processID).probe"
        do {
            try TextFile.replace(probe, with: "")
            try Directory.removeFile(probe)
        } catch {
            throw CommandError("\(error): the report could not be written there; name another --directory")
        }
    }

    /// Writes both.
    func write(_ report: BenchReport) throws {
        var problems: [String] = []
        let texts: [(String, () throws -> String)] = [
            ("json", { String(decoding: try JSON.encode(report), as: UTF8.self) }),
            ("html", { ReportPage.render(report) }),
        ]
        for (ending, text) in texts {
            do {
                try TextFile.replace(path(ending), with: try text())
                Terminal.say(path(ending))
            } catch {
                problems.append("\(path(ending)) could not be written: \(error)")
            }
        }
        guard problems.isEmpty else { throw CommandError(problems.joined(separator: "\n")) }
    }
}
