// Whatever the bytes are, decoding ends and reads nothing beyond them: an unreadable page stands behind the last one.

import Glibc
import TestSupport
import Testing

@testable import Rtnetlink

@Suite struct HostileInputTests {
    @Test func `Random, truncated and flipped messages are decoded or refused, without reading past their end`() throws
    {
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let mapping = try #require(mmap(nil, page * 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
        try #require(mapping != MAP_FAILED)
        defer { munmap(mapping, page * 2) }
        try #require(mprotect(mapping + page, page, PROT_NONE) == 0)

        var random = SeededGenerator(seed: 20)
        let seeds = [
            RouteCodecTests.tunnelRouteBytes,
            encoded(.createLink(LinkSpecification(name: "v0", kind: "veth", mtu: 1400, peer: .init(name: "v1")))),
            encoded(.addAddress(AddressMessage(link: 2, address: interfaceAddress("10.0.1.1/24")))),
            encoded(.addRule(RuleMessage(priority: 1, table: 9, source: prefix("10.0.0.0/8"), inputLink: "a"))),
            SendingCodecTests.neighbourBytes, SendingCodecTests.qdiscBytes, SendingCodecTests.chainBytes,
            SendingCodecTests.policyBytes,
            hex("3c000000 02000003 07000000 00000000 efffffff 34000000 18000506 07000000 00000000 08000100 61620000"),
        ]
        var decodedCount = 0
        for round in 0..<60_000 {
            var bytes: [UInt8]
            if round % 4 == 0 {
                bytes = (0..<Int.random(in: 0...80, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }
            } else {
                bytes = seeds[round % seeds.count]
                for _ in 0..<Int.random(in: 0...3, using: &random) {
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
                if round % 3 == 0 { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random)) }
            }
            if round % 2 == 0, bytes.count >= 16 { bytes = RouteCodecTests.withLength(bytes) }
            let start = mapping + page - bytes.count
            bytes.withUnsafeBytes { start.copyMemory(from: $0.baseAddress ?? $0.startPointer, byteCount: $0.count) }
            decodedCount += decodeEverything(UnsafeRawBufferPointer(start: start, count: bytes.count))
        }
        #expect(decodedCount > 1000, "the generator reaches what lies behind the checks")
    }

    @Test func `A length with its highest bit set is refused`() {
        var bytes = RouteCodecTests.tunnelRouteBytes
        bytes[3] = 0x80
        #expect(decoded(bytes) { $0.type } == nil)
    }

    private func decodeEverything(_ bytes: UnsafeRawBufferPointer) -> Int {
        var messages = Messages(bytes)
        var found = 0
        while let message = messages.next() {
            if RouteMessage(message) != nil { found += 1 }
            if LinkMessage(message) != nil { found += 1 }
            if AddressMessage(message) != nil { found += 1 }
            if RuleMessage(message) != nil { found += 1 }
            if NeighbourMessage(message) != nil { found += 1 }
            if QdiscMessage(message) != nil { found += 1 }
            if FilterChain(message) != nil { found += 1 }
            if IPsecPolicy.count(message) != nil { found += 1 }
            if Acknowledgement(message) != nil { found += 1 }
            if MonitorEvent(message) != nil { found += 1 }
            if !RequestDescription(message, linkName: { "\($0)" }).object.isEmpty { found += 1 }
        }
        return found
    }
}

extension UnsafeRawBufferPointer {
    /// Stands in where there are no bytes to copy.
    fileprivate var startPointer: UnsafeRawPointer { UnsafeRawPointer(bitPattern: 16).unsafelyUnwrapped }
}
