// A plot of paths: a row for each, with its name, its marks on one axis, and the numbers that they stand for.

/// What is drawn; ``render(number:)`` draws it.
struct Plot {
    enum Shape {
        /// From 0 to the value.
        case bar
        /// At the value alone: on an axis without 0.
        case circle, diamond, triangle
    }

    /// A value with its spread.
    struct Mark {
        let shape: Shape
        let value: Double
        /// The lowest and the highest; nil where there is no spread.
        let spread: ClosedRange<Double>?
        /// In words, for whoever points at it.
        let about: String
        /// Which quantity it is, for programs that read the page.
        let quantity: String
    }

    struct Row {
        let name: String
        /// Place among the report's paths.
        let path: Int
        let marks: [Mark]
        /// As many as the plot has columns.
        let numbers: [String]
    }

    /// Rows under a heading.
    struct Band {
        let title: String?
        let rows: [Row]
    }

    /// A column of numbers beside the marks; its shape is theirs.
    struct Column {
        let title: String
        var shape: Shape?
    }

    /// What it shows, for those who cannot see it.
    let title: String
    let description: String
    let scale: Scale
    let columns: [Column]
    let bands: [Band]
    /// How many characters the names and the numbers of each column need.
    private(set) var room: (names: Int, numbers: [Int])

    init(title: String, description: String, scale: Scale, columns: [Column], bands: [Band]) {
        (self.title, self.description, self.scale, self.columns, self.bands) = (
            title, description, scale, columns, bands
        )
        let rows = bands.flatMap(\.rows)
        room.names = rows.map { Drawing.shortened($0.name).count }.max() ?? 0
        room.numbers = columns.indices.map { column in rows.map { $0.numbers[column].count }.max() ?? 0 }
    }

    /// The same plots with as much room for names and numbers in each, so that axes of one scale are equally long.
    static func aligned(_ plots: [Plot?]) -> [Plot?] {
        let all = plots.compactMap(\.self)
        guard let columns = all.first?.columns.count, all.allSatisfy({ $0.columns.count == columns }) else {
            return plots
        }
        let names = all.map(\.room.names).max() ?? 0
        let numbers = (0..<columns).map { column in all.map { $0.room.numbers[column] }.max() ?? 0 }
        return plots.map { plot in
            var plot = plot
            plot?.room = (names, numbers)
            return plot
        }
    }

    /// An SVG element; `number` makes its parts' names unique in a page.
    func render(number: Int) -> String { Drawing(self).render(number: number) }
}
