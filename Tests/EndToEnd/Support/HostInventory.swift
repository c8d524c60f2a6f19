// What a test could leave on the host, each thing as one line that is the same as long as the thing is there.

import FoundationEssentials
import Lab
import LinuxSystem
import Net
import Rtnetlink

enum HostInventory {
    /// Everything that is there now.
    static func take() throws -> Set<String> {
        var things = Set(descriptors)
        things.formUnion(processes)
        things.formUnion(try NetworkNamespace.list().filter(isOurs).map { "namespace \($0)" })
        things.formUnion(entries("/run/poplin-lab").filter { $0.hasPrefix(labStem) }.map { "lab files of \($0)" })
        var socket = try NetlinkSocket()
        for link in try socket.links() where isLabDevice(link) {
            things.insert("device \(link.name) (\(link.index))")
        }
        for route in try socket.routes(filter: RouteFilter(table: nil, routeProtocol: poplinRoute)) {
            things.insert("route \(route.destination) in table \(route.table)")
        }
        return things
    }

    private static func isOurs(_ namespace: String) -> Bool { namespace.hasPrefix("poplin-\(labStem)") }

    /// A tunnel device, or an end of a cable that never came to its host.
    private static func isLabDevice(_ link: LinkMessage) -> Bool {
        link.kind == "ipip" || link.kind == "tun" || link.kind == "veth" || link.name == "tunl0"
    }

    /// With what they are open on: a number that was closed and given out again is another descriptor.
    private static var descriptors: [String] {
        entries("/proc/self/fd").compactMap { number in
            let path = "/proc/self/fd/\(number)"
            // The directory that is being listed is closed by now.
            guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: path) else { return nil }
            return "descriptor \(number) on \(target)"
        }
    }

    /// Children of this process, and processes of any parent that have to do with our labs.
    private static var processes: [String] {
        entries("/proc").compactMap { name in
            guard let pid = Int32(name), pid != Host.processID else { return nil }
            let command = (try? TextFile.read("/proc/\(pid)/cmdline")) ?? ""
            let stat = (try? TextFile.read("/proc/\(pid)/stat")) ?? ""
            let fields = stat.suffix(from: stat.lastIndex(of: ")") ?? stat.endIndex).split(separator: " ")
            let isChild = fields.count > 2 && fields[2] == "\(Host.processID)"
            guard isChild || command.contains("/run/poplin-lab/\(labStem)") else { return nil }
            return "process \(pid) \(command.split(separator: "\0").joined(separator: " "))"
        }
    }

    private static func entries(_ directory: String) -> [String] { (try? Directory.list(directory)) ?? [] }
}
