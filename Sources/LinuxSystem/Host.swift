// What this machine and this process are: name, kernel, rights, processors.

internal import Glibc

/// Facts about the machine and the process.
public enum Host {
    /// A right of the process, by its number in `linux/capability.h`.
    public enum Capability: UInt8, Sendable, CaseIterable {
        /// Configure interfaces, routes and TUN devices.
        case netAdmin = 12
        /// Open raw and packet sockets.
        case netRaw = 13
        /// Make and enter namespaces.
        case sysAdmin = 21
        /// Load programs whose pointers the kernel need not hide.
        case perfmon = 38
        /// Make maps and load programs.
        case bpf = 39
    }

    /// The host's name (`hostname`).
    public static var hostName: String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard unsafe gethostname(&buffer, buffer.count - 1) == 0 else { return "localhost" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// This process's id.
    public static var processID: Int32 { getpid() }

    /// Whether the calling thread may use a capability now (`CapEff`).
    public static func hasCapability(_ capability: Capability) -> Bool {
        guard let text = try? TextFile.read("/proc/thread-self/status", limit: 65536) else { return false }
        for line in text.split(separator: "\n") where line.hasPrefix("CapEff:") {
            let digits = line.dropFirst(7).drop(while: \.isWhitespace)
            guard let mask = UInt64(digits, radix: 16) else { return false }
            return mask & (1 << UInt64(capability.rawValue)) != 0
        }
        return false
    }

    /// The running kernel (`uname -r`); empty where it cannot be told.
    public static var kernelRelease: String { (try? Sysctl.read("kernel/osrelease")) ?? "" }

    /// CPUs that the scheduler can use now.
    public static var processorCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}
