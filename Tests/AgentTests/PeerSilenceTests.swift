// E5: an overloaded peer is not a peer without a tunnel.

import Net
import Testing

@testable import Agent

@Suite("Silence of a peer")
struct PeerSilenceTests {
    private let peer = IPv4Address(rawValue: 0x0A00_0201)
    private let other = IPv4Address(rawValue: 0x0A00_0202)

    @Test("E5: the first protocol unreachable is not believed, the second is where nothing came between")
    func secondCounts() {
        var silence = PeerSilence()
        let answers = [
            silence.confirms(peer, received: 7), silence.confirms(peer, received: 7),
            silence.confirms(peer, received: 7),
        ]
        #expect(answers == [false, true, true])
    }

    @Test("E5: a peer that sends is never believed to have no tunnel, and one says nothing of another")
    func sendingPeer() {
        var silence = PeerSilence()
        let answers =
            (0..<5).map { silence.confirms(peer, received: UInt64($0)) } + [silence.confirms(other, received: 4)]
        #expect(answers == [false, false, false, false, false, false])
    }

    @Test("Former peers are forgotten")
    func forgotten() {
        var silence = PeerSilence()
        _ = silence.confirms(peer, received: 1)
        silence.keep { $0 != peer }
        let isConfirmed = silence.confirms(peer, received: 1)
        #expect(!isConfirmed)
    }
}
