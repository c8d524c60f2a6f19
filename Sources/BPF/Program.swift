// A program in the kernel, and trying it out on a packet without any device.

internal import CBpf
internal import Glibc
internal import LinuxSystem

/// What a program made of a packet.
public struct ProgramRun: Hashable, Sendable {
    /// What it returned, as `TC_ACT_SHOT`.
    public var result: UInt32
    /// The packet as it left it.
    public var packet: [UInt8]
    /// How long that took, by the kernel's clock.
    public var nanoseconds: Double
}

/// A program in the kernel.
public struct Program: ~Copyable {
    /// Its name in the source.
    public let name: String
    /// The kernel's number of it.
    public let id: UInt32
    let descriptor: Descriptor

    init(_ descriptor: consuming Descriptor, name: String) throws(BPFError) {
        let number = descriptor.rawValue
        var information = bpf_prog_info()
        var length = UInt32(MemoryLayout<bpf_prog_info>.size)
        try attempt("ask about", on: "program \(name)") {
            unsafe bpf_obj_get_info_by_fd(number, &information, &length)
        }
        self.name = name
        id = information.id
        self.descriptor = descriptor
    }

    /// Runs the program once on a packet of at least 14 bytes (`BPF_PROG_TEST_RUN`), in the calling thread's network
    /// namespace.
    ///
    /// A program on the traffic control hooks sees it as a frame that the loopback device received.
    public borrowing func run(on packet: [UInt8]) throws(BPFError) -> ProgramRun {
        let room = packet.count + 512
        let number = descriptor.rawValue
        var result: UInt32 = 0
        var length = 0
        var duration: UInt32 = 0
        let output = unsafe try [UInt8](unsafeUninitializedCapacity: room) { (output, count) throws(BPFError) in
            try attempt("run", on: "program \(name)") {
                unsafe packet.withUnsafeBytes { input in
                    var options = unsafe bpf_test_run_opts()
                    unsafe options.sz = MemoryLayout<bpf_test_run_opts>.size
                    unsafe options.data_in = input.baseAddress
                    unsafe options.data_size_in = UInt32(input.count)
                    unsafe options.data_out = UnsafeMutableRawPointer(output.baseAddress)
                    unsafe options.data_size_out = UInt32(room)
                    unsafe options.repeat = 1
                    let code = unsafe bpf_prog_test_run_opts(number, &options)
                    result = unsafe options.retval
                    length = unsafe Int(options.data_size_out)
                    duration = unsafe options.duration
                    return code
                }
            }
            count = length
        }
        return ProgramRun(result: result, packet: output, nanoseconds: Double(duration))
    }
}
