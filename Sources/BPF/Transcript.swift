// What libbpf would print to standard error becomes part of the error that it is about, thread by thread.

internal import CBpf
internal import Glibc
internal import Synchronization

/// What libbpf says during one call.
enum Transcript {
    /// The verifier's verdict stands at the end of a log that may have megabytes.
    private static let longest = 4000

    /// By thread, for as long as a call is under way.
    private static let texts = Mutex<[pthread_t: String]>([:])

    private static let isCapturing: Void = {
        _ = unsafe libbpf_set_print { level, format, values in
            guard level == LIBBPF_WARN, let format = unsafe format, let values = unsafe values else { return 0 }
            // A stream grows with the text, whose length is not known before.
            var text: UnsafeMutablePointer<CChar>?
            var length = 0
            guard let stream = unsafe open_memstream(&text, &length) else { return 0 }
            unsafe vfprintf(stream, format, values)
            unsafe fclose(stream)
            if let text = unsafe text { unsafe Transcript.append(String(cString: text)) }
            unsafe free(text)
            return 0
        }
    }()

    private static func append(_ text: String) {
        let thread = pthread_self()
        texts.withLock { texts in
            guard let before = texts[thread] else { return }
            texts[thread] = String((before + text).suffix(longest))
        }
    }

    /// Makes a call and returns what libbpf said meanwhile.
    static func during<Result>(_ body: () -> Result) -> (result: Result, log: String) {
        _ = isCapturing
        let thread = pthread_self()
        texts.withLock { $0[thread] = "" }
        let result = body()
        let log = texts.withLock { $0.removeValue(forKey: thread) } ?? ""
        return (result, log.trimmed)
    }
}

/// Makes a call of libbpf that returns a negative error number, and turns that into an error.
@discardableResult
func attempt(
    _ operation: String, on object: @autoclosure () -> String, _ body: () -> Int32
) throws(BPFError) -> Int32 {
    let (result, log) = Transcript.during(body)
    guard result < 0 else { return result }
    throw BPFError(operation: operation, object: object(), code: -result, log: log)
}

extension String {
    fileprivate var trimmed: String {
        var text = self[...]
        while text.last?.isNewline == true { text.removeLast() }
        return String(text)
    }
}
