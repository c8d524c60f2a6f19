import Testing

@testable import Report

@Suite struct NumberTextTests {
    @Test(arguments: [
        (0, "0"), (1, "1.00"), (16.168, "16.2"), (9.996, "10.0"), (9.9949, "9.99"), (99.96, "100"), (999.5, "1000"),
        (0.6154, "0.615"), (0.000_123_4, "0.000123"), (12_345, "12,300"), (21_449.9, "21,400"),
        (1e11, "100,000,000,000"),
        (1.234e15, "1.23e15"), (2e-9, "2.00e-9"), (-3.5, "−3.50"), (.infinity, "–"), (.nan, "–"),
        (.leastNonzeroMagnitude, "4.94e-324"), (.greatestFiniteMagnitude, "1.80e308"),
    ])
    func `A number has three significant figures`(value: Double, text: String) {
        #expect(NumberText.significant(value) == text)
    }

    @Test(arguments: [
        (1, "1.00"), (0.9517, "0.95"), (0.0996, "0.10"), (0.0487, "0.049"), (0.001, "0.00100"), (9.994, "9.99"),
        (9.996, "10.0"), (29.63, "29.6"), (0, "0"),
    ])
    func `A ratio near 1 has two decimals`(value: Double, text: String) {
        #expect(NumberText.ratio(value) == text)
    }

    @Test func `A count is exact`() {
        #expect(NumberText.count(200_000) == "200,000")
        #expect(NumberText.count(4096) == "4096")
        #expect(NumberText.count(.min) == "−9,223,372,036,854,775,808")
    }

    @Test func `A setting is as it was given`() {
        #expect(NumberText.setting(2) == "2" && NumberText.setting(0.5) == "0.5")
    }

    @Test func `Fixed decimals round, and nothing is no negative number`() {
        #expect(NumberText.fixed(19.996, decimals: 2) == "20.00")
        #expect(NumberText.fixed(0.05, decimals: 2) == "0.05")
        #expect(NumberText.fixed(-0.001, decimals: 2) == "0.00")
        #expect(NumberText.fixed(1e300, decimals: 2) == "1.00e300")
    }
}
