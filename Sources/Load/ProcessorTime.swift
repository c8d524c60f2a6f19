// How long the whole machine's processors were busy, which charges a path for what it costs wherever it runs.

internal import LinuxSystem

/// Busy time of all processors together since boot.
public struct ProcessorTime: Hashable, Sendable {
    /// In seconds: user, nice, system, and interrupts hard and soft. The kernel counts in hundredths.
    public let busySeconds: Double

    /// Reads `/proc/stat`.
    public static func now() throws -> ProcessorTime {
        guard let time = ProcessorTime(stat: try TextFile.read("/proc/stat")) else {
            throw LoadError.failed("/proc/stat has no line for all processors")
        }
        return time
    }

    /// Reads the first line of a text like `/proc/stat`; nil where that is another.
    init?(stat text: String) {
        let fields = text.prefix { $0 != "\n" }.split(separator: " ")
        guard fields.count > 7, fields[0] == "cpu" else { return nil }
        // user nice system idle iowait irq softirq; idle and iowait are no work, and what comes after belongs to others.
        let ticks = [1, 2, 3, 6, 7].map { Int(fields[$0]) ?? 0 }.reduce(0, +)
        busySeconds = Double(ticks) / 100
    }
}

/// Which machine this is: two network namespaces of one machine share the processors, whose time counts once.
enum Machine {
    /// A number that the kernel draws at boot; of letters, digits and `-`.
    static func identity() throws(SyscallError) -> String { try Sysctl.read("kernel/random/boot_id") }
}
