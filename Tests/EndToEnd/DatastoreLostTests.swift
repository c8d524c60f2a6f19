// A datastore that is lost while the agent runs changes nothing, and what it says when it is back applies at once.

import Lab
import LinuxSystem
import Net
import Rtnetlink
import Testing

extension EndToEndTests {
    @Suite("A lost datastore")
    struct DatastoreLost {
        /// How it comes back.
        enum Return: String, CaseIterable, CustomTestStringConvertible {
            case moved = "moved back"
            case copied = "another directory in its place"

            var testDescription: String { rawValue }
        }

        @Test(
            "Routes and traffic go on without it, and a block that came meanwhile is routed", arguments: Return.allCases
        )
        func lost(back: Return) throws {
            var specification = LabSpecification.threeNodes()
            specification.hasSniffer = false
            try withLab(specification) { lab in
                let watch = try KernelWatch(try lab.host("n1"))
                let pinger = try lab.startSteadyPing(from: "w1", to: "w3")
                let (directory, away) = (lab.clusterDirectory, lab.clusterDirectory + ".away")
                try Files.move(directory, to: away)
                try lab.waitStatus("n1", "a word of it") {
                    $0.warnings?.contains { $0.code == "datastore" } == true
                }
                // Whatever else makes the agent look again finds the same.
                try lab.agent("n1")?.terminate(Signals.hangup)
                try lab.host("n1").setMTU("eth0", 1400)
                try waitUntil("the tunnel device's MTU") {
                    try lab.host("n1").netlink { try $0.link(named: "tunl0")?.mtu } == 1380
                }
                let (received, routes) = (pinger.received, try lab.ownRoutes("n1").map(\.destination))
                #expect(routes == (1...3).map { prefix("10.244.\($0).0/26") })
                try waitUntil("replies") { pinger.received > received + 10 }
                try watch.drain()
                #expect(watch.changes.filter { $0.contains("route") } == [])

                let block = prefix("10.244.9.0/26")
                let resource = LabResource.block(block, node: "n3")
                try TextFile.replace("\(away)/\(resource.name).yaml", with: resource.text)
                switch back {
                case .moved: try Files.move(away, to: directory)
                case .copied:
                    // Whole before it is there: what is missing in a directory that can be read counts as deleted.
                    let copy = directory + ".copy"
                    try Directory.create(copy)
                    for name in try Directory.list(away) {
                        try TextFile.replace("\(copy)/\(name)", with: try TextFile.read("\(away)/\(name)"))
                    }
                    try Files.move(copy, to: directory)
                    try Files.removeDirectory(away)
                }
                try waitUntil("the new block's route") { try lab.ownRoute("n1", to: block) != nil }
                let status = try lab.waitReady("n1")
                #expect(status.ownWarnings == [])
                try watch.drain()
                #expect(watch.removals == [])
                let report = pinger.stop()
                #expect(report.isComplete, "\(report.summary)")
            }
        }
    }
}
