// A compiled BPF object from its bytes to programs and maps in the kernel.

internal import CBpf
internal import Glibc
internal import LinuxSystem

/// An object file of BPF programs, opened and then loaded.
///
/// What is made of it, programs and maps, has descriptors of its own and may outlive it; what is attached to a hook goes
/// on without any process.
@safe
public struct ProgramObject: ~Copyable {
    private let object: OpaquePointer
    private let name: String

    /// The object file of the tunnel's programs, which is part of this binary.
    package static var tunnelBytes: [UInt8] { TunnelObject.bytes }

    /// Opens the tunnel's programs.
    public static func tunnel() throws(BPFError) -> ProgramObject {
        try ProgramObject(tunnelBytes, name: "tunnel")
    }

    /// Opens an object file.
    ///
    /// - Parameter name: what errors call it.
    public init(_ bytes: [UInt8], name: String) throws(BPFError) {
        let (opened, log) = unsafe Transcript.during { () -> (OpaquePointer?, Int32) in
            unsafe bytes.withUnsafeBytes { bytes in
                unsafe name.withCString { name in
                    var options = unsafe bpf_object_open_opts()
                    unsafe options.sz = cbpf_object_open_opts_size
                    unsafe options.object_name = name
                    let object = unsafe bpf_object__open_mem(bytes.baseAddress, bytes.count, &options)
                    return unsafe (object, errno)
                }
            }
        }
        guard let object = unsafe opened.0 else {
            throw unsafe BPFError(operation: "open", object: "object \(name)", code: opened.1, log: log)
        }
        unsafe self.object = object
        self.name = name
    }

    deinit {
        unsafe bpf_object__close(object)
    }

    /// Sets what the programs see as constants, before they are loaded.
    ///
    /// - Parameters:
    ///   - value: the whole section, as the programs lay it out.
    ///   - section: its name in the object; programs keep their settings in one of their own.
    /// - Throws: `EINVAL` for a value of another size.
    public mutating func setReadOnlyData<Value: BitwiseCopyable>(
        _ value: Value, section: String = ".rodata.settings"
    ) throws(BPFError) {
        let map = unsafe try mapPointer(section)
        try attempt("set", on: "map \(section) of \(name)") {
            unsafe withUnsafeBytes(of: value) { bytes in
                unsafe bpf_map__set_initial_value(map, bytes.baseAddress, bytes.count)
            }
        }
    }

    /// Makes the maps and has the kernel verify and take the programs.
    ///
    /// - Throws: ``BPFError`` with the verifier's last words where it refuses.
    public mutating func load() throws(BPFError) {
        try attempt("load", on: "object \(name)") { unsafe bpf_object__load(object) }
    }

    /// A program of a loaded object.
    public borrowing func program(named program: String) throws(BPFError) -> Program {
        let (pointer, _) = unsafe Transcript.during { unsafe bpf_object__find_program_by_name(object, program) }
        guard let pointer = unsafe pointer else {
            throw BPFError(operation: "find", object: "program \(program) of \(name)", code: ENOENT)
        }
        let what = "program \(program)"
        return try Program(duplicate(unsafe bpf_program__fd(pointer), of: what), name: program)
    }

    /// A hash of one value for each CPU, by a key of 32 bits.
    public borrowing func perCPUHash<Value: BitwiseCopyable>(
        named map: String, of value: Value.Type
    ) throws(BPFError) -> PerCPUHash<Value> {
        try PerCPUHash(self.map(map, BPF_MAP_TYPE_PERCPU_HASH, valueSize: MemoryLayout<Value>.size))
    }

    /// An array of one value for each CPU.
    public borrowing func perCPUArray<Value: BitwiseCopyable>(
        named map: String, of value: Value.Type
    ) throws(BPFError) -> PerCPUArray<Value> {
        try PerCPUArray(self.map(map, BPF_MAP_TYPE_PERCPU_ARRAY, valueSize: MemoryLayout<Value>.size))
    }

    /// A hash whose keys alone count, 32 bits each.
    public borrowing func keySet(named map: String) throws(BPFError) -> KeySet {
        try KeySet(self.map(map, BPF_MAP_TYPE_HASH, valueSize: MemoryLayout<UInt32>.size))
    }

    /// An array of maps whose only entry is a table of 64-bit elements.
    public borrowing func table(named map: String) throws(BPFError) -> TableMap {
        try TableMap(self.map(map, BPF_MAP_TYPE_ARRAY_OF_MAPS, valueSize: MemoryLayout<UInt32>.size))
    }

    /// A map of a loaded object, which must be as the caller believes.
    private borrowing func map(
        _ map: String, _ type: bpf_map_type, valueSize: Int
    ) throws(BPFError) -> MapDescriptor {
        let pointer = unsafe try mapPointer(map)
        let what = "map \(map)"
        guard unsafe bpf_map__type(pointer) == type, unsafe bpf_map__key_size(pointer) == 4,
            unsafe Int(bpf_map__value_size(pointer)) == valueSize
        else {
            throw BPFError(operation: "open as \(type)", object: what, code: EINVAL)
        }
        return MapDescriptor(try duplicate(unsafe bpf_map__fd(pointer), of: what), name: what)
    }

    private borrowing func mapPointer(_ map: String) throws(BPFError) -> OpaquePointer {
        let (pointer, _) = unsafe Transcript.during { unsafe bpf_object__find_map_by_name(object, map) }
        guard let pointer = unsafe pointer else {
            throw BPFError(operation: "find", object: "map \(map) of \(name)", code: ENOENT)
        }
        return unsafe pointer
    }
}

/// Another descriptor of what libbpf holds; a negative one is that of an object which is not loaded.
private func duplicate(_ descriptor: Int32, of object: String) throws(BPFError) -> Descriptor {
    let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
    guard copy >= 0 else { throw BPFError(operation: "open", object: object, code: errno) }
    return Descriptor(owning: copy)
}
