// Bad, half-written and oversized resources change nothing for the traffic, are named, and hold up none of the others.

import Lab
import LinuxSystem
import Net
import Rtnetlink
import Testing

extension EndToEndTests {
    @Suite("Bad resources")
    struct BadInputResources {
        @Test(arguments: BadResource.allCases)
        func `Traffic goes on, status names the place, and other resources still apply`(bad: BadResource) throws {
            try withLab(Self.specification) { lab in
                let pingers = try [
                    lab.startSteadyPing(from: "w1", to: "w3"), lab.startSteadyPing(from: "w1", to: "w2"),
                ]
                let before = try lab.ownRoutes("n1").map(\.destination)
                let path = "\(lab.clusterDirectory)/\(bad.file)"
                let good = try? TextFile.readBytes(path)
                try bad.put(at: path, good: good ?? [])
                let status = try lab.waitStatus("n1", "a warning that names the file") { status in
                    status.warnings?.contains { $0.code == "datastore" && $0.message.contains(path) } == true
                }
                let named = status.warnings?.first { $0.message.contains(path) }?.message ?? ""
                #expect(named.contains("\(path)\(bad.place)"), "\(named)")
                #expect(named.contains(bad.problem), "\(named)")
                #expect(!named.contains("\n"))
                #expect(try lab.ownRoutes("n1").map(\.destination) == before)
                #expect(lab.logTail("n1", lines: 20).contains("\(path)\(bad.place)"))

                let other = prefix("10.244.9.0/26")
                try lab.write([.block(other, node: "n2")])
                try waitUntil("another resource to apply") { try lab.ownRoute("n1", to: other) != nil }

                if let good { try Files.write(path, good) } else { try bad.remove(path) }
                try lab.waitStatus("n1", "the warning to go") { $0.ready && $0.ownWarnings?.isEmpty == true }
                #expect(Set(try lab.ownRoutes("n1").map(\.destination)) == Set(before + [other]))
                for pinger in pingers {
                    try waitUntil("replies") { pinger.received > 20 }
                    let report = pinger.stop()
                    #expect(report.isComplete, "\(report.summary)")
                }
            }
        }

        @Test(arguments: [true, false])
        func `A resource that is being written is taken when it is finished, never half`(isNew: Bool) throws {
            try withLab(Self.specification) { lab in
                let pinger = try lab.startSteadyPing(from: "w1", to: "w3")
                let blocks = [prefix("10.244.3.0/26"), prefix("10.244.8.0/26"), prefix("10.244.9.0/26")]
                let all = blocks.map { LabResource.block($0, node: "n3").text }.joined(separator: "---\n")
                let name = isNew ? "many" : LabResource.block(blocks[0], node: "n3").name
                let text = isNew ? LabResource.block(blocks[1], node: "n3").text : all
                // Cut where the first half is good YAML, and says something else than the whole.
                let half = text.prefix(isNew ? text.count - 20 : text.count / 2)

                var file = try HalfWrittenFile("\(lab.clusterDirectory)/\(name).yaml")
                try file.append(half)
                try lab.write([.block(blocks[2], node: "n2")])
                try waitUntil("another resource to apply") { try lab.ownRoute("n1", to: blocks[2]) != nil }
                #expect(try lab.ownRoute("n1", to: blocks[0]) != nil)
                #expect(try lab.ownRoute("n1", to: blocks[1]) == nil)
                #expect(try lab.status("n1")?.warnings?.contains { $0.message.contains("not YAML") } == false)

                try file.append(text.dropFirst(half.count))
                file.close()
                try lab.removeResource(LabResource.block(blocks[2], node: "n2").name)
                try waitUntil("the finished resource to apply") { try lab.ownRoute("n1", to: blocks[1]) != nil }
                try lab.waitStatus("n1", "no warning") { $0.ready && $0.ownWarnings?.isEmpty == true }
                let report = pinger.stop()
                #expect(report.isComplete, "\(report.summary)")
            }
        }

        private static var specification: LabSpecification {
            var specification = LabSpecification.threeNodes()
            specification.hasSniffer = false
            return specification
        }
    }
}

/// A way in which a file of the cluster's directory can be bad.
enum BadResource: String, CaseIterable, CustomTestStringConvertible {
    case brokenYAML = "no YAML"
    case truncated = "an existing file cut off"
    case binary = "an existing file of random bytes"
    case emptied = "an existing file emptied"
    case huge = "a file beyond the limit"
    case millionLines = "a document of a million lines"
    case anothersName = "a resource with another's name"
    case wrongValue = "a prefix that is none"
    case wrongType = "a list where a text belongs"
    case directory = "a directory with a file's name"
    case anchorBomb = "YAML that expands without end"

    var testDescription: String { rawValue }

    /// The file's name in the cluster's directory.
    var file: String {
        switch self {
        case .truncated, .binary, .emptied: "block-n3-10-244-3-0-26.yaml"
        default: "zz-bad.yaml"
        }
    }

    /// The line that the error names, where there is one to name.
    var place: String {
        switch self {
        case .brokenYAML: ":2:"
        case .wrongValue, .wrongType: ":4:"
        // It is missed where the text ends.
        case .truncated: ":5:"
        case .binary, .emptied, .huge, .directory: ":"
        case .millionLines, .anothersName: ":1:"
        case .anchorBomb: ":"
        }
    }

    /// What the error says.
    var problem: String {
        switch self {
        case .binary: "UTF-8"
        case .emptied: "empty"
        case .huge: "larger than the limit"
        case .millionLines: "separate the resources"
        case .anothersName: "a second Node n3"
        case .directory: "not a regular file"
        default: ""
        }
    }

    /// Makes it so.
    func put(at path: String, good: [UInt8]) throws {
        let header = "apiVersion: projectcalico.org/v3\nkind: "
        switch self {
        case .brokenYAML: try Files.write(path, Array("apiVersion: [\n".utf8))
        case .truncated: try Files.write(path, Array(good.prefix(good.count - 25)))
        case .binary:
            var random = SystemRandomNumberGenerator()
            try Files.write(path, [0xFF] + (0..<4096).map { _ in UInt8.random(in: 0...255, using: &random) })
        case .emptied: try Files.write(path, [])
        case .huge:
            var file = try HalfWrittenFile(path)
            try file.grow(to: (64 << 20) + 1)
            file.close()
        case .millionLines:
            try Files.write(path, Array((String(repeating: "- nothing\n", count: 999_999) + "spec: }\n").utf8))
        case .anothersName:
            let node = "\(header)Node\nmetadata: {name: n3}\nspec: {bgp: {ipv4Address: 10.0.2.99/24}}\n"
            try Files.write(path, Array(node.utf8))
        case .wrongValue:
            try Files.write(path, Array("\(header)IPPool\nmetadata: {name: x}\nspec: {cidr: 10.9.0.0/99}\n".utf8))
        case .wrongType:
            let spec = "{cidr: [10.9.0.0/26], node: n3, state: confirmed}"
            try Files.write(path, Array("\(header)BlockAffinity\nmetadata: {name: x}\nspec: \(spec)\n".utf8))
        case .directory: try Directory.create(path)
        case .anchorBomb:
            var text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
            for level in 1...9 {
                let list = Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", ")
                text += "a\(level): &a\(level) [\(list)]\n"
            }
            try Files.write(path, Array(text.utf8))
        }
    }

    func remove(_ path: String) throws {
        if self == .directory { try Files.removeDirectory(path) } else { try Directory.removeFile(path) }
    }
}
