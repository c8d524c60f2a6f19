// The node config, key by key: what is taken, and what is refused with file, line and key.

import Datastore
import Net
import Overlay
import Testing

@testable import Agent

@Suite struct ConfigParsingTests {
    private func parse(_ text: String, _ environment: [String: String] = [:]) throws(SourceErrors) -> NodeConfig {
        try NodeConfig(
            parsing: Array(text.utf8), file: "/etc/poplin/node.yaml", environment: environment, hostName: "Host-1")
    }

    @Test("An empty file means the defaults", arguments: ["", "# nothing\n", "---\n", "{}"])
    func defaults(text: String) throws {
        let config = try parse(text)
        #expect(config == NodeConfig(node: "host-1"))
        #expect(config.tunnelDevice == "tunl0" && config.tunnelMTU == nil && config.ipipMode == nil)
        #expect(config.datastoreDirectory == "/etc/poplin/cluster" && config.runDirectory == "/run/poplin")
    }

    @Test("Every key is read")
    func complete() throws {
        let config = try parse(
            """
            node: n1
            address: 10.0.1.1/24
            addressFrom: {cidr: 10.0.0.0/8}
            ipipMode: CrossSubnet
            dataplane: userspace
            tunnel:
              device: tun7
              mtu: 1400
              ttl: inherit
              dscp: 46
              acceptForeignSources: true
              express: never
              shortcut: true
              offload: false
              queues: 2
              cpus: 0, 3
              busyPoll: 50
            datastore:
              file: ../cluster/
            runDirectory: /tmp/run/
            """)
        var expected = NodeConfig(node: "n1")
        expected.address = IPv4InterfaceAddress("10.0.1.1/24")
        expected.addressFrom = .cidr(try #require(IPv4Prefix("10.0.0.0/8")))
        expected.ipipMode = .crossSubnet
        expected.dataplane = .userspace
        expected.tunnelDevice = "tun7"
        expected.tunnelMTU = 1400
        expected.tunnelTTL = .inherit
        expected.tunnelDSCP = 46
        expected.acceptForeignSources = true
        expected.express = .never
        expected.shortcut = true
        expected.offload = false
        expected.queues = 2
        expected.cpus = [0, 3]
        expected.busyPoll = 50
        expected.datastoreDirectory = "/etc/poplin/../cluster"
        expected.runDirectory = "/tmp/run"
        #expect(config == expected)
    }

    @Test(
        "The words for a default are taken",
        arguments: [
            "tunnel: {mtu: auto}", "tunnel: {dscp: copy, ttl: auto}", "tunnel: {cpus: any, queues: auto}",
            "dataplane: auto",
            "addressFrom: defaultRoute",
        ])
    func words(text: String) throws {
        #expect(try parse(text) == NodeConfig(node: "host-1"))
    }

    @Test(
        "Each value that is wrong is refused with its line and key",
        arguments: [
            ("node: 5", 1, "node"), ("node: ''", 1, "node"), ("node: A", 1, "node"), ("node: a_b", 1, "node"),
            ("node:", 1, "node"), ("address: 10.0.0.1", 1, "address"), ("address: 10.0.0.0/24", 1, "address"),
            ("address: 10.0.0.255/24", 1, "address"), ("address: 127.0.0.1/8", 1, "address"),
            ("address: 224.1.1.1/24", 1, "address"), ("address: fd00::1/64", 1, "address"),
            ("address: [10.0.0.1/24]", 1, "address"), ("address: 10.0.0.1/33", 1, "address"),
            ("address: 10.0.0.1/0", 1, "address"),
            ("ipipMode: crossSubnet", 1, "ipipMode"), ("ipipMode: no", 1, "ipipMode"), ("ipipMode: 1", 1, "ipipMode"),
            ("\n\ndataplane: Kernel", 3, "dataplane"),
            ("tunnel: tunl0", 1, "tunnel"), ("tunnel:\n  device: abcdefghijklmnop", 2, "tunnel.device"),
            ("tunnel:\n  device: a/b", 2, "tunnel.device"), ("tunnel:\n  device: a b", 2, "tunnel.device"),
            ("tunnel:\n  device: ..", 2, "tunnel.device"), ("tunnel:\n  device: ''", 2, "tunnel.device"),
            ("tunnel:\n  device: lo", 2, "tunnel.device"), ("tunnel:\n  device: ü", 2, "tunnel.device"),
            ("tunnel:\n  mtu: 67", 2, "tunnel.mtu"), ("tunnel:\n  mtu: 65516", 2, "tunnel.mtu"),
            ("tunnel:\n  mtu: '1400'", 2, "tunnel.mtu"), ("tunnel:\n  mtu: 1400.5", 2, "tunnel.mtu"),
            ("tunnel:\n  mtu: Auto", 2, "tunnel.mtu"), ("tunnel:\n  mtu: -1", 2, "tunnel.mtu"),
            ("tunnel:\n  mtu: 99999999999999999999", 2, "tunnel.mtu"),
            ("tunnel:\n  ttl: 0", 2, "tunnel.ttl"), ("tunnel:\n  ttl: 256", 2, "tunnel.ttl"),
            ("tunnel:\n  ttl: Auto", 2, "tunnel.ttl"), ("tunnel:\n  ttl: '64'", 2, "tunnel.ttl"),
            ("tunnel:\n  dscp: 64", 2, "tunnel.dscp"), ("tunnel:\n  dscp: ef", 2, "tunnel.dscp"),
            ("tunnel:\n  acceptForeignSources: yes", 2, "tunnel.acceptForeignSources"),
            ("tunnel:\n  express: yes", 2, "tunnel.express"), ("tunnel:\n  queues: 0", 2, "tunnel.queues"),
            ("tunnel:\n  cpus: 1-2", 2, "tunnel.cpus"), ("tunnel:\n  cpus: '1,'", 2, "tunnel.cpus"),
            ("tunnel:\n  busyPoll: 1001", 2, "tunnel.busyPoll"), ("tunnel:\n  offload: 1", 2, "tunnel.offload"),
            ("tunnel:\n  shortcut: on", 2, "tunnel.shortcut"),
            ("tunnel:\n  devcie: tunl0", 2, "tunnel.devcie"), ("ipipmode: Never", 1, "ipipmode"),
            ("tunnel.mtu: 1400", 1, "tunnel.mtu"), ("mtu: 1400", 1, "mtu"),
            ("datastore:\n  file: 7", 2, "datastore.file"), ("datastore:\n  etcd: x", 2, "datastore.etcd"),
            ("runDirectory: run", 1, "runDirectory"),
            ("runDirectory: /" + String(repeating: "r", count: 100), 1, "runDirectory"),
            ("addressFrom: {interface: '['}", 1, "addressFrom.interface"),
            ("addressFrom: {interface: a, cidr: 10.0.0.0/8}", 1, "addressFrom"), ("addressFrom: {}", 1, "addressFrom"),
            ("addressFrom: {cidr: 10.0.0.1/8}", 1, "addressFrom.cidr"), ("addressFrom: eth0", 1, "addressFrom"),
            ("addressFrom: {canReach: host}", 1, "addressFrom.canReach"),
            ("addressFrom:\n  device: eth0", 2, "addressFrom.device"),
            ("[]", 1, ""), ("node", 1, ""), ("node: a\nnode: b", 1, ""), ("node: [", 2, ""),
            ("node: a\n---\nnode: b", 2, ""),
        ] as [(String, Int, String)])
    func refused(text: String, line: Int, field: String) throws {
        let error = try #require(throws: SourceErrors.self) { try parse(text) }
        let first = try #require(error.errors.first)
        #expect(error.errors.count == 1, "\(error)")
        #expect(first.field == field, "\(error)")
        #expect(first.line == line || (field.isEmpty && first.line > 0), "\(error)")
        #expect(first.description.hasPrefix("/etc/poplin/node.yaml:\(first.line): "))
        #expect(!first.remedy.isEmpty || field.isEmpty || first.problem.contains("must be"), "\(error)")
    }

    @Test("A value that is no number is answered with all that could stand there")
    func wordsThatCould() throws {
        let inFile = try #require(throws: SourceErrors.self) { try parse("tunnel: {ttl: copy, queues: many}") }
        #expect(
            inFile.errors.map(\.problem) == [
                "copy is neither auto nor inherit nor a number", "many is neither auto nor a number",
            ])
        #expect(inFile.errors.first?.remedy == "write auto, inherit or a whole number 1 to 255")
        let variable = try #require(throws: SourceErrors.self) { try parse("", ["POPLIN_TUNNEL_TTL": "256"]) }
        #expect(variable.errors.map(\.remedy) == ["write auto, inherit or a whole number 1 to 255"])
    }

    @Test("All mistakes are told at once")
    func several() throws {
        let error = try #require(throws: SourceErrors.self) {
            try parse("node: A\nfoo: 1\ntunnel: {mtu: 1, x: 2}\n", ["POPLIN_DATAPLANE": "x", "POPLIN_TUNEL_MTU": "9"])
        }
        #expect(
            Set(error.errors.map(\.field)) == [
                "node", "foo", "tunnel.mtu", "tunnel.x", "POPLIN_DATAPLANE", "POPLIN_TUNEL_MTU",
            ])
        #expect(error.description.contains("did you mean POPLIN_TUNNEL_MTU?"))
    }

    @Test(
        "Every key has its variable, which wins",
        arguments: [
            ("POPLIN_NODE", "n9", ConfigKey.node), ("POPLIN_ADDRESS", "10.9.9.9/24", .address),
            ("POPLIN_ADDRESS_FROM", "interface=eth.*", .addressFrom), ("POPLIN_IPIP_MODE", "Always", .ipipMode),
            ("POPLIN_DATAPLANE", "kernel", .dataplane), ("POPLIN_TUNNEL_DEVICE", "tun9", .tunnelDevice),
            ("POPLIN_TUNNEL_MTU", "1300", .tunnelMTU), ("POPLIN_TUNNEL_TTL", "9", .tunnelTTL),
            ("POPLIN_TUNNEL_DSCP", "9", .tunnelDSCP),
            ("POPLIN_TUNNEL_ACCEPT_FOREIGN_SOURCES", "true", .tunnelAcceptForeignSources),
            ("POPLIN_TUNNEL_EXPRESS", "always", .tunnelExpress), ("POPLIN_TUNNEL_OFFLOAD", "false", .tunnelOffload),
            ("POPLIN_TUNNEL_QUEUES", "4", .tunnelQueues), ("POPLIN_TUNNEL_CPUS", "1", .tunnelCPUs),
            ("POPLIN_TUNNEL_BUSY_POLL", "9", .tunnelBusyPoll),
            ("POPLIN_DATASTORE_FILE", "/d", .datastoreFile), ("POPLIN_RUN_DIRECTORY", "/r", .runDirectory),
        ])
    func environment(name: String, value: String, key: ConfigKey) throws {
        #expect(key.environmentVariable == name)
        #expect(key.override(in: [name: value]) == name && key.override(in: [:]) == nil)
        let file = "node: n1\naddress: 10.0.1.1/24\nipipMode: Never\ntunnel: {mtu: 1400, ttl: 5, dscp: 5}\n"
        let before = try parse(file)
        let after = try parse(file, [name: value])
        #expect(before != after)
        #expect(NodeConfig.restartKeys(from: before, to: after) == (key.takesEffectLive ? [] : [key.rawValue]))
        let error = try #require(throws: SourceErrors.self) { try parse(file, [name: "?\u{1}?"]) }
        #expect(error.errors.map(\.field) == [name])
        #expect(error.description.hasPrefix("environment: \(name): "))
    }

    @Test("A good variable covers a wrong value in the file")
    func covered() throws {
        #expect(try parse("ipipMode: Bogus", ["POPLIN_IPIP_MODE": "Never"]).ipipMode == .never)
    }

    @Test("Variables of tests and of others are left alone")
    func otherVariables() throws {
        let environment = ["POPLIN_REQUIRE": "1", "POPLIN_REQUIRE_NETNS": "1", "POPLIN_BIN": "/x", "PATH": "/bin"]
        #expect(try parse("", environment) == NodeConfig(node: "host-1"))
    }

    @Test("A host name that is no node name asks for one")
    func hostName() throws {
        let error = try #require(throws: SourceErrors.self) {
            try NodeConfig(parsing: [], file: "f", hostName: "my_host")
        }
        #expect(error.errors.map(\.field) == ["node"])
        #expect(throws: Never.self) { try NodeConfig(parsing: Array("node: a".utf8), file: "f", hostName: "my_host") }
    }

    @Test("Binary, huge and odd files are one clear error")
    func files() throws {
        for bytes in [[0, 1, 2], [0xFF, 0xFE], Array(repeating: UInt8(ascii: "a"), count: 2 << 20)] {
            let error = try #require(throws: SourceErrors.self) {
                try NodeConfig(parsing: bytes, file: "f", hostName: "h")
            }
            #expect(error.errors.count == 1)
        }
        for path in ["/nonexistent/node.yaml", "/tmp", "/dev/null"] {
            let error = try #require(throws: SourceErrors.self) {
                try ConfigFile(path: path, environment: [:]).load()
            }
            #expect(error.errors.first?.file == path)
        }
    }

    @Test("A config file's directory is what has to be watched")
    func directory() {
        #expect(ConfigFile(path: "/etc/poplin/node.yaml", environment: [:]).directory == "/etc/poplin")
        #expect(ConfigFile(path: "/node.yaml", environment: [:]).directory == "/")
        #expect(ConfigFile(path: "node.yaml", environment: [:]).directory == ".")
    }
}
