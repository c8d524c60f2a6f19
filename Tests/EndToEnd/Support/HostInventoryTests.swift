// The look at the host after every test is itself looked at: it sees what it is for, and nothing once that is gone.

import Lab
import LinuxSystem
import Testing

extension EndToEndTests {
    @Suite("The look at the host")
    struct HostInventoryTests {
        @Test("It sees a lab's namespaces, files, agent and descriptors, and that they are gone")
        func seesALab() throws {
            let before = try HostInventory.take()
            let lab = try Lab.up(.twoNodes())
            defer { lab.down() }
            try lab.startAgent(on: "n1")
            try lab.waitReady("n1")
            let name = lab.name
            let seen = try HostInventory.take().subtracting(before)
            for thing in ["namespace poplin-\(name)-n1", "namespace poplin-\(name)-w3", "lab files of \(name)"] {
                #expect(seen.contains(thing), "\(thing)")
            }
            #expect(seen.contains { $0.hasPrefix("process ") && $0.contains("/run/poplin-lab/\(name)/nodes/n1") })
            #expect(seen.contains { $0.hasPrefix("descriptor ") && $0.contains("socket:") }, "the sniffer's")
            #expect(lab.down() == [])
            try waitUntil("all of it to be gone") { try HostInventory.take().isDisjoint(with: seen) }
        }
    }
}
