// The C compiler that stands beside swift, for what a test needs in C.

import Foundation
import LinuxSystem
import TestSupport
import Testing

/// Swift's own clang.
enum Clang {
    /// Its path; nil where there is none.
    static let path: String? = {
        let search = ProcessInfo.processInfo.environment["PATH"] ?? ""
        for directory in search.split(separator: ":") where File.exists("\(directory)/swift") {
            // On PATH there may be a link; clang stands beside what it leads to.
            let swift = URL(fileURLWithPath: "\(directory)/swift").resolvingSymlinksInPath()
            let clang = swift.deletingLastPathComponent().path + "/clang"
            if File.exists(clang) { return clang }
        }
        return nil
    }()

    /// For tests that cannot do without.
    static let requirement = Requirement(name: "clang", missing: path == nil ? "there is no clang beside swift" : nil)

    /// Compiles a file of `Tests/EndToEnd/Support`; warnings are errors.
    static func compile(_ source: String, to output: String, _ arguments: [String]) throws {
        let clang = try #require(path, "there is no clang beside swift")
        let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/\(source)"
        let options = ["-O2", "-Wall", "-Wextra", "-Werror"] + arguments
        let result = try ChildProcess.run(clang, options + [source, "-o", output])
        try #require(result.status.isSuccess, "\(result.errors)")
    }
}
