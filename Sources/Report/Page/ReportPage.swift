// A report as one HTML page that needs nothing else: no script, no font, no picture and no network.

/// A report as a page.
public enum ReportPage {
    /// The whole page (HTML Living Standard), as UTF-8 text. A browser that opens it fetches nothing: its policy
    /// forbids all but its own styles.
    public static func render(_ report: BenchReport) -> String {
        let sections = PageSections(report)
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
            <meta name="color-scheme" content="light dark">
            <meta name="generator" content="poplin bench">
            <title>\(HTML.escape("What encapsulation costs: \(report.network), \(report.begun)"))</title>
            <style>
            \(PageStyle.sheet)
            </style>
            </head>
            <body>
            <main>
            \(sections.all.filter { !$0.isEmpty }.joined(separator: "\n"))
            </main>
            </body>
            </html>

            """
    }
}
