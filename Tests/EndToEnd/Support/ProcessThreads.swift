// The threads of a process, as the kernel lists them: one that ends while they are read is not among them.

import LinuxSystem

struct ProcessThread {
    /// The fields of the thread's `status` below /proc (proc_pid_status(5)), by name.
    let fields: [Substring: Substring]

    var name: Substring { fields["Name"] ?? "" }

    /// Whether packets are this thread's work.
    var carriesPackets: Bool { name == "poplin-packets" }

    static func all(of process: Int32) throws -> [ProcessThread] {
        try Directory.list("/proc/\(process)/task").compactMap { thread in
            guard let text = try? TextFile.read("/proc/\(process)/task/\(thread)/status", limit: 1 << 16) else {
                return nil
            }
            let fields = text.split(separator: "\n").compactMap { line -> (Substring, Substring)? in
                let parts = line.split(separator: ":\t", maxSplits: 1)
                return parts.count == 2 ? (parts[0], parts[1]) : nil
            }
            return ProcessThread(fields: Dictionary(fields) { first, _ in first })
        }
    }
}
