// The programs of the bpf tier on a host's devices, as tc lists them; and a program of somebody else beside them.

import Foundation
import Lab
import LinuxSystem
import Rtnetlink
import TestSupport
import Testing

/// What a program hangs on.
struct ProgramPlace: Hashable, Comparable, CustomStringConvertible {
    let device: String
    let direction: Direction

    enum Direction: String, CaseIterable {
        case ingress, egress
    }

    var description: String { "\(device) \(direction)" }

    static func < (one: ProgramPlace, other: ProgramPlace) -> Bool { "\(one)" < "\(other)" }
}

/// One program of Poplin's, attached.
struct AttachedProgram: Hashable, CustomStringConvertible {
    /// As `poplin_out`.
    let name: String
    /// The kernel's number of it, which every load makes anew.
    let id: Int

    var description: String { "\(name) (\(id))" }
}

extension LabHost {
    /// All programs of Poplin's on this host.
    func tunnelPrograms() throws -> [ProgramPlace: AttachedProgram] {
        var found: [ProgramPlace: AttachedProgram] = [:]
        let devices = try netlink { try $0.links().map(\.name) }
        for device in devices {
            for direction in ProgramPlace.Direction.allCases {
                let listing = try filters(on: device, direction)
                let programs = listing.split(separator: "\n").compactMap(Self.program)
                try #require(programs.count <= 1, "\(listing)")
                found[ProgramPlace(device: device, direction: direction)] = programs.first
            }
        }
        return found
    }

    /// The devices with a place for programs, which others may have made as well.
    func clsactDevices() throws -> [String] {
        try netlink { socket in
            let names = Dictionary(uniqueKeysWithValues: try socket.links().map { ($0.index, $0.name) })
            return try socket.qdiscs().filter { $0.kind == "clsact" }.compactMap { names[$0.link] }.sorted()
        }
    }

    /// How many programs are linked to the tunnel device's egress, before all filters.
    func linkedPrograms() throws -> Int {
        let link = try linkIndex("tunl0")
        return try run { EgressPrograms.count(link: link) }
    }

    /// What `tc` lists; nothing where the device has gone.
    func filters(on device: String, _ direction: ProgramPlace.Direction) throws -> String {
        let tc = try #require(Requirement.path(of: "tc"))
        return try execute(tc, ["filter", "show", "dev", device, direction.rawValue]).output
    }

    private static func program(_ line: Substring) -> AttachedProgram? {
        let words = line.split(separator: " ")
        guard let name = words.first(where: { $0.hasPrefix("poplin_") }), let place = words.firstIndex(of: "id"),
            place + 1 < words.count, let id = Int(words[place + 1])
        else { return nil }
        // `tc` may write the number behind the name as well: `poplin_in:[17]`.
        return AttachedProgram(name: String(name.prefix { $0 != ":" }), id: id)
    }
}

extension Lab {
    /// Waits until a node's programs are where they belong: on the tunnel device, and on the underlay devices.
    @discardableResult
    func waitPrograms(_ node: String, over underlay: [String] = ["eth0"]) throws -> [ProgramPlace: AttachedProgram] {
        let host = try host(node)
        var wanted = [ProgramPlace(device: "tunl0", direction: .egress): "poplin_out"]
        for device in underlay { wanted[ProgramPlace(device: device, direction: .ingress)] = "poplin_in" }
        var found: [ProgramPlace: AttachedProgram] = [:]
        do {
            try waitUntil("the programs of \(node)") {
                found = try host.tunnelPrograms()
                return found.mapValues(\.name) == wanted
            }
        } catch {
            throw WaitedInVain(description: "\(error): there is \(found) and not \(wanted)")
        }
        return found
    }
}

/// A program that has nothing to do with Poplin: classic BPF that drops datagrams of one IP protocol, plain ones, and lets
/// the next filter see all others.
struct ForeignProgram {
    let place: ProgramPlace
    /// Of the filter: lower than 112 is asked before Poplin's.
    let priority: Int
    /// The protocol that it drops.
    let dropped: UInt8

    /// Attaches it, to a `clsact` that may be there already.
    func attach(to host: LabHost) throws {
        let tc = try #require(Requirement.path(of: "tc"))
        _ = try host.execute(tc, ["qdisc", "add", "dev", place.device, "clsact"])
        // The protocol stands behind the link layer's header, which a tunnel device does not have.
        let offset = place.device == "tunl0" ? 9 : 23
        let (shot, unspecified) = (2, UInt32.max)
        try host.tool(
            "tc",
            ["filter", "add", "dev", place.device, place.direction.rawValue, "prio", "\(priority)", "bpf", "da"]
                + ["bytecode", "4,48 0 0 \(offset),21 0 1 \(dropped),6 0 0 \(shot),6 0 0 \(unspecified)"])
    }

    /// Whether it is still there.
    func isThere(on host: LabHost) throws -> Bool {
        let listing = try host.filters(on: place.device, place.direction)
        return listing.split(separator: "\n").contains { $0.contains("pref \(priority) ") && $0.contains("bytecode") }
    }
}
