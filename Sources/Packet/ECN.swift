// Explicit congestion notification across a tunnel: the two tables of RFC 6040 and nothing else.

/// The low two bits of the TOS byte (RFC 3168 section 5).
public enum ECN: UInt8, CaseIterable, Hashable, Sendable {
    /// The transport does not take part.
    case notECT = 0
    /// Capable, codepoint 1 (`01`; L4S in RFC 9331).
    case ect1 = 1
    /// Capable, codepoint 0 (`10`).
    case ect0 = 2
    /// Congestion experienced.
    case ce = 3

    /// The codepoint in a TOS byte.
    public init(typeOfService: UInt8) {
        switch typeOfService & 3 {
        case 0: self = .notECT
        case 1: self = .ect1
        case 2: self = .ect0
        default: self = .ce
        }
    }

    /// What the outer header carries for this inner codepoint: RFC 6040 section 4.1, normal mode.
    public var encapsulated: ECN { self }

    /// What is forwarded for a pair of codepoints, nil for a drop: RFC 6040 section 4.2, figure 4.
    ///
    ///                      arriving outer header
    ///     inner     Not-ECT    ECT(0)     ECT(1)     CE
    ///     Not-ECT   Not-ECT    Not-ECT    Not-ECT    drop
    ///     ECT(0)    ECT(0)     ECT(0)     ECT(1)     CE
    ///     ECT(1)    ECT(1)     ECT(1)     ECT(1)     CE
    ///     CE        CE         CE         CE         CE
    public static func decapsulated(outer: ECN, inner: ECN) -> ECN? {
        switch (inner, outer) {
        case (.notECT, .ce): nil
        case (.ect0, .ce), (.ect1, .ce): .ce
        case (.ect0, .ect1): .ect1
        default: inner
        }
    }
}
