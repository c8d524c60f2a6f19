// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]
// Where bytes from outside and the kernel's own structures are touched, every unsafe use is spelled out.
let memorySafe = strict + [.strictMemorySafety()]

let package = Package(
    name: "poplin",
    products: [
        .executable(name: "poplin", targets: ["poplin"]),
        // For the benchmark package alone.
        .library(
            name: "PoplinCore",
            targets: [
                "Net", "Overlay", "Packet", "LinuxSystem", "Rtnetlink", "BPF", "Dataplane", "Datastore", "Agent", "Lab",
                "Load", "Bench", "Report",
            ]),
    ],
    dependencies: [
        // Command line: help, validation and exit codes as people know them.
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        // The agent's log lines: levels and a handler that people can replace. Libraries below Agent never log.
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        // YAML of node config and resources, with line and column of every node for error messages.
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        .target(name: "CLinux"),
        .systemLibrary(name: "CMnl", pkgConfig: "libmnl", providers: [.apt(["libmnl-dev"])]),
        // Relocates, checks and loads BPF objects, and speaks to the hooks that programs are attached to.
        .systemLibrary(name: "CBpf", pkgConfig: "libbpf", providers: [.apt(["libbpf-dev"])]),
        // The program itself is compiled for BPF, by the plugin.
        .target(name: "CTunnelProgram", exclude: ["program"]),
        .executableTarget(name: "embedprogram", dependencies: ["LinuxSystem"], swiftSettings: strict),
        .plugin(name: "EmbedTunnelProgram", capability: .buildTool(), dependencies: ["embedprogram"]),
        .target(name: "Net", swiftSettings: strict),
        .target(name: "Overlay", dependencies: ["Net"], swiftSettings: strict),
        .target(name: "Packet", dependencies: ["Net"], swiftSettings: memorySafe),
        .target(name: "LinuxSystem", dependencies: ["CLinux"], swiftSettings: memorySafe),
        .target(name: "Rtnetlink", dependencies: ["Net", "LinuxSystem", "CMnl", "CLinux"], swiftSettings: memorySafe),
        .target(name: "Nftables", dependencies: ["Net", "Rtnetlink", "CMnl"], swiftSettings: memorySafe),
        .target(
            name: "BPF", dependencies: ["LinuxSystem", "Rtnetlink", "CBpf"], swiftSettings: memorySafe,
            plugins: ["EmbedTunnelProgram"]),
        .target(
            name: "Dataplane",
            dependencies: [
                "Net", "Overlay", "Packet", "LinuxSystem", "Rtnetlink", "Nftables", "BPF", "CTunnelProgram",
            ], swiftSettings: memorySafe),
        .target(
            name: "Datastore",
            dependencies: ["Net", "Overlay", "LinuxSystem", .product(name: "Yams", package: "Yams")],
            swiftSettings: strict),
        .target(
            name: "Agent",
            dependencies: [
                "Net", "Overlay", "Packet", "LinuxSystem", "Rtnetlink", "Dataplane", "Datastore",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .target(
            name: "Lab", dependencies: ["Net", "LinuxSystem", "Rtnetlink", "Packet", "Load"], swiftSettings: strict),
        .target(name: "Load", dependencies: ["Net", "Packet", "LinuxSystem"], swiftSettings: strict),
        .target(name: "Report", swiftSettings: strict),
        .target(
            name: "Bench", dependencies: ["Net", "LinuxSystem", "Rtnetlink", "Lab", "Load", "Report"],
            swiftSettings: strict),
        .executableTarget(
            name: "poplin",
            dependencies: [
                "Agent", "Bench", "Datastore", "Lab", "LinuxSystem", "Load", "Net", "Overlay", "Report",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], swiftSettings: strict),
        // What several test targets share.
        .target(
            name: "TestSupport", dependencies: ["BPF", "LinuxSystem"], path: "Tests/TestSupport", swiftSettings: strict),
        // Not a test of its own: scripts/check-packet-path runs it.
        .executableTarget(
            name: "packetpath", dependencies: ["Lab", "LinuxSystem", "Net", "TestSupport"], path: "Tests/PacketPath",
            exclude: ["counters.c"], swiftSettings: strict),
        // Not a test of its own either: scripts/test shows several runs side by side with it.
        .executableTarget(name: "tiertable", path: "Tests/TierTable", swiftSettings: strict),
        // Nor this: scripts/doc-tables puts figures into the documents with it, and scripts/test looks that they are there.
        .executableTarget(name: "doctables", dependencies: ["Report"], path: "Tests/DocTables", swiftSettings: strict),
        .testTarget(name: "NetTests", dependencies: ["Net", "TestSupport"], swiftSettings: strict),
        .testTarget(name: "OverlayTests", dependencies: ["Overlay", "Net", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "PacketTests", dependencies: ["Packet", "Net", "LinuxSystem", "TestSupport"], exclude: ["Fixtures"],
            swiftSettings: strict),
        .testTarget(name: "LinuxSystemTests", dependencies: ["LinuxSystem", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "RtnetlinkTests", dependencies: ["Rtnetlink", "TestSupport", "LinuxSystem", "Net", "CMnl"],
            swiftSettings: strict),
        .testTarget(
            name: "NftablesTests",
            dependencies: [
                "Nftables", "Dataplane", "Lab", "LinuxSystem", "Net", "Overlay", "Packet", "Rtnetlink", "TestSupport",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "BPFTests",
            dependencies: [
                "BPF", "CTunnelProgram", "Dataplane", "Lab", "LinuxSystem", "Net", "Overlay", "Packet", "Rtnetlink",
                "TestSupport",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "DatastoreTests", dependencies: ["Datastore", "TestSupport", "LinuxSystem", "Net", "Overlay"],
            swiftSettings: strict),
        .testTarget(
            name: "AgentTests",
            dependencies: [
                "Agent", "Dataplane", "Datastore", "Lab", "LinuxSystem", "Net", "Overlay", "Packet", "Rtnetlink",
                "TestSupport",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "LabTests", dependencies: ["Lab", "TestSupport", "LinuxSystem", "Net", "Packet", "Rtnetlink"],
            swiftSettings: strict),
        .testTarget(
            name: "LoadTests", dependencies: ["Load", "Lab", "LinuxSystem", "Net", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "ReportTests", dependencies: ["Report", "LinuxSystem", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "BenchTests", dependencies: ["Bench", "Lab", "LinuxSystem", "Load", "Net", "Report", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "PoplinTests", dependencies: ["poplin", "TestSupport", "LinuxSystem"], swiftSettings: strict),
        .testTarget(
            name: "EndToEnd",
            dependencies: [
                "Dataplane", "Lab", "poplin", "LinuxSystem", "Net", "Overlay", "Packet", "Rtnetlink", "TestSupport",
            ],
            // Compiled by its tests, to be preloaded.
            exclude: ["Support/Faults"], swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
