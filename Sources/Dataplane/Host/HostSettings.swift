// Host settings: read, set where wrong, and remembered, so that `poplin clean` can put them back.

public import LinuxSystem
public import Overlay

/// The former values of the settings that Poplin changed, one `path value` a line in the run directory.
public struct HostSettings: Sendable {
    /// The file they are kept in.
    public let record: String

    /// Settings whose former values are kept in this directory.
    public init(runDirectory: String) {
        record = "\(runDirectory)/host-settings"
    }

    /// The values now, by path; what this kernel does not have is missing.
    public static func observe(_ settings: [HostSetting]) -> [String: String] {
        var values: [String: String] = [:]
        for path in Set(settings.flatMap(\.inputs)) {
            if let value = try? Sysctl.read(path) { values[path] = value }
        }
        return values
    }

    /// Sets one, after its former value was written down; the first value written down is the one that counts.
    public func apply(_ setting: HostSetting) throws(SyscallError) {
        let former = try Sysctl.read(setting.path)
        // That of a device which was not there when it was looked for.
        if former == setting.value { return }
        var known = recorded()
        if !known.contains(where: { $0.path == setting.path }) {
            known.append((setting.path, former))
            let text = known.map { "\($0.path) \($0.value)\n" }.joined()
            try TextFile.replace(record, with: text)
        }
        try Sysctl.write(setting.path, setting.value)
    }

    /// What was changed, with the former values; settings of devices that are gone are left out.
    public func recorded() -> [(path: String, value: String)] {
        guard let text = try? TextFile.read(record, limit: 1 << 20) else { return [] }
        return text.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            guard words.count == 2, (try? Sysctl.read(String(words[0]))) != nil else { return nil }
            return (String(words[0]), String(words[1]))
        }
    }
}
