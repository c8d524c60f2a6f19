// swift-tools-version: 6.2
// Benchmarks are a package of their own, so that whoever only builds Poplin never fetches or builds their tooling.
//
//     swift package --package-path Benchmarks benchmark --target Prefixes
//     swift package --package-path Benchmarks benchmark list
//     swift run --package-path Benchmarks -c release sidebyside help
import PackageDescription

let core: Target.Dependency = .product(name: "PoplinCore", package: "poplin")

/// The plugin finds benchmarks only below a folder called Benchmarks in the package's root.
func suite(_ name: String) -> Target {
    .executableTarget(
        name: name, dependencies: ["BenchmarkSupport", core, .product(name: "Benchmark", package: "benchmark")],
        path: "Benchmarks/\(name)", plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")])
}

let package = Package(
    name: "poplin-benchmarks",
    dependencies: [
        // Named here, or the name would be that of whatever folder the repository was cloned into.
        .package(name: "poplin", path: ".."),
        // Warm-up, repetition, percentiles and comparison with a baseline. Without its traits, since these
        // interpose malloc and reference counting, which slows down what is measured.
        .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: []),
    ],
    targets: [
        // What one function does.
        suite("Prefixes"),
        suite("Verdicts"),
        suite("Netlink"),
        // What is more than one function: two ways in turns, a running agent, a process's memory.
        .executableTarget(name: "sidebyside", dependencies: ["BenchmarkSupport", core]),
        // One function, for a program that counts instructions: scripts/bench-check. Valgrind cannot read the debug
        // information that comes with Swift.
        .executableTarget(
            name: "onefunction", dependencies: ["BenchmarkSupport", core],
            linkerSettings: [.unsafeFlags(["-Xlinker", "--strip-debug"])]),
        .target(name: "BenchmarkSupport", dependencies: [core]),
    ],
    swiftLanguageModes: [.v6]
)
