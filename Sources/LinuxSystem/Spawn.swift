// The details of starting a program: its three streams, its signal state, its strings.

internal import CLinux
internal import Glibc

/// The descriptors that become 0, 1 and 2 of a child. All lie above 2, so that no move overwrites another's source.
struct StandardStreams: ~Copyable {
    private let input: Descriptor
    private let output: Descriptor
    private let errors: Descriptor

    init(input: Int32?, output: ChildProcess.Output, errors: ChildProcess.Output) throws(SyscallError) {
        let first = try Self.open(input.map { .descriptor($0) } ?? .null, inherited: 0)
        let second = try Self.open(output, inherited: 1)
        let third = try Self.open(errors, inherited: 2)
        self.input = first
        self.output = second
        self.errors = third
    }

    var numbers: [Int32] { [input.rawValue, output.rawValue, errors.rawValue] }

    private static func open(_ output: ChildProcess.Output, inherited: Int32) throws(SyscallError) -> Descriptor {
        switch output {
        case .null: return try null()
        case .inherited:
            // A daemon may have closed its own.
            do throws(SyscallError) {
                return try Descriptor.duplicate(of: inherited)
            } catch {
                return try null()
            }
        case .descriptor(let number): return try Descriptor.duplicate(of: number)
        case .file(let path):
            return try aboveStandard(try Descriptor.open(path, O_WRONLY | O_CREAT | O_APPEND, mode: 0o644))
        }
    }

    private static func null() throws(SyscallError) -> Descriptor {
        try aboveStandard(try Descriptor.open("/dev/null", O_RDWR))
    }

    private static func aboveStandard(_ descriptor: consuming Descriptor) throws(SyscallError) -> Descriptor {
        if descriptor.rawValue > 2 { return descriptor }
        return try Descriptor.duplicate(of: descriptor.rawValue)
    }
}

/// What to start, as values that can cross to another thread.
struct Launch: Sendable {
    let executable: String
    let arguments: [String]
    let environment: [String: String]?
    let newProcessGroup: Bool

    /// Starts the program from the calling thread, whose network namespace it inherits.
    func run(_ streams: [Int32]) throws(SyscallError) -> Int32 {
        for text in [executable] + arguments where text.utf8.contains(0) {
            throw SyscallError(operation: "posix_spawn", object: executable, code: EINVAL)
        }
        var actions = unsafe posix_spawn_file_actions_t()
        try check(unsafe posix_spawn_file_actions_init(&actions))
        defer { _ = unsafe posix_spawn_file_actions_destroy(&actions) }
        for (target, source) in streams.enumerated() {
            try check(unsafe posix_spawn_file_actions_adddup2(&actions, source, Int32(target)))
        }
        // Ours are closed on exec anyway; this is for what was passed to this process by its own parent.
        try check(unsafe clinux_spawn_close_from(&actions, 3))
        var attributes = posix_spawnattr_t()
        try check(unsafe posix_spawnattr_init(&attributes))
        defer { _ = unsafe posix_spawnattr_destroy(&attributes) }
        // Blocked and ignored signals outlive exec: a child of an agent would not hear its SIGTERM.
        var none = signalSet([])
        var all = sigset_t()
        _ = unsafe sigfillset(&all)
        try check(unsafe posix_spawnattr_setsigmask(&attributes, &none))
        try check(unsafe posix_spawnattr_setsigdefault(&attributes, &all))
        var flags = Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETSIGDEF)
        if newProcessGroup { flags |= Int32(POSIX_SPAWN_SETPGROUP) }
        try check(unsafe posix_spawnattr_setflags(&attributes, Int16(flags)))

        var pid: pid_t = 0
        let variables = environment?.map { "\($0.key)=\($0.value)" }
        let code = unsafe withCStrings([executable] + arguments) { argv in
            guard let variables else {
                return unsafe posix_spawnp(&pid, executable, &actions, &attributes, argv, environ)
            }
            return unsafe withCStrings(variables) { envp in
                unsafe posix_spawnp(&pid, executable, &actions, &attributes, argv, envp)
            }
        }
        try check(code)
        return pid
    }

    /// These calls return their error number.
    private func check(_ code: Int32) throws(SyscallError) {
        if code != 0 { throw SyscallError(operation: "posix_spawn", object: executable, code: code) }
    }
}

/// Strings as the null-terminated vector that exec takes, for the time of the call.
@unsafe private func withCStrings(
    _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Int32
) -> Int32 {
    let vector = UnsafeMutableBufferPointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: strings.count + 1)
    defer { unsafe vector.deallocate() }
    for (index, string) in strings.enumerated() { unsafe vector.initializeElement(at: index, to: strdup(string)) }
    unsafe vector.initializeElement(at: strings.count, to: nil)
    defer { for index in 0..<strings.count { unsafe free(vector[index]) } }
    guard let start = vector.baseAddress else { return EINVAL }
    return unsafe body(UnsafePointer(start))
}
