// A directory of its own for one test, removed when the test ends.

import Glibc

final class ConfigScratch {
    let path: String
    private var names: Set<String> = []

    init() {
        var template = Array("/tmp/poplin-test-XXXXXX".utf8CString)
        path = template.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress, mkdtemp(base) != nil else { return "" }
            return String(cString: base)
        }
        precondition(!path.isEmpty, "no scratch directory")
    }

    deinit {
        for name in names { unlink(path + "/" + name) }
        rmdir(path)
    }

    func write(_ name: String, _ text: String) {
        names.insert(name)
        guard let file = fopen(path + "/" + name, "w") else { return }
        fputs(text, file)
        fclose(file)
    }

    func read(_ name: String) -> String {
        guard let file = fopen(path + "/" + name, "r") else { return "" }
        defer { fclose(file) }
        var buffer = [UInt8](repeating: 0, count: 65536)
        let count = fread(&buffer, 1, buffer.count, file)
        return String(decoding: buffer[..<count], as: UTF8.self)
    }
}
