// Where this kernel has the `ipip` driver, told from files alone: to ask the kernel by name would load the module, and
// that makes devices.

public import LinuxSystem

/// What a look at a host tells of the `ipip` driver.
public enum IPIPDriver: Hashable, Sendable {
    case loaded
    case builtIn
    /// A module that the kernel loads when it is first asked for.
    case module(path: String)
    /// Not in the kernel's lists of modules, which are in this directory.
    case missing(directory: String)
    /// The directory of the kernel's modules is not there, as in many containers: only trying tells.
    case unknown(directory: String)

    /// Looks.
    ///
    /// - Parameter root: of the file system; another one in tests.
    public static func look(release: String = Host.kernelRelease, root: String = "") -> IPIPDriver {
        if File.exists("\(root)/sys/module/ipip") { return .loaded }
        let directory = "\(root)/lib/modules/\(release)"
        let lists = [("modules.builtin", true), ("modules.dep", false)]
        var hasList = false
        for (list, isBuiltIn) in lists {
            guard let text = try? TextFile.read("\(directory)/\(list)", limit: 16 << 20) else { continue }
            hasList = true
            for line in text.split(separator: "\n") {
                let path = line.prefix { $0 != ":" }
                guard path.hasSuffix("/ipip.ko") || path.contains("/ipip.ko.") else { continue }
                return isBuiltIn ? .builtIn : .module(path: "\(directory)/\(path)")
            }
        }
        return hasList ? .missing(directory: directory) : .unknown(directory: directory)
    }

    /// In a person's words.
    public var words: String {
        switch self {
        case .loaded: "the ipip driver is loaded"
        case .builtIn: "the ipip driver is built into the kernel"
        case .module(let path): "the ipip driver is there as a module (\(path))"
        case .missing(let directory): "this kernel has no ipip driver: no list of modules in \(directory) names it"
        case .unknown(let directory): "there is no ipip driver to be seen: \(directory) has no list of modules"
        }
    }
}
