import Foundation
import Testing

@testable import Report

@Suite struct ScaleTests {
    private static let linear: [(Double, [String])] = [
        (33.8, ["0", "10", "20", "30", "40"]), (40, ["0", "10", "20", "30", "40"]),
        (5, ["0", "1", "2", "3", "4", "5"]),
        (0.55, ["0", "0.2", "0.4", "0.6"]), (193_436, ["0", "50,000", "100,000", "150,000", "200,000"]),
        (2.219, ["0", "0.5", "1.0", "1.5", "2.0", "2.5"]), (0, ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (3e300, ["0", "1e300", "2e300", "3e300"]), (2e-12, ["0", "5e-13", "10e-13", "15e-13", "20e-13"]),
    ]

    @Test(arguments: linear)
    func `A linear axis begins at 0 and ends at a round number above all`(highest: Double, texts: [String]) {
        #expect(Scale.linear(to: highest).ticks.map(\.text) == texts)
    }

    private static let logarithmic: [(Double, Double, [String])] = [
        (10.2, 581, ["10", "20", "50", "100", "200", "500", "1000"]), (1, 1, ["1", "2"]),
        (0.456, 22, ["0.2", "0.5", "1", "2", "5", "10", "20", "50"]),
        (0.003, 9_000, ["0.001", "0.01", "0.1", "1", "10", "100", "1000", "10,000"]),
        (1e-200, 1e200, ["1e-200", "1e-150", "1e-100", "1e-50", "1", "1e50", "1e100", "1e150", "1e200"]),
    ]

    @Test(arguments: logarithmic)
    func `A logarithmic axis lies around all between round numbers`(low: Double, high: Double, texts: [String]) {
        let scale = Scale.logarithmic(from: low, to: high)
        #expect(scale.ticks.map(\.text) == texts)
        #expect(scale.isLogarithmic && scale.position(low) >= 0 && scale.position(high) <= 1)
    }

    @Test func `Decades are equally long, and what lies outside stands at the end`() {
        let scale = Scale.logarithmic(from: 1, to: 100)
        #expect(abs(scale.position(10) - 0.5) < 1e-12)
        #expect(scale.position(0) == 0 && scale.position(1e9) == 1)
        let linear = Scale.linear(to: 40)
        #expect(linear.position(10) == 0.25 && linear.position(-1) == 0 && linear.position(.infinity) == 0)
    }

    @Test func `Without a number above 0 there is no logarithmic axis`() {
        #expect(Scale.logarithmic(from: 0, to: 10) == .linear(to: 10))
    }

    @Test func `Labels without room are left out at even distances`() {
        let linear = Scale.linear(to: 25_000)
        #expect(linear.labels { $0.count < 4 }.map(\.text) == ["0", "10,000", "20,000"])
        #expect(Scale.logarithmic(from: 10, to: 900).labels { $0.count < 4 }.map(\.text) == ["10", "100", "1000"])
        #expect(linear.labels { _ in false }.map(\.text) == ["0"])
    }

    @Test(arguments: [1, 2, 9.999, 10, 0.001, 12_345.678, 1e300, 1e-300, .leastNonzeroMagnitude])
    func `The logarithm is the library's`(value: Double) {
        #expect(abs(Decade.logarithm(value) - log10(value)) < 1e-12 * max(1, abs(log10(value))))
    }
}
