// What a device of the `ipip` driver was told (`IFLA_INFO_DATA`, net/ipv4/ipip.c): decoded, and asked for.

internal import CMnl
internal import Net

extension IPIPParameters {
    /// Decodes the attributes in `IFLA_INFO_DATA`; nil where one has another length than it should have.
    init?(_ attributes: Attributes) {
        self.init()
        var attributes = attributes
        while let attribute = attributes.next() {
            switch attribute.type {
            case IPIPAttribute.local:
                guard let value = attribute.bigEndian32 else { return nil }
                local = IPv4Address(rawValue: value)
            case IPIPAttribute.remote:
                guard let value = attribute.bigEndian32 else { return nil }
                remote = IPv4Address(rawValue: value)
            case IPIPAttribute.timeToLive:
                guard let value = attribute.load(UInt8.self) else { return nil }
                timeToLive = value
            case IPIPAttribute.typeOfService:
                guard let value = attribute.load(UInt8.self) else { return nil }
                typeOfService = value
            case IPIPAttribute.pathMTUDiscovery:
                guard let value = attribute.load(UInt8.self) else { return nil }
                alwaysDF = value != 0
            case IPIPAttribute.innerProtocol:
                guard let value = attribute.load(UInt8.self) else { return nil }
                // 0 is any, as on the driver's fallback device.
                hasDetail = hasDetail || (value != 0 && value != UInt8(IPPROTO_IPIP))
            case IPIPAttribute.link, IPIPAttribute.mark:
                guard let value = attribute.load(UInt32.self) else { return nil }
                hasDetail = hasDetail || value != 0
            case IPIPAttribute.encapsulation:
                guard let value = attribute.load(UInt16.self) else { return nil }
                hasDetail = hasDetail || value != 0
            case IPIPAttribute.collectMetadata:
                hasDetail = true
            default:
                break
            }
        }
        guard attributes.isExhausted else { return nil }
    }

    /// Writes the attributes; all of them, because the driver takes a missing one as zero.
    func encode(into request: RequestBuilder) {
        request.put(IPIPAttribute.local, local)
        request.put(IPIPAttribute.remote, remote)
        request.put(IPIPAttribute.timeToLive, timeToLive)
        request.put(IPIPAttribute.typeOfService, typeOfService)
        request.put(IPIPAttribute.pathMTUDiscovery, UInt8(alwaysDF ? 1 : 0))
    }
}
