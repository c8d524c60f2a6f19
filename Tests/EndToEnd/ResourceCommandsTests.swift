// `poplin apply` and `delete` beside running agents: their watch is enough, and bad input changes nothing for anybody.

import Lab
import LinuxSystem
import Net
import Rtnetlink
import Testing

extension EndToEndTests {
    @Suite("Commands for resources")
    struct ResourceCommands {
        @Test func `A running agent follows apply and delete, and bad input changes nothing`() throws {
            try withLab(Self.specification) { lab in
                let pinger = try lab.startSteadyPing(from: "w1", to: "w2")
                try lab.expectRoute("n1", to: "n2", .direct)
                try Self.apply(lab, Self.pool("Always"), "IPPool pods", "changed")
                try lab.expectRoute("n1", to: "n2", .tunnel)
                try lab.expectRoute("n2", to: "n1", .tunnel)

                let block = prefix("10.244.9.0/26")
                let claim = LabResource.block(block, node: "n3")
                try Self.apply(lab, claim.text, "BlockAffinity n3-10-244-9-0-26", "created")
                try waitUntil("the new block's route") { try lab.ownRoute("n1", to: block) != nil }
                try Self.apply(lab, claim.text, "BlockAffinity n3-10-244-9-0-26", "unchanged")

                let before = try Self.files(lab)
                let routes = try lab.ownRoutes("n1").map { "\($0)" }
                let bad = Self.pool("Sometimes") + "---\n" + LabResource.block(block, node: "n2").text
                let refused = try Self.run(lab, ["apply", "-f", try Self.input(lab, bad)])
                #expect(refused.status == .code(1) && refused.output.isEmpty)
                let lines = refused.errors.split(separator: "\n")
                #expect(lines.count == 2, "\(refused.errors)")
                #expect(lines.first?.contains("c.yaml:4: spec.ipipMode: Sometimes is no mode; write Never,") == true)
                #expect(lines.last?.contains("10.244.9.0/26 is claimed by node n3 (") == true)
                let inUse = try Self.run(lab, ["delete", "node", "n3"])
                #expect(inUse.status == .code(1) && inUse.errors.contains("2 blocks belong to it"), "\(inUse.errors)")
                #expect(try Self.files(lab) == before)
                #expect(try lab.ownRoutes("n1").map { "\($0)" } == routes)

                let deleted = try Self.run(lab, ["delete", "blockaffinity", "n3-10-244-9-0-26"])
                #expect(deleted.status == .code(0), "\(deleted.errors)")
                try waitUntil("the block's route to go") { try lab.ownRoute("n1", to: block) == nil }
                #expect(try Self.files(lab).keys.contains { $0.contains("10-244-9-0") } == false)
                try lab.waitStatus("n1", "no warning") { $0.ready && $0.ownWarnings?.isEmpty == true }
                let received = pinger.received
                try waitUntil("more replies") { pinger.received > received + 20 }
                let report = pinger.stop()
                #expect(report.isComplete, "\(report.summary)")
            }
        }

        private static func apply(_ lab: Lab, _ text: String, _ resource: String, _ action: String) throws {
            let result = try run(lab, ["apply", "-f", try input(lab, text)])
            #expect(result.status == .code(0) && result.errors.isEmpty, "\(result.errors)")
            #expect(result.output.hasPrefix("\(resource)  \(action)  "), "\(result.output)")
        }

        private static func run(_ lab: Lab, _ arguments: [String]) throws -> ProgramResult {
            try PoplinProgram.run(arguments + ["--config", lab.configPath("n1")], on: try lab.host("n1"))
        }

        private static func input(_ lab: Lab, _ text: String) throws -> String {
            let path = "\(lab.clusterDirectory)/../c.yaml"
            try TextFile.replace(path, with: text)
            return path
        }

        private static func files(_ lab: Lab) throws -> [String: String] {
            let directory = lab.clusterDirectory
            return Dictionary(
                uniqueKeysWithValues: try Directory.list(directory).map {
                    ($0, try TextFile.read("\(directory)/\($0)"))
                })
        }

        private static func pool(_ mode: String) -> String {
            """
            apiVersion: projectcalico.org/v3
            kind: IPPool
            metadata: {name: pods}
            spec: {cidr: 10.244.0.0/16, ipipMode: \(mode), blockSize: 26}

            """
        }

        private static var specification: LabSpecification {
            var specification = LabSpecification.threeNodes()
            specification.hasSniffer = false
            return specification
        }
    }
}
