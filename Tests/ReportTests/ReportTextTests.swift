import Report
import Testing

@Suite struct ReportTextTests {
    @Test func `A report is written as it is read`() {
        #expect(
            ReportText.render(SmallReport.two) == """
                Benchmark · the lab's network, 2026-11-23T09:14:07Z
                3 rounds, 0.5 s for each load. Numbers are medians (lowest–highest), then the ratio to native,
                formed within each round, as number and bar.

                TCP throughput · MTU 1500, Gb/s, more is better
                        1 flow
                native  16.0 (14.0–18.0)  1.00 ██████████
                bpf     15.2 (13.3–16.2)  0.95 █████████▌

                Request and response · MTU 1500, µs, less is better
                        p50
                native  10.5 (10.0–11.0)  1.00 ██████▋
                bpf     15.8 (15.0–16.5)  1.50 ██████████

                Bytes on the wire · MTU 1500, for each byte delivered, and added to each packet
                        mix    packets  wire/delivered  added  arithmetic
                native  small     1000           1.438   0.00        0.00
                bpf     small     1000           1.750  20.00       20.00

                Left out
                fastd  there is no program fastd

                Paths
                native   routed by the kernel
                bpf      IP-in-IP by programs

                Machine
                kernel   Linux 6.18.44
                command  poplin bench --quick

                In short
                - TCP throughput, 1 flow, MTU 1500: native carries 16.0 Gb/s (14.0–18.0). Ratio to it: bpf 0.95
                  (0.90–0.95).
                - Request and response, p50, MTU 1500: native takes 10.5 µs (10.0–11.0). Ratio to it: bpf 1.50
                  (1.50–1.50).
                - On the wire: Bytes added to a packet, as counted: bpf 20.0. The arithmetic says the same.

                """)
    }

    @Test func `One path has no ratios`() {
        #expect(
            ReportText.render(SmallReport.one) == """
                Benchmark · the lab's network, 2026-11-23T09:14:07Z
                3 rounds, 0.5 s for each load. Numbers are medians (lowest–highest).

                TCP throughput · MTU 1500, Gb/s, more is better
                        1 flow
                native  16.0 (14.0–18.0)

                Request and response · MTU 1500, µs, less is better
                        p50
                native  10.5 (10.0–11.0)

                Bytes on the wire · MTU 1500, for each byte delivered, and added to each packet
                        mix    packets  wire/delivered  added  arithmetic
                native  small     1000           1.438   0.00        0.00

                Left out
                fastd  there is no program fastd

                Paths
                native   routed by the kernel

                Machine
                kernel   Linux 6.18.44
                command  poplin bench --quick

                In short
                - TCP throughput, 1 flow, MTU 1500: native carries 16.0 Gb/s (14.0–18.0).
                - Request and response, p50, MTU 1500: native takes 10.5 µs (10.0–11.0).

                """)
    }

    @Test func `A report of nothing says what it has`() {
        #expect(
            ReportText.render(SmallReport.empty) == """
                Benchmark · the lab's network, 2026-11-23T09:14:07Z
                Nothing was measured.

                Machine
                command  poplin bench

                """)
    }

    @Test func `An MTU that nobody knows is not 0`() {
        var report = SmallReport.two
        report.figures = report.figures.map {
            .init(path: $0.path, mtu: 0, quantity: $0.quantity, samples: $0.samples)
        }
        let text = ReportText.render(report)
        #expect(text.contains("TCP throughput · MTU not known, Gb/s, more is better") && !text.contains("MTU 0"))
        #expect(!ReportPage.render(report).contains("MTU 0"))
    }

    @Test(arguments: [80, 100, 120])
    func `No line is wider than the terminal`(width: Int) {
        for line in ReportText.render(SampleReport.full, width: width).split(separator: "\n") {
            #expect(line.count <= width, "\(line)")
        }
    }

    @Test func `A terminal that is too narrow for a table still gets all numbers`() {
        let text = ReportText.render(SmallReport.two, width: 1)
        #expect(text.contains("15.2 (13.3–16.2)") && text.contains("0.95"))
    }

    @Test func `Colour adds escape sequences and nothing else`() {
        let coloured = ReportText.render(SampleReport.full, colour: true)
        #expect(coloured.contains("\u{1B}["))
        #expect(coloured.replacing(/\u{1B}\[[0-9]*m/, with: "") == ReportText.render(SampleReport.full))
    }

    @Test func `A name from elsewhere cannot command the terminal`() {
        var report = SmallReport.two
        report.paths[1].about = "clear\u{1B}[2J\nand\u{9B}31m"
        report.machine = [.init("a\u{7}b", "c\rd")]
        report.missing = [.init(path: "x\u{1B}c", reason: "\u{1B}]0;title\u{7}")]
        report.interruption = "by\u{8}e"
        let text = ReportText.render(report)
        #expect(
            !text.unicodeScalars.contains { $0 != "\n" && $0.properties.generalCategory == .control },
            "\(text.debugDescription)")
    }

    @Test func `An interruption stands at the top, with its reason`() {
        var report = SmallReport.two
        report.interruption = "SIGINT in round 3"
        report.figures[2].samples.removeLast()
        let lines = ReportText.render(report).split(separator: "\n")
        #expect(lines[1] == "Ended early: SIGINT in round 3. What was measured before is below.")
        report.figures = report.figures.map {
            .init(path: $0.path, mtu: $0.mtu, quantity: $0.quantity, samples: Array($0.samples.prefix(2)))
        }
        #expect(ReportText.render(report).contains("\n2 of 3 rounds, 0.5 s for each load."))
        #expect(lines.contains { $0.hasPrefix("bpf") && $0.contains("14.3 (13.3–15.2)") && $0.contains("0.95") })
    }

    @Test func `Nothing, much and infinitely little have their place`() {
        var report = SmallReport.two
        report.figures = [
            SmallReport.figure("native", .tcp1, [0]), SmallReport.figure("bpf", .tcp1, [1e300]),
            SmallReport.figure("native", .tcp4, [1e-300]), SmallReport.figure("bpf", .tcp4, [1e300]),
            SmallReport.figure("native", .tcp16, [2]), SmallReport.figure("bpf", .tcp16, [0]),
        ]
        let text = ReportText.render(report)
        // No ratio to nothing, none that is finite, and a ratio of nothing.
        #expect(text.contains("bpf     1.00e300  –              1.00e300     –                0     0\n"), "\(text)")
    }
}
