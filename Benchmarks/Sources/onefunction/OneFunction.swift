// Calls one function a number of times on inputs that are always the same, so that another program can count its
// instructions: those of more calls less those of few are the calls' own.

import BenchmarkSupport
import Glibc
import LinuxSystem

/// What is called.
struct MeasuredFunction {
    let name: String
    /// What one operation is.
    let unit: String
    /// How many of them a call makes.
    let operations: Int
    /// How many calls make a count that what a process does besides cannot blur.
    let calls: Int
    /// Makes the inputs, and gives the call. A result that is used keeps it from being left out.
    let prepare: () throws -> () throws -> UInt64
}

@main
enum OneFunction {
    static func main() {
        // As the agent does.
        Memory.mapAllocations(from: 1 << 19)
        let functions = MeasuredFunction.packets + MeasuredFunction.lookups + MeasuredFunction.walks
        let arguments = CommandLine.arguments
        if arguments.count == 2, arguments[1] == "list" {
            for one in functions { print(one.name, one.operations, one.calls, one.unit, separator: "\t") }
            return
        }
        guard arguments.count == 3, let calls = Int(arguments[2]),
            let function = functions.first(where: { $0.name == arguments[1] })
        else {
            print("usage: onefunction NAME CALLS\n       onefunction list     name, operations a call, calls, of what")
            exit(64)
        }
        do {
            defer { Cleanup.undoAll() }
            let call = try function.prepare()
            var sum: UInt64 = 0
            for _ in 0..<calls { sum &+= try call() }
            print(sum)
        } catch {
            Cleanup.undoAll()
            print("onefunction: \(function.name): \(error)")
            exit(1)
        }
    }
}
