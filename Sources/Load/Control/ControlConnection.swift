// Lines of text over TCP, short and printable: whatever the other end sends, no more than a line of it is kept.

internal import LinuxSystem

/// One end of the connection over which a client orders loads. For one thread.
final class ControlConnection {
    /// What came, if anything.
    enum Input: Hashable {
        /// A line without its end.
        case line(String)
        /// Nothing in the time.
        case nothing
        /// Something that is no line of printable ASCII.
        case nonsense
        /// The other end closed the connection, or it broke.
        case end
    }

    private static let longestLine = 512
    /// After which a silent peer is gone. Shorter would blame it for a path that the load itself has filled.
    private static let silenceSeconds: Int32 = 30

    private let socket: InetSocket
    private var buffer: [UInt8] = []

    init(_ socket: consuming InetSocket) throws(SyscallError) {
        try socket.setNoDelay(true)
        try socket.setPeerTimeout(seconds: Self.silenceSeconds)
        self.socket = socket
    }

    /// Readable when the other end said something, or went.
    var descriptor: Int32 { socket.descriptor.rawValue }

    func localAddress() throws(SyscallError) -> UInt32 { try socket.localAddress() }
    func peerAddress() throws(SyscallError) -> UInt32 { try socket.peerAddress() }

    /// Sends a line; the end is added.
    func send(_ line: String) throws(SyscallError) {
        try socket.descriptor.writeAll(Array((line + "\n").utf8), timeoutMilliseconds: 2000)
    }

    /// Takes the next line.
    ///
    /// - Parameter timeoutMilliseconds: for a piece of it; 0 only asks.
    func receive(timeoutMilliseconds: Int32) -> Input {
        if let input = takeLine() { return input }
        do throws(SyscallError) {
            guard let bytes = try socket.receive(limit: Self.longestLine, timeoutMilliseconds: timeoutMilliseconds)
            else { return .nothing }
            if bytes.isEmpty { return .end }
            buffer += bytes
        } catch {
            return .end
        }
        return takeLine() ?? .nothing
    }

    private func takeLine() -> Input? {
        guard let end = buffer.firstIndex(of: UInt8(ascii: "\n")) else {
            return buffer.count > Self.longestLine ? .nonsense : nil
        }
        let line = buffer[..<end]
        buffer.removeFirst(end + 1)
        guard line.allSatisfy({ (0x20...0x7E).contains($0) }) else { return .nonsense }
        return .line(String(decoding: line, as: UTF8.self))
    }
}
