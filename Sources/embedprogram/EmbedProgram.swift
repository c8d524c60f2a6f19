// A build step: compiles a BPF program with the toolchain's clang and writes the object as a Swift source.
//
// usage: embedprogram CLANG PROGRAM HEADERS OUTPUT

internal import Glibc
internal import LinuxSystem

@main
enum EmbedProgram {
    static func main() {
        let arguments = CommandLine.arguments.dropFirst()
        guard arguments.count == 4 else { fail("usage: embedprogram CLANG PROGRAM HEADERS OUTPUT") }
        let words = Array(arguments)
        do {
            let object = words[3] + ".o"
            try compile(words[1], headers: words[2], with: words[0], to: object)
            try TextFile.replace(words[3], with: source(of: TextFile.readBytes(object)))
        } catch {
            fail("\(error)")
        }
    }

    private static func compile(_ program: String, headers: String, with clang: String, to object: String) throws {
        let folder = program.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        let result = try ChildProcess.run(
            clang,
            [
                // -g is for BTF, from which libbpf takes the maps; v3 has 32-bit jumps (kernel 5.1).
                "-target", "bpf", "-mcpu=v3", "-O2", "-g", "-Wall", "-Wextra", "-Werror",
                // The same object wherever it is built.
                "-ffile-prefix-map=\(folder)=.", "-fdebug-compilation-dir=.",
                // Where Debian keeps the kernel's headers that differ between processors.
                "-idirafter", "/usr/include/\(processor)-linux-gnu",
                "-I", headers, "-c", program, "-o", object,
            ], timeoutMilliseconds: 120_000)
        guard !result.status.isSuccess else { return }
        // As the compiler prints it, so that the build shows the place.
        let advice =
            result.errors.contains("file not found")
            ? "\nerror: headers of libbpf and of the kernel are needed; on Debian: apt-get install libbpf-dev linux-libc-dev"
            : ""
        fail(result.errors + advice)
    }

    /// Hexadecimal digits in one string literal: an array of numbers takes the compiler far longer.
    private static func source(of object: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(object.count * 2)
        for byte in object {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return """
            // Made by the build from tunnel.bpf.c.

            enum TunnelObject {
                static let hexadecimal: StaticString = "\(String(decoding: text, as: UTF8.self))"
            }

            """
    }

    private static var processor: String {
        #if arch(arm64)
        "aarch64"
        #else
        "x86_64"
        #endif
    }

    private static func fail(_ message: String) -> Never {
        try? StandardStream.error.write(message + "\n")
        exit(1)
    }
}
