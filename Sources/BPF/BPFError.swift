// The one error of this room: what was tried, on what, the kernel's reason, and libbpf's or the verifier's own words.

internal import Glibc

/// Something that the kernel or libbpf refused.
public struct BPFError: Error, Hashable, Sendable {
    /// What was tried, for a person: `load`, `attach`, `read`.
    public let operation: String
    /// What it was tried on: a program, a map, a device's hook.
    public let object: String
    /// The kernel's error number.
    public let code: Int32
    /// What libbpf said on the way, the end of the verifier's log included; empty where it said nothing.
    public let log: String

    /// Records a failure.
    public init(operation: String, object: String, code: Int32, log: String = "") {
        self.operation = operation
        self.object = object
        self.code = code
        self.log = log
    }

    /// The kernel's own words for the error number.
    public var reason: String {
        guard let text = unsafe strerror(code) else { return "error \(code)" }
        return unsafe String(cString: text)
    }
}

extension BPFError: CustomStringConvertible {
    public var description: String {
        let text = "\(object): \(reason) (\(operation))"
        return log.isEmpty ? text : text + "\n" + log
    }
}
