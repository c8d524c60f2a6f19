// The links by which packets come to programs before all filters, where the kernel has such links.

internal import BPF

/// Links of programs whose filters hang at the same hooks.
struct ShortWays {
    private var links: [TrafficLink] = []

    /// Has a program linked at these hooks and at no others. Where the kernel refuses, the filter does it alone.
    mutating func lead(to program: borrowing Program, at hooks: Set<TrafficHook>) {
        let id = program.id
        links.removeAll { $0.program == id && !hooks.contains($0.hook) }
        let present = Set(links.filter { $0.program == id }.map(\.hook))
        for hook in hooks.subtracting(present) {
            if let link = try? TrafficLink(program, at: hook) { links.append(link) }
        }
    }
}
