// Reads IPv4 headers of packets that were cut off or are wrong, which a strict parser rightly refuses.

internal import Net

/// The fields of an IPv4 header (RFC 791) at an offset of some bytes; only that 20 bytes are there is certain.
struct HeaderView {
    let bytes: [UInt8]
    let offset: Int

    /// Nil where fewer than 20 bytes are there, or the version is not 4.
    init?(_ bytes: [UInt8], at offset: Int = 0) {
        guard offset >= 0, bytes.count - offset >= 20, bytes[offset] >> 4 == 4 else { return nil }
        self.bytes = bytes
        self.offset = offset
    }

    func byte(_ index: Int) -> UInt8 { bytes[offset + index] }
    func word(_ index: Int) -> UInt16 { UInt16(byte(index)) << 8 | UInt16(byte(index + 1)) }
    private func address(_ index: Int) -> IPv4Address {
        IPv4Address(rawValue: UInt32(word(index)) << 16 | UInt32(word(index + 2)))
    }

    var headerLength: Int { Int(byte(0) & 0xF) * 4 }
    var typeOfService: UInt8 { byte(1) }
    var totalLength: Int { Int(word(2)) }
    var identification: UInt16 { word(4) }
    var dontFragment: Bool { byte(6) & 0x40 != 0 }
    var moreFragments: Bool { byte(6) & 0x20 != 0 }
    /// In units of 8 bytes.
    var fragmentOffset: UInt16 { word(6) & 0x1FFF }
    var timeToLive: UInt8 { byte(8) }
    var protocolNumber: UInt8 { byte(9) }
    var checksum: UInt16 { word(10) }
    var source: IPv4Address { address(12) }
    var destination: IPv4Address { address(16) }
    /// Where the payload begins.
    var payload: Int { offset + max(20, headerLength) }
}
