// Many requests in few system calls, with an answer for each; a failing one never stops the others.

internal import CMnl
internal import Glibc
internal import Net

/// Requests that are sent together, in order.
public struct NetlinkBatch: ~Copyable, Sendable {
    var requests: RequestBuffer

    /// An empty batch with room for about `count` routes, 64 bytes each; it grows where that is too little.
    public init(reservingCapacity count: Int = 0) {
        requests = RequestBuffer(capacity: count * 64 + RequestBuffer.largestRequest)
    }

    /// The number of requests.
    public var count: Int { requests.count }

    /// Adds a request.
    public mutating func append(_ request: NetlinkRequest) {
        request.encode(into: &requests)
    }

    /// Forgets all requests and keeps the memory.
    public mutating func removeAll() {
        requests.removeAll()
    }
}

/// What became of the requests of a batch, in their order: nil where the kernel did as it was asked.
public struct BatchResults: RandomAccessCollection, Sendable {
    /// A refused request.
    public struct Failure: Hashable, Sendable {
        /// The request's place in the batch.
        public var index: Int
        public var error: NetlinkError
    }

    /// The refused requests, ascending by index.
    public let failures: [Failure]
    /// The number of requests.
    public let count: Int

    public var startIndex: Int { 0 }
    public var endIndex: Int { count }

    /// The failure of the request at `position`, nil where it succeeded.
    public subscript(position: Int) -> NetlinkError? {
        precondition(indices.contains(position), "not a request of this batch")
        var low = 0
        var high = failures.count
        while low < high {
            let middle = (low + high) / 2
            if failures[middle].index < position { low = middle + 1 } else { high = middle }
        }
        return low < failures.count && failures[low].index == position ? failures[low].error : nil
    }
}

extension NetlinkSocket {
    /// Bytes of one send: far below the send buffer's default of 212,992.
    static let sendLimit = 65536

    /// Performs one request.
    public mutating func perform(_ request: NetlinkRequest) throws(NetlinkError) {
        var batch = NetlinkBatch()
        batch.append(request)
        if let failure = try perform(&batch).failures.first { throw failure.error }
    }

    /// Performs all requests of a batch, in order; those that the kernel refuses do not stop the others.
    ///
    /// - Throws: ``NetlinkError`` where nothing is known of some of the requests, so that the state must be read anew.
    public mutating func perform(_ batch: inout NetlinkBatch) throws(NetlinkError) -> BatchResults {
        var refused: [RefusedRequest] = []
        var offset = 0
        var index = 0
        while index < batch.count {
            let first = nextSequence(count: 0)
            let chunk = unsafe batch.requests.chunk(
                from: offset, byteLimit: Self.sendLimit, countLimit: acknowledgementLimit, sequence: first)
            _ = unsafe nextSequence(count: chunk.count)
            let code = unsafe endpoint.send(chunk.bytes)
            guard code == 0 else { throw NetlinkError(kind: .overrun, code: code, operation: "send requests") }
            try unsafe collect(chunk.count, from: first, startingAt: index, into: &refused)
            unsafe offset += chunk.bytes.count
            unsafe index += chunk.count
        }
        guard !refused.isEmpty else { return BatchResults(failures: [], count: batch.count) }
        return BatchResults(failures: describe(refused, of: batch), count: batch.count)
    }

    /// Takes the acknowledgements of `count` requests. All are there already: the kernel works during the send.
    private mutating func collect(
        _ count: Int, from first: UInt32, startingAt index: Int, into refused: inout [RefusedRequest]
    ) throws(NetlinkError) {
        var pending = count
        while pending > 0 {
            switch endpoint.receive() {
            case .datagram(var messages):
                while let message = messages.next() {
                    let place = Int(message.sequence &- first)
                    guard place < count, let answer = Acknowledgement(message) else { continue }
                    pending -= 1
                    if answer.code != 0 { refused.append(RefusedRequest(index: index + place, answer: answer)) }
                }
            case .empty, .overrun:
                throw NetlinkError(kind: .overrun, code: ENOBUFS, operation: "read acknowledgements")
            case .failed(let code):
                throw NetlinkError(kind: .overrun, code: code, operation: "read acknowledgements")
            }
        }
    }

    /// Puts the failures into words, with the devices' names as they are now.
    private mutating func describe(
        _ refused: [RefusedRequest], of batch: borrowing NetlinkBatch
    ) -> [BatchResults.Failure] {
        let names = Dictionary(((try? links()) ?? []).map { ($0.index, $0.name) }) { first, _ in first }
        var failures: [BatchResults.Failure] = []
        failures.reserveCapacity(refused.count)
        var messages = unsafe Messages(batch.requests.bytes)
        var index = 0
        for refusal in refused {
            var message = messages.next()
            while index < refusal.index {
                message = messages.next()
                index += 1
            }
            index += 1
            let words = message.map { RequestDescription($0) { names[$0] ?? "index \($0)" } }
            let error = NetlinkError(
                code: refusal.answer.code, message: refusal.answer.message, offset: refusal.answer.offset,
                operation: words?.operation ?? "", object: words?.object ?? "")
            failures.append(BatchResults.Failure(index: refusal.index, error: error))
        }
        return failures
    }
}

/// A refusal before it is put into words.
private struct RefusedRequest {
    var index: Int
    var answer: Acknowledgement
}
