import Testing

@testable import Report

@Suite struct VerdictTests {
    @Test func `Headlines are ratios with their spread`() {
        let statements = Verdict(SmallReport.two).statements
        #expect(
            statements.map(\.finding) == [
                "native carries 16.0 Gb/s (14.0–18.0). Ratio to it: bpf 0.95 (0.90–0.95).",
                "native takes 10.5 µs (10.0–11.0). Ratio to it: bpf 1.50 (1.50–1.50).",
                "Bytes added to a packet, as counted: bpf 20.0. The arithmetic says the same.",
            ])
    }

    @Test func `A ratio whose spread includes 1 is no difference`() {
        var report = SmallReport.two
        report.figures = [
            SmallReport.figure("native", .tcp1, [10, 10, 10]), SmallReport.figure("bpf", .tcp1, [9, 9.5, 10.1]),
        ]
        #expect(
            Verdict(report).statements.first?.finding
                == "native carries 10.0 Gb/s (10.0–10.0). Not to be told from native in these rounds: bpf 0.95 (0.90–1.01)."
        )
    }

    @Test func `What was counted beyond the arithmetic is said`() {
        var report = SmallReport.two
        report.overheads[1].measuredPerPacket = 21.3
        #expect(
            Verdict(report).statements.last?.finding
                == "Bytes added to a packet, as counted: bpf 21.3. The arithmetic differs by 1.3 bytes a packet at most."
        )
    }

    @Test func `Nothing is said of nothing`() {
        #expect(Verdict(SmallReport.empty).statements.isEmpty)
        var report = SmallReport.two
        // Without the path that others are compared with.
        report.figures.removeAll { $0.path == "native" }
        report.overheads = []
        #expect(Verdict(report).statements.isEmpty)
    }
}
