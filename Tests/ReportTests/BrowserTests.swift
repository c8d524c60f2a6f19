import Report
import TestSupport
import Testing

@Suite(.serialized, .needsProgram("chromium")) struct BrowserTests {
    @Test(arguments: Browser.Scheme.allCases)
    func `A browser shows the page, wide and narrow`(scheme: Browser.Scheme) throws {
        let report = SampleReport.full
        let visit = try Browser.visit(ReportPage.render(report), widths: [360, 1280], scheme)
        #expect(visit.console.isEmpty)
        #expect(visit.sights.map(\.width) == [360, 1280])
        for sight in visit.sights {
            #expect(sight.scrollWidth <= sight.width)
            // One plot and one table for each group and MTU, and those of bytes on the wire.
            #expect(sight.plots == 18 && sight.tables == 18)
            #expect(sight.overlaps.isEmpty && sight.outside.isEmpty)
            #expect(sight.smallestLabel >= 10)
            let expected = report.figures.map { "\($0.path) \($0.quantity.rawValue)" }
            let wire = report.overheads.map { "\($0.path) wire-\($0.mix.rawValue)" }
            #expect(sight.marks.map { "\($0.series) \($0.quantity)" }.sorted() == (expected + wire).sorted())
            for mark in sight.marks {
                #expect(mark.width > 0 && mark.height > 0 && mark.fill.hasPrefix("rgb("), "\(mark)")
            }
            for path in report.paths { #expect(sight.labels.count { $0 == path.name } >= 18) }
        }
    }

    @Test func `Dark and light are different, and each path keeps a colour of its own`() throws {
        let page = ReportPage.render(SampleReport.full)
        let sights = try Browser.Scheme.allCases.map { try Browser.visit(page, widths: [800], $0).sights[0] }
        #expect(sights.map(\.background) == ["rgb(20, 23, 26)", "rgb(255, 255, 255)"])
        #expect(sights.map(\.text) == ["rgb(231, 234, 237)", "rgb(27, 31, 36)"])
        for sight in sights {
            let colours = Dictionary(grouping: sight.marks, by: \.series).mapValues { Set($0.map(\.fill)) }
            #expect(colours.values.allSatisfy { $0.count == 1 })
            #expect(Set(colours.values).count == 8)
        }
        let fills = sights.map { Set($0.marks.map(\.fill)) }
        #expect(fills[0].isDisjoint(with: fills[1]))
    }

    @Test(arguments: [SmallReport.one, SmallReport.two, SmallReport.empty])
    func `Small reports are pages as well`(report: BenchReport) throws {
        let visit = try Browser.visit(ReportPage.render(report), widths: [360, 1280])
        #expect(visit.console.isEmpty)
        for sight in visit.sights {
            #expect(sight.scrollWidth <= sight.width && sight.overlaps.isEmpty && sight.outside.isEmpty)
            #expect(sight.marks.count == report.figures.count + report.overheads.count)
        }
    }

    @Test func `Hostile names run nothing and push nothing aside`() throws {
        let visit = try Browser.visit(ReportPage.render(HostileReport.report), widths: [360])
        #expect(visit.console.isEmpty)
        #expect(visit.sights[0].title.hasPrefix("What encapsulation costs"))
        #expect(visit.sights[0].scrollWidth <= visit.sights[0].width)
        #expect(
            visit.sights[0].marks.contains { $0.series == HostileReport.name.replacing("\u{1B}", with: "\u{FFFD}") })
    }

    @Test func `A page that asked for something or was too wide would be found out`() throws {
        let page = ReportPage.render(SmallReport.two).replacing(
            "</main>",
            with: "<img src=\"http://192.0.2.1/a.png\"><p style=\"width:900px\">wide</p><script>1</script></main>")
        let visit = try Browser.visit(page, widths: [360])
        #expect(visit.console.count >= 2)
        #expect(visit.sights[0].scrollWidth > visit.sights[0].width)
    }
}
