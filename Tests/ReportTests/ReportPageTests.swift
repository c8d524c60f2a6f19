import Foundation
import Testing

@testable import Report

@Suite struct ReportPageTests {
    @Test func `Hostile text is text`() {
        let hostile = "</title><script>alert('1')</script>\"onload=\"x\u{0}\u{1B}&amp;"
        #expect(
            HTML.escape(hostile)
                == "&lt;/title&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;onload=&quot;x\u{FFFD}\u{FFFD}&amp;amp;"
        )
    }

    @Test func `No field of a report can bring markup`() {
        let page = ReportPage.render(HostileReport.report)
        #expect(!page.contains(HostileReport.name))
        #expect(!page.lowercased().contains("<script") && !page.lowercased().contains("<img"))
        #expect(!page.unicodeScalars.contains { $0 != "\n" && $0.properties.generalCategory == .control })
    }

    @Test(arguments: [SampleReport.full, SmallReport.two, SmallReport.one, SmallReport.empty, HostileReport.report])
    func `A page is well formed, and its identifiers are unique`(report: BenchReport) throws {
        let page = ReportPage.render(report)
        var open: [Substring] = []
        for match in page.matches(of: /<(\/?)([a-z0-9]+)((?: [a-zA-Z-]+(?:="[^"<>]*")?)*)(\/?)>/) {
            let (_, closing, name, _, empty) = match.output
            if closing == "/" {
                try #require(open.last == name, "</\(name)> in \(open)")
                open.removeLast()
            } else if empty.isEmpty, name != "meta" {
                open.append(name)
            }
        }
        #expect(open.isEmpty)
        // Nothing else looks like markup.
        let tags = page.matches(of: /<\/?[a-z0-9]+(?: [a-zA-Z-]+(?:="[^"<>]*")?)*\/?>/).count
        #expect(page.count { $0 == "<" } == tags + 1 && page.hasPrefix("<!DOCTYPE html>"))
        let identifiers = page.matches(of: /\ id="([^"]*)"/).map(\.output.1)
        #expect(Set(identifiers).count == identifiers.count)
    }

    @Test func `A page asks for nothing`() {
        let page = ReportPage.render(SampleReport.full)
        for word in ["http:", "https:", "//", "src=", "href=", "url(", "@import", "<link", "<script"] {
            #expect(!page.contains(word), "\(word)")
        }
        #expect(page.contains("default-src 'none'"))
    }

    @Test func `Numbers of the terminal are on the page`() {
        let page = ReportPage.render(SampleReport.full)
        for block in SampleReport.full.blocks {
            for cell in block.cells {
                #expect(page.contains(">\(NumberText.significant(cell.spread.median))<"))
                if let range = cell.ratioRange { #expect(page.contains(">\(range)<")) }
            }
        }
    }

    @Test func `Plots of a group have the same axis at the same place, so that lengths can be compared`() {
        let plots = ReportPage.render(SampleReport.full).split(separator: "<svg ").dropFirst()
        let axes = plots.map {
            $0.matches(of: /x="([0-9.]+)" y="[0-9.]+" class="t">([^<]+)</).map { "\($0.1) \($0.2)" }
        }
        #expect(axes.count == 18 && axes.allSatisfy { $0.count > 1 })
        for pair in stride(from: 0, to: axes.count - 1, by: 2) { #expect(axes[pair] == axes[pair + 1]) }
    }

    @Test func `Paths that are missing, the command and an interruption are told`() {
        var report = SmallReport.two
        report.interruption = "SIGINT in round 3"
        let page = ReportPage.render(report)
        #expect(page.contains("there is no program fastd") && page.contains("poplin bench --quick"))
        #expect(page.contains("SIGINT in round 3"))
    }

    @Test func `Nothing measured is said, and zeros need no plot`() {
        #expect(ReportPage.render(SmallReport.empty).contains("Nothing was measured."))
        var report = SmallReport.one
        report.figures = [SmallReport.figure("native", .udp64Loss, [0, 0, 0])]
        report.overheads = []
        let page = ReportPage.render(report)
        #expect(page.contains("All of it is zero.") && page.contains("<details open>") && !page.contains("<svg"))
    }

    @Test func `Numbers of any size find a place`() {
        var report = SmallReport.two
        report.figures = [
            SmallReport.figure("native", .tcp1, [1e300, 1e-300]), SmallReport.figure("bpf", .tcp1, [0, 0]),
            SmallReport.figure("native", .ping50, [1e-300, 1]), SmallReport.figure("bpf", .ping50, [1e300, 1e308]),
            SmallReport.figure("native", .ping99, [.greatestFiniteMagnitude]),
        ]
        let page = ReportPage.render(report)
        #expect(!page.contains("inf") && !page.contains("nan"))
    }
}
