// Classic BPF on a socket: what the program does not take is dropped in the kernel, and wakes nobody.

internal import CLinux
internal import Glibc

extension Descriptor {
    /// Attaches a program (Documentation/networking/filter.rst) in place of the one that is there. What came before it
    /// stays in the socket's queue.
    borrowing func attach(_ program: [sock_filter]) throws(SyscallError) {
        var program = program
        let number = rawValue
        let length = UInt16(program.count)
        try syscall("setsockopt", on: "SO_ATTACH_FILTER") {
            unsafe program.withUnsafeMutableBufferPointer { instructions in
                var header = unsafe sock_fprog(len: length, filter: instructions.baseAddress)
                return unsafe setsockopt(
                    number, SOL_SOCKET, SO_ATTACH_FILTER, &header, socklen_t(MemoryLayout<sock_fprog>.size))
            }
        }
    }
}

extension sock_filter {
    /// An instruction; a jump passes over `then` or `otherwise` instructions.
    init(_ code: Int32, _ value: UInt32, _ then: UInt8 = 0, _ otherwise: UInt8 = 0) {
        self.init(code: UInt16(code), jt: then, jf: otherwise, k: value)
    }
}
