// Programs that every administrator has (ip, tc, nft, ethtool), run on a host of a lab.

import Lab
import LinuxSystem
import TestSupport
import Testing

extension LabHost {
    /// Runs one of them, which must succeed, and gives what it says.
    @discardableResult
    func tool(_ program: String, _ arguments: [String]) throws -> String {
        let result = try execute(try #require(Requirement.path(of: program)), arguments)
        try #require(result.status.isSuccess, "\(program) \(arguments): \(result.errors)")
        return result.output
    }

    /// Runs one of them as it would be typed, without quotation marks.
    @discardableResult
    func tool(_ command: String) throws -> String {
        let words = command.split(separator: " ").map(String.init)
        return try tool(try #require(words.first), Array(words.dropFirst()))
    }
}
