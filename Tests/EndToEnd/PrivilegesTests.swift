// The agent has two capabilities, four with programs, and needs no more; its packet thread has none.

import Lab
import LinuxSystem
import Testing

extension EndToEndTests {
    @Suite("Privileges")
    struct Privileges {
        @Test(.tiers(.userspace, .bpf, .bpfMixed, because: "where the driver carries there is no thread for packets"))
        func `The agent keeps CAP_NET_ADMIN and CAP_NET_RAW and what its tier needs, and its packet thread nothing`()
            throws
        {
            try withLab(Self.specification) { lab in
                let threads = try Self.threads(of: try #require(lab.agent("n1")).pid)
                #expect(threads.map(\.name).contains("poplin-packets"), "\(threads)")
                for thread in threads {
                    let isPackets = thread.name == "poplin-packets"
                    let kept: UInt64 = isPackets ? 0 : Self.rights
                    #expect(thread.effective == kept && thread.permitted == kept, "\(thread)")
                    #expect(thread.inheritable == 0 && thread.ambient == 0, "\(thread)")
                    #expect(thread.bounding == Self.rights, "\(thread)")
                    #expect(thread.hasNoNewPrivileges == isPackets, "\(thread)")
                }
                #expect(try lab.ping(from: "w1", to: "w3").isComplete)
            }
        }

        @Test func `An ordinary user with the tier's capabilities can run the agent, and replace it`() throws {
            try withIdleLab(Self.specification) { lab in
                try lab.startAgent(on: "n3")
                try lab.waitReady("n3")
                let run = lab.runDirectory("n1")
                _ = try ChildProcess.run("chown", ["\(Self.nobody)", run])
                let node = try lab.host("n1")
                // A new tunnel device would be strict.
                try node.sysctl("net/ipv4/conf/default/rp_filter", "1")
                let agent = try Self.startAsNobody(lab, on: node, ["agent", "--config", lab.configPath("n1")])
                try lab.waitStatus("n1", "the agent") { $0.ready && $0.pid == agent.pid }
                for thread in try Self.threads(of: agent.pid) {
                    let kept: UInt64 = thread.name == "poplin-packets" ? 0 : Self.rights
                    #expect(thread.user == Self.nobody && thread.effective == kept, "\(thread)")
                }
                let report = try lab.ping(from: "w1", to: "w3")
                #expect(report.isComplete, "\(report.summary)")
                #expect(try node.run { try Sysctl.read("net/ipv4/ip_forward") } == "1")
                #expect(try node.run { try Sysctl.read("net/ipv4/conf/tunl0/rp_filter") } == "2")

                let successor = try Self.startAsNobody(
                    lab, on: node, ["agent", "--config", lab.configPath("n1"), "--take-over"])
                #expect(try agent.wait(timeoutMilliseconds: 20_000) == .code(0))
                try lab.waitStatus("n1", "the successor") { $0.ready && $0.pid == successor.pid }
                #expect(try lab.ping(from: "w1", to: "w3").isComplete)
                try successor.terminate()
                #expect(try successor.wait(timeoutMilliseconds: 30_000) == .code(0))
            }
        }

        @Test(.tiers(.userspace, .bpf, .bpfMixed, because: "the driver takes neither a TUN device nor a raw socket"))
        func `What an ordinary user lacks is named in one line`() throws {
            try withIdleLab(Self.specification) { lab in
                let arguments = ["agent", "--config", lab.configPath("n1")]
                let log = lab.logPath("n1")
                let node = try lab.host("n1")
                var refusals: [(device: String, lacking: Right?, word: String)] = [
                    ("600", nil, "/dev/net/tun: Permission denied"),
                    ("666", .netRaw, "CAP_NET_RAW"), ("666", .netAdmin, "CAP_NET_ADMIN"),
                ]
                if Right.ofTier.contains(.bpf) { refusals.append(("666", .bpf, "CAP_BPF")) }
                for (device, lacking, word) in refusals {
                    try TextFile.replace(log, with: "")
                    let agent = try Self.startAsNobody(
                        lab, on: node, arguments, deviceMode: device,
                        rights: Right.ofTier.filter { $0 != lacking })
                    #expect(try agent.wait(timeoutMilliseconds: 30_000) == .code(1))
                    let text = try TextFile.read(log)
                    #expect(text.split(separator: "\n").count == 1 && text.contains(word), "\(text)")
                }
            }
        }

        @Test func `A config that only others may read is refused in one line`() throws {
            try withIdleLab(Self.specification) { lab in
                let path = lab.configPath("n1")
                _ = try ChildProcess.run("chown", ["\(Self.nobody)", path])
                _ = try ChildProcess.run("chmod", ["600", path])
                let result = try PoplinProgram.run(["agent", "--config", path], on: try lab.host("n1"))
                #expect(result.status == .code(1))
                #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
                #expect(result.errors.contains("\(path): Permission denied"), "\(result.errors)")
            }
        }

        // MARK: - An ordinary user

        private static let nobody: UInt32 = 65534
        /// A capability by its number, with the name that setpriv knows it by.
        private enum Right: UInt64, CaseIterable {
            case netAdmin = 12
            case netRaw = 13
            case perfmon = 38
            case bpf = 39

            var name: String {
                switch self {
                case .netAdmin: "net_admin"
                case .netRaw: "net_raw"
                case .perfmon: "perfmon"
                case .bpf: "bpf"
                }
            }

            /// What n1's tier needs: the latter two are for programs.
            static var ofTier: [Right] {
                Tiers.current.dataplane(of: "n1") == "bpf" ? allCases : [.netAdmin, .netRaw]
            }
        }

        private static let rights = Right.ofTier.reduce(0 as UInt64) { $0 | 1 << $1.rawValue }

        /// Starts the program as a user with nothing but these capabilities, with a device file of its own for TUN, since
        /// the host's may be root's alone. What it writes goes into the node's log.
        private static func startAsNobody(
            _ lab: Lab, on node: LabHost, _ arguments: [String], deviceMode: String = "666",
            rights: [Right] = Right.ofTier
        ) throws -> ChildProcess {
            let capabilities = rights.map { "+\($0.name)" }.joined(separator: ",")
            let binary = try #require(Lab.findAgentBinary(), "no poplin program: build it or name it in POPLIN_BIN")
            // The program is put there as well: its own directory may be closed to others.
            let script = """
                mount -t tmpfs -o mode=755 none /dev/net && mknod /dev/net/tun c 10 200 && chmod \(deviceMode) /dev/net/tun &&
                touch /dev/net/poplin && mount --bind "$0" /dev/net/poplin &&
                exec setpriv --reuid=\(nobody) --regid=\(nobody) --clear-groups --inh-caps=-all,\(capabilities) \
                --ambient-caps=-all,\(capabilities) /dev/net/poplin "$@"
                """
            let log = ChildProcess.Output.file(lab.logPath("n1"))
            return try ChildProcess.spawn(
                "unshare", ["--mount", "sh", "-c", script, binary] + arguments,
                environment: ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"],
                inNamespace: node.namespace, output: log, errors: log)
        }

        private static var specification: LabSpecification {
            var specification = LabSpecification.twoNodes()
            specification.hasSniffer = false
            return specification
        }

        // MARK: - What the kernel says of a thread

        private struct ThreadRights: CustomStringConvertible {
            let name: String
            let fields: [Substring: Substring]

            var description: String { "\(name): \(fields)" }
            var user: UInt32? { fields["Uid"]?.split(separator: "\t").first.flatMap { UInt32($0) } }
            var effective: UInt64? { mask("CapEff") }
            var permitted: UInt64? { mask("CapPrm") }
            var inheritable: UInt64? { mask("CapInh") }
            var bounding: UInt64? { mask("CapBnd") }
            var ambient: UInt64? { mask("CapAmb") }
            var hasNoNewPrivileges: Bool { fields["NoNewPrivs"] == "1" }

            private func mask(_ field: Substring) -> UInt64? { fields[field].flatMap { UInt64($0, radix: 16) } }
        }

        /// All threads but those that live for one answer only.
        private static func threads(of process: Int32) throws -> [ThreadRights] {
            try ProcessThread.all(of: process).map { thread in
                let kept = thread.fields.filter { $0.key.hasPrefix("Cap") || $0.key == "NoNewPrivs" || $0.key == "Uid" }
                return ThreadRights(name: String(thread.name), fields: kept)
            }
        }
    }
}
