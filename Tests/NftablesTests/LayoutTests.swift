// The table as a value: whatever is rendered is understood again as the very same filter, or it would be made anew for ever.

import Dataplane
import Net
import Overlay
import TestSupport
import Testing

@Suite struct LayoutTests {
    @Test func `What a filter is rendered to is read back as that filter`() {
        var random = SeededGenerator(seed: 99)
        #expect(FilterLayout.render(HostFilter()) == nil)
        for _ in 0..<500 {
            let filter = HostFilter(
                admission: Bool.random(using: &random) ? Self.admission(&random) : nil,
                masquerade: Self.masquerade(&random))
            guard let table = FilterLayout.render(filter) else {
                #expect(filter.isEmpty)
                continue
            }
            let back = FilterLayout.parse(table)
            #expect(back == filter)
        }
    }

    private static func address(_ random: inout SeededGenerator) -> IPv4Address {
        IPv4Address(rawValue: 0x0A00_0000 + UInt32.random(in: 0..<4096, using: &random))
    }

    private static func prefix(_ random: inout SeededGenerator) -> IPv4Prefix {
        let length: UInt8 = [0, 8, 20, 24, 26, 31, 32].randomElement(using: &random) ?? 26
        return IPv4Prefix(containing: address(&random), length: length)
    }

    private static func admission(_ random: inout SeededGenerator) -> Admission {
        let peers = (0..<Int.random(in: 0...4, using: &random)).map { number in
            TunnelPeer(
                name: "n\(number)", address: address(&random),
                tunnelAddress: Bool.random(using: &random) ? address(&random) : nil,
                prefixes: (0..<Int.random(in: 0...4, using: &random)).map { _ in prefix(&random) }.sorted())
        }
        let others = (0..<Int.random(in: 0...2, using: &random)).map { number in
            TunnelEnds(remote: number == 0 ? address(&random) : .any, local: number == 1 ? address(&random) : .any)
        }
        return Admission(
            local: Bool.random(using: &random) ? address(&random) : nil, peers: peers, others: others,
            checksSources: Bool.random(using: &random))
    }

    private static func masquerade(_ random: inout SeededGenerator) -> Masquerade? {
        Masquerade(
            pools: (0..<Int.random(in: 0...3, using: &random)).map { number in
                Pool(name: "p\(number)", prefix: prefix(&random), natOutgoing: Bool.random(using: &random))
            })
    }
}
