// The kernel's numbers in the width that they have on the wire; attribute numbers of nf_tables begin anew with each object.

internal import CMnl
internal import Glibc

/// Messages of nf_tables, with the number of their subsystem (`linux/netfilter/nfnetlink.h`, `nf_tables.h`).
enum TableMessage {
    private static func number(_ type: nf_tables_msg_types) -> UInt16 {
        UInt16(NFNL_SUBSYS_NFTABLES) << 8 | UInt16(type.rawValue)
    }

    static var beginBatch: UInt16 { UInt16(NLMSG_MIN_TYPE) }
    static var endBatch: UInt16 { UInt16(NLMSG_MIN_TYPE) + 1 }
    static var newTable: UInt16 { number(NFT_MSG_NEWTABLE) }
    static var getTable: UInt16 { number(NFT_MSG_GETTABLE) }
    static var deleteTable: UInt16 { number(NFT_MSG_DELTABLE) }
    static var newChain: UInt16 { number(NFT_MSG_NEWCHAIN) }
    static var getChain: UInt16 { number(NFT_MSG_GETCHAIN) }
    static var deleteChain: UInt16 { number(NFT_MSG_DELCHAIN) }
    static var newRule: UInt16 { number(NFT_MSG_NEWRULE) }
    static var getRule: UInt16 { number(NFT_MSG_GETRULE) }
    static var deleteRule: UInt16 { number(NFT_MSG_DELRULE) }
    static var newSet: UInt16 { number(NFT_MSG_NEWSET) }
    static var getSet: UInt16 { number(NFT_MSG_GETSET) }
    static var deleteSet: UInt16 { number(NFT_MSG_DELSET) }
    static var newElements: UInt16 { number(NFT_MSG_NEWSETELEM) }
    static var getElements: UInt16 { number(NFT_MSG_GETSETELEM) }
    static var deleteElements: UInt16 { number(NFT_MSG_DELSETELEM) }
    static var newObject: UInt16 { number(NFT_MSG_NEWOBJ) }
    static var getObject: UInt16 { number(NFT_MSG_GETOBJ) }
    static var deleteObject: UInt16 { number(NFT_MSG_DELOBJ) }
    static var getGeneration: UInt16 { number(NFT_MSG_GETGEN) }
}

extension nfgenmsg {
    /// Of family `ip`.
    static var ipv4: nfgenmsg { nfgenmsg(nfgen_family: UInt8(NFPROTO_IPV4), version: 0, res_id: 0) }

    /// Around a transaction: its resource is the subsystem, in network byte order.
    static var batch: nfgenmsg {
        nfgenmsg(nfgen_family: 0, version: 0, res_id: UInt16(NFNL_SUBSYS_NFTABLES).bigEndian)
    }
}

/// An attribute's number.
func number(_ value: some RawRepresentable<UInt32>) -> UInt16 { UInt16(truncatingIfNeeded: value.rawValue) }

/// The type numbers by which `nft` knows how to print a set's elements (`TYPE_IPADDR` of its `datatype.h`); the kernel
/// only keeps them. A pair is a concatenation, six bits for each.
enum KeyType {
    static let address: UInt32 = 7
    static let pair: UInt32 = address << 6 | address
}
