// The JSON files of figures.

import FoundationEssentials
import Report

struct FigureFiles {
    let directory: String

    /// What `poplin bench` wrote.
    func report(_ name: String) throws -> BenchReport { try read(name) }

    /// What one of the other benchmarks wrote.
    func series(_ name: String) throws -> SeriesFile { try read(name) }

    private func read<Value: Decodable>(_ name: String) throws -> Value {
        let path = "\(directory)/\(name)"
        do {
            return try JSONDecoder().decode(Value.self, from: Data(contentsOf: URL(filePath: path)))
        } catch {
            throw Problem("\(path): \(error)")
        }
    }
}

/// Series of a benchmark, with the aims that some of them have.
struct SeriesFile: Decodable {
    struct Series: Decodable {
        let name: String
        let unit: String
        let median: Double
        let min: Double
        let max: Double
        let count: Int
    }
    struct Aim: Decodable {
        let name: String
        let bound: String
        let limit: Double
        let met: Bool
    }

    let series: [Series]
    let aims: [Aim]
}
