// BPF programs on a device's egress are seen, as the smallest one there is shows.

import Glibc
import LinuxSystem
import TestSupport
import Testing

@Suite(.needsNamespaces, .enabled(if: BPF.canLink, "the kernel links no programs to a device's egress (6.6)"))
struct EgressProgramTests {
    @Test func `A linked program is counted until it is gone`() throws {
        try withNamespace { name in
            try NetworkNamespace.run(in: name) {
                // The loopback device has an egress like any other.
                #expect(EgressPrograms.count(link: 1) == 0)
                let program = try #require(BPF.load())
                defer { close(program) }
                try #require(BPF.attach(program, link: 1))
                let count = EgressPrograms.count(link: 1)
                #expect(count == 1)
                #expect(BPF.detach(program, link: 1))
                let left = EgressPrograms.count(link: 1)
                #expect(left == 0)
            }
        }
    }
}

/// The three calls of bpf(2) that the test needs.
private enum BPF {
    private static let tcxEgress: UInt32 = 47

    static var canLink: Bool {
        let version = Host.kernelRelease.split(separator: ".").prefix(2).compactMap { Int($0) }
        guard version.count == 2, (version[0], version[1]) >= (6, 6), let program = load() else { return false }
        close(program)
        return true
    }

    /// A traffic control program that lets everything pass: `r0 = -1; exit`. Nil where the kernel refuses it.
    static func load() -> Int32? {
        let instructions: [UInt8] = [0xb7, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x95, 0, 0, 0, 0, 0, 0, 0]
        let license = Array("GPL".utf8) + [0]
        let descriptor = instructions.withUnsafeBytes { code in
            license.withUnsafeBytes { license in
                call(5) { request in
                    request.storeBytes(of: 3, as: UInt32.self)  // BPF_PROG_TYPE_SCHED_CLS
                    request.storeBytes(of: 2, toByteOffset: 4, as: UInt32.self)
                    request.storeBytes(of: UInt64(UInt(bitPattern: code.baseAddress)), toByteOffset: 8, as: UInt64.self)
                    request.storeBytes(
                        of: UInt64(UInt(bitPattern: license.baseAddress)), toByteOffset: 16, as: UInt64.self)
                }
            }
        }
        return descriptor < 0 ? nil : Int32(descriptor)
    }

    static func attach(_ program: Int32, link: UInt32) -> Bool { change(8, program, link) }
    static func detach(_ program: Int32, link: UInt32) -> Bool { change(9, program, link) }

    private static func change(_ command: Int, _ program: Int32, _ link: UInt32) -> Bool {
        call(command) { request in
            request.storeBytes(of: link, as: UInt32.self)
            request.storeBytes(of: program, toByteOffset: 4, as: Int32.self)
            request.storeBytes(of: tcxEgress, toByteOffset: 8, as: UInt32.self)
        } == 0
    }

    /// bpf(2), which the C library does not wrap, by way of syscall(2), which Swift does not import.
    private static func call(_ command: Int, _ fill: (UnsafeMutableRawPointer) -> Void) -> Int {
        #if arch(x86_64)
        let number = 321
        #else
        let number = 280
        #endif
        guard let symbol = dlsym(nil, "syscall") else { return -1 }
        let function = unsafeBitCast(
            symbol, to: (@convention(c) (Int, Int, UnsafeMutableRawPointer, Int) -> Int).self)
        let request = UnsafeMutableRawPointer.allocate(byteCount: 128, alignment: 8)
        defer { request.deallocate() }
        request.initializeMemory(as: UInt8.self, repeating: 0, count: 128)
        fill(request)
        return function(number, command, request, 128)
    }
}
