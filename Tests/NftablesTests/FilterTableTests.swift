// The host filter in the running kernel: what is written is read back, changed by its difference, and seen by nft.

import Dataplane
import LinuxSystem
import Net
import Nftables
import Overlay
import Rtnetlink
import TestSupport
import Testing

@Suite(.needsNamespaces, .needsProgram("nft"))
struct FilterTableTests {
    @Test func `Without a table there is no filter, and what is written is read back as it was`() throws {
        try inNamespace {
            var table = FilterTable()
            let before = try #require(try table.observe())
            #expect(before.filter.isEmpty && before.isIntact)
            let masquerade = try sampleMasquerade()
            let pinned = sampleAdmission()
            var open = pinned
            open.local = nil
            open.others = []
            var unchecked = pinned
            unchecked.checksSources = false
            for filter in [
                HostFilter(masquerade: masquerade), HostFilter(admission: pinned, masquerade: masquerade),
                HostFilter(admission: open), HostFilter(admission: unchecked), HostFilter(admission: pinned),
                HostFilter(admission: Admission(local: nil, peers: [])), HostFilter(),
            ] {
                try table.set(filter)
                let after = try #require(try table.observe())
                #expect(after.filter == filter)
                let listing = try nft("list ruleset")
                #expect(after.isIntact, "\(listing)")
                #expect(listing.isEmpty == filter.isEmpty)
            }
        }
    }

    @Test func `nft shows the table as the documentation does`() throws {
        try inNamespace {
            var table = FilterTable()
            try table.set(HostFilter(admission: sampleAdmission(), masquerade: try sampleMasquerade()))
            print(try nft("list table ip poplin"))
        }
    }
}
