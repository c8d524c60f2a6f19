// Throw-away network namespaces, nft inside them, and filters to put there.

import LinuxSystem
import Net
import Overlay
import TestSupport
import Testing

/// Makes a network namespace, runs a body on a thread inside it, and takes it away.
func inNamespace<Value: Sendable>(_ body: @Sendable () throws -> Value) throws -> Value {
    let name = "poplin-nft-\(Host.processID)-\(UInt32.random(in: 0 ... .max))"
    try NetworkNamespace.create(name)
    defer {
        do { try NetworkNamespace.delete(name) } catch { Issue.record("\(name) is left: \(error)") }
    }
    return try NetworkNamespace.run(in: name, body)
}

/// Runs `nft` in the calling thread's network namespace; its output.
@discardableResult
func nft(_ command: String) throws -> String {
    let path = try #require(Requirement.path(of: "nft"))
    let result = try ChildProcess.run(path, command.split(separator: " ").map(String.init), limit: 64 << 20)
    try #require(result.status.isSuccess, "nft \(command): \(result.errors)")
    return result.output
}

func address(_ text: String) -> IPv4Address {
    guard let address = IPv4Address(text) else {
        Issue.record("no address: \(text)")
        return .any
    }
    return address
}

func prefix(_ text: String) -> IPv4Prefix {
    guard let prefix = IPv4Prefix(text) else {
        Issue.record("no prefix: \(text)")
        return IPv4Prefix(host: .any)
    }
    return prefix
}

/// Two peers with blocks, a single address inside the other's block, and a tunnel of somebody else.
func sampleAdmission() -> Admission {
    Admission(
        local: address("10.0.1.1"),
        peers: [
            TunnelPeer(
                name: "n2", address: address("10.0.2.1"), tunnelAddress: address("10.244.2.0"),
                prefixes: [prefix("10.244.2.0/26"), prefix("10.244.3.7/32")]),
            TunnelPeer(
                name: "n3", address: address("10.0.3.1"), tunnelAddress: address("10.244.3.0"),
                prefixes: [prefix("10.244.3.0/24"), prefix("10.244.9.0/26")]),
        ],
        others: [TunnelEnds(remote: address("192.0.2.9"), local: address("10.0.1.1"))])
}

func sampleMasquerade() throws -> Masquerade {
    try #require(
        Masquerade(pools: [
            Pool(name: "a", prefix: prefix("10.244.0.0/16"), natOutgoing: true),
            Pool(name: "b", prefix: prefix("10.245.0.0/17"), natOutgoing: true, disabled: true),
            Pool(name: "c", prefix: prefix("10.245.128.0/17")),
            Pool(name: "d", prefix: prefix("255.255.255.0/24"), disabled: true),
        ]))
}
