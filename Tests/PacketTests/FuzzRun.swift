// One run over a target: a fixed number of inputs in the test run, as many as fit a time with `make fuzz`.

import Glibc
import LinuxSystem
import TestSupport

/// How long to fuzz and with which numbers, from the environment.
struct FuzzPlan {
    /// Seconds for all targets together; nil for the fixed number of inputs.
    let seconds: Int?
    let seed: UInt64
    /// Where inputs that fail are written.
    let folder: String

    static let environment = FuzzPlan()

    private init() {
        func value(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
        seconds = value("POPLIN_TEST_FUZZ_SECONDS").flatMap { Int($0) }
        seed = value("POPLIN_TEST_FUZZ_SEED").flatMap { UInt64($0) } ?? 2003
        folder = value("POPLIN_TEST_FUZZ_FOUND") ?? "/tmp"
    }
}

struct FuzzRun {
    let target: FuzzTarget
    private(set) var coverage = FuzzCoverage()
    private(set) var count = 0

    init(_ target: FuzzTarget) { self.target = target }

    /// Tries inputs until one fails; its description says where it was written.
    mutating func run(inputs: Int) throws -> String? {
        let plan = FuzzPlan.environment
        var generator = try FuzzGenerator(seed: plan.seed &+ UInt64(target.number))
        guard let seconds = plan.seconds else {
            while count < inputs {
                if let failure = attempt(generator.input(for: target), plan) { return failure }
            }
            return nil
        }
        // An input that traps ends the process: then it is the last one in this file, which stays open because making
        // it anew each time would take longer than the test.
        let path = "\(plan.folder)/\(target).hex"
        guard let current = fopen(path, "w") else { return "\(path) cannot be written" }
        defer {
            fclose(current)
            unlink(path)
        }
        let end = ContinuousClock.now + .seconds(seconds) * target.share
        while ContinuousClock.now < end {
            let input = generator.input(for: target)
            rewind(current)
            FoundInput.write(input, "\(target): it ended the process", to: current)
            fflush(current)
            ftruncate(fileno(current), ftell(current))
            if let failure = attempt(input, plan) { return failure }
        }
        print("fuzz: \(count) inputs of \(target), met \(coverage.seen.sorted().joined(separator: ", "))")
        return nil
    }

    private mutating func attempt(_ input: [UInt8], _ plan: FuzzPlan) -> String? {
        count += 1
        guard let defect = target.defect(input, &coverage) else { return nil }
        let small = reduced(input)
        let path = "\(plan.folder)/\(target)-\(plan.seed)-\(count).hex"
        if let file = fopen(path, "w") {
            FoundInput.write(small, "\(target): \(defect.prefix(100))", to: file)
            fclose(file)
        }
        return "\(path): \(defect.prefix(2000))"
    }

    /// The same failure with fewer bytes, as far as leaving pieces out leads.
    private mutating func reduced(_ input: [UInt8]) -> [UInt8] {
        var input = input
        var size = input.count / 2
        while size > 0 {
            var start = 0
            while start < input.count {
                var shorter = input
                shorter.removeSubrange(start..<min(start + size, input.count))
                if target.defect(shorter, &coverage) != nil { input = shorter } else { start += size }
            }
            size /= 2
        }
        return input
    }
}

extension FuzzTarget {
    fileprivate var number: Int { Self.allCases.firstIndex(of: self) ?? 0 }

    /// The part of the time that is this target's; they add up to 1.
    fileprivate var share: Double {
        switch self {
        case .header, .icmpError, .unreachable, .checksum: 0.075
        case .outward: 0.2
        case .inward: 0.5
        }
    }
}

/// Inputs as text: hexadecimal, and lines with `#` in front that say what they are.
enum FoundInput {
    static func write(_ input: [UInt8], _ what: String, to file: UnsafeMutablePointer<FILE>) {
        let digits = Array("0123456789abcdef".utf8)
        var text = Array("# \(what)\n".utf8)
        text.reserveCapacity(text.count + input.count * 2 + 1)
        for byte in input {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        text.append(10)
        fwrite(text, 1, text.count, file)
    }

    /// Nil where the file holds something else.
    static func read(_ path: String) throws -> [UInt8]? {
        let lines = try TextFile.read(path).split(separator: "\n").filter { !$0.hasPrefix("#") }
        let digits = lines.joined().filter { $0 != " " }.map(\.hexDigitValue)
        guard digits.count % 2 == 0, !digits.contains(nil) else { return nil }
        let values = digits.compactMap { $0 }
        return stride(from: 0, to: values.count, by: 2).map { UInt8(values[$0] << 4 | values[$0 + 1]) }
    }
}
