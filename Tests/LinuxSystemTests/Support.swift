// What the tests share: whether the kernel lets them run, names of their own, and cleaning up on every way out.

import Glibc
import LinuxSystem
import Synchronization
import Testing

private let nextName = Atomic<Int>(0)

/// A name that no other test and no other run has.
func uniqueName(_ prefix: String = "lst") -> String {
    "\(prefix)-\(getpid())-\(nextName.wrappingAdd(1, ordering: .relaxed).newValue)"
}

/// Runs a body with a network namespace of its own, which is deleted afterwards; `lo` is up in it.
func withNamespace<T>(_ body: (String) throws -> T) throws -> T {
    let name = uniqueName()
    try NetworkNamespace.create(name)
    defer { try? NetworkNamespace.delete(name) }
    try ip(in: name, "link", "set", "lo", "up")
    return try body(name)
}

/// Runs `ip` in a namespace and returns what it printed; a failure fails the test.
@discardableResult
func ip(in namespace: String? = nil, _ arguments: String...) throws -> String {
    let result =
        if let namespace {
            try ChildProcess.run("ip", arguments, inNamespace: namespace)
        } else {
            try ChildProcess.run("ip", arguments)
        }
    try #require(result.status == .code(0), "ip \(arguments): \(result.errors)")
    return result.output
}

/// Runs a body with a directory of its own, which is deleted afterwards.
func withDirectory<T>(_ body: (String) throws -> T) throws -> T {
    let path = "/tmp/\(uniqueName())"
    try Directory.create(path)
    defer { _ = try? ChildProcess.run("rm", ["-rf", path]) }
    return try body(path)
}

/// What `#require` does, for values that cannot be copied.
func unwrap<T: ~Copyable>(_ value: consuming T?, sourceLocation: SourceLocation = #_sourceLocation) throws -> T {
    guard let value else {
        Issue.record("expected a value", sourceLocation: sourceLocation)
        throw SyscallError(operation: "unwrap", code: ENOENT)
    }
    return value
}

/// An IPv4 datagram with a header of 20 bytes; the kernel or `checksummed` fills in the checksum.
func datagram(proto: UInt8, from source: UInt32, to destination: UInt32, _ payload: [UInt8]) -> [UInt8] {
    let length = UInt16(20 + payload.count)
    var bytes: [UInt8] = [0x45, 0, UInt8(length >> 8), UInt8(length & 255), 0, 0, 0, 0, 64, proto, 0, 0]
    for address in [source, destination] {
        bytes += [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: address >> $0) }
    }
    let sum = checksum(bytes)
    bytes[10] = UInt8(sum >> 8)
    bytes[11] = UInt8(sum & 255)
    return bytes + payload
}

/// The internet checksum (RFC 1071).
func checksum(_ bytes: [UInt8]) -> UInt16 {
    var sum: UInt32 = 0
    for (index, byte) in bytes.enumerated() { sum += UInt32(byte) << (index % 2 == 0 ? 8 : 0) }
    while sum > 0xffff { sum = (sum & 0xffff) + (sum >> 16) }
    return ~UInt16(sum)
}

/// 127.0.0.1 in host byte order.
let loopback: UInt32 = 0x7f00_0001
