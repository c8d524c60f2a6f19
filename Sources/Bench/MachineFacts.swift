// What a reader must know of the machine to make sense of its figures.

internal import FoundationEssentials
internal import LinuxSystem
internal import Report

public enum MachineFacts {
    /// The processor's name; nil where the kernel gives none.
    public static var processor: String? { field("model name", of: "/proc/cpuinfo") }

    /// Now, as RFC 3339 in UTC.
    static var now: String { Date.now.formatted(Date.ISO8601FormatStyle()) }

    /// What can be told of this machine; what cannot be read is left out.
    ///
    /// - Parameter congestionControl: of the measured TCP, where it is not the host's.
    static func items(congestionControl: String?) -> [BenchReport.Item] {
        let facts: [(String, String?)] = [
            ("processor", processor),
            ("processors", "\(Host.processorCount)"),
            ("memory", field("MemTotal", of: "/proc/meminfo").flatMap(gibibytes)),
            ("kernel", Host.kernelRelease.isEmpty ? nil : Host.kernelRelease),
            ("congestion control", congestionControl ?? (try? Sysctl.read("net/ipv4/tcp_congestion_control"))),
            ("iproute2", version(of: "ip", "-V", after: "iproute2-")),
            ("fastd", version(of: "fastd", "--version", after: "fastd v")),
        ]
        return facts.compactMap { name, value in value.map { BenchReport.Item(name, $0) } }
    }

    /// The value of the first line `NAME : VALUE`.
    private static func field(_ name: String, of path: String) -> String? {
        guard let text = try? TextFile.read(path) else { return nil }
        let line = text.split(separator: "\n").first { $0.hasPrefix(name) }
        return line?.split(separator: ":", maxSplits: 1).last.map { String($0.drop(while: \.isWhitespace)) }
    }

    /// `MemTotal`'s kibibytes for a person.
    private static func gibibytes(_ text: String) -> String? {
        Int(text.prefix(while: \.isNumber)).map { "\(($0 + 524_288) / 1_048_576) GiB" }
    }

    /// What follows `mark`, up to a comma or the end of the line: `ip utility, iproute2-6.1.0, libbpf 1.1.2`, `fastd v22`.
    private static func version(of program: String, _ argument: String, after mark: String) -> String? {
        guard let result = try? ChildProcess.run(program, [argument]), result.status.isSuccess else { return nil }
        guard let range = result.output.firstRange(of: mark) else { return nil }
        return String(result.output[range.upperBound...].prefix { $0 != "," && $0 != "\n" })
    }
}
