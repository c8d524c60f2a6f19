// swift-tools-version: 6.2
// Benchmarks are a package of their own, so that whoever only builds Poplin never fetches or builds their tooling.
//
//     swift package --package-path Benchmarks benchmark --target Prefixes
//     swift package --package-path Benchmarks benchmark list
import PackageDescription

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
        // The plugin finds benchmarks only below a folder called Benchmarks in the package's root.
        .executableTarget(
            name: "Prefixes",
            dependencies: [
                .product(name: "PoplinCore", package: "poplin"), .product(name: "Benchmark", package: "benchmark"),
            ],
            path: "Benchmarks/Prefixes",
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")])
    ],
    swiftLanguageModes: [.v6]
)
