import FoundationEssentials
import Report
import Testing

@Suite struct ReportCodingTests {
    private func encode(_ report: BenchReport) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(report), as: UTF8.self)
    }

    @Test(arguments: [SampleReport.full, SmallReport.two, SmallReport.one, SmallReport.empty])
    func `What was written is read again`(report: BenchReport) throws {
        let text = try encode(report)
        #expect(try JSONDecoder().decode(BenchReport.self, from: Data(text.utf8)) == report)
    }

    @Test func `The keys are what readers rely on`() throws {
        var report = SmallReport.two
        report.figures.removeAll { $0.quantity != .tcp1 }
        report.overheads.removeFirst()
        report.interruption = "SIGINT"
        #expect(
            try encode(report) == """
                {
                  "begun" : "2026-11-23T09:14:07Z",
                  "command" : "poplin bench --quick",
                  "figures" : [
                    {
                      "max" : 18,
                      "median" : 16,
                      "min" : 14,
                      "mtu" : 1500,
                      "path" : "native",
                      "quantity" : "tcp-1",
                      "samples" : [
                        16,
                        14,
                        18
                      ],
                      "unit" : "Gb/s"
                    },
                    {
                      "max" : 16.2,
                      "median" : 15.2,
                      "min" : 13.3,
                      "mtu" : 1500,
                      "path" : "bpf",
                      "quantity" : "tcp-1",
                      "samples" : [
                        15.2,
                        13.3,
                        16.2
                      ],
                      "unit" : "Gb/s"
                    }
                  ],
                  "interruption" : "SIGINT",
                  "machine" : [
                    {
                      "name" : "kernel",
                      "value" : "Linux 6.18.44"
                    }
                  ],
                  "missing" : [
                    {
                      "path" : "fastd",
                      "reason" : "there is no program fastd"
                    }
                  ],
                  "network" : "the lab's network",
                  "overheads" : [
                    {
                      "deliveredBytes" : 64000,
                      "expectedPerPacket" : 20,
                      "measuredPerPacket" : 20,
                      "mix" : "small",
                      "mtu" : 1500,
                      "packets" : 1000,
                      "path" : "bpf",
                      "wireBytes" : 112000,
                      "wirePerByte" : 1.75
                    }
                  ],
                  "paths" : [
                    {
                      "about" : "routed by the kernel",
                      "name" : "native"
                    },
                    {
                      "about" : "IP-in-IP by programs",
                      "name" : "bpf"
                    }
                  ],
                  "ratios" : [
                    {
                      "max" : 0.9500000000000001,
                      "median" : 0.95,
                      "min" : 0.8999999999999999,
                      "mtu" : 1500,
                      "path" : "bpf",
                      "quantity" : "tcp-1",
                      "to" : "native"
                    }
                  ],
                  "rounds" : 3,
                  "secondsPerLoad" : 0.5
                }
                """)
    }
}
