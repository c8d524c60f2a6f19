// A real browser without a screen or a network, which looks at pages and tells what it sees.

import Foundation
import LinuxSystem
import TestSupport
import Testing

/// Debian's Chromium.
enum Browser {
    enum Scheme: Int, CaseIterable, CustomTestStringConvertible {
        case dark, light

        var testDescription: String { "\(self)" }
    }

    /// What the browser made of a page in a window of some width.
    struct Sight: Decodable {
        /// A bar or another mark of a path.
        struct Mark: Decodable {
            let series: String
            let quantity: String
            let fill: String
            let width: Double
            let height: Double
        }

        let width: Double
        let scrollWidth: Double
        let title: String
        let background: String
        let text: String
        let plots: Int
        let tables: Int
        let marks: [Mark]
        /// The text of all labels that are somewhere.
        let labels: [String]
        /// The smallest height of a label, in pixels.
        let smallestLabel: Double
        /// Labels that cover a part of another or of a mark.
        let overlaps: [String]
        /// Labels that reach out of their plot.
        let outside: [String]
    }

    /// What it saw, and what it complained about.
    struct Visit {
        let sights: [Sight]
        /// Lines of the console: errors of scripts, and what the page's policy refused.
        let console: [String]
    }

    /// Opens a page in windows of these widths.
    static func visit(_ page: String, widths: [Int], _ scheme: Scheme = .light) throws -> Visit {
        let scratch = ScratchDirectory()
        scratch.write("visit.html", frames(page, widths: widths))
        let arguments = [
            // What root must say; nothing from elsewhere is opened.
            "--no-sandbox", "--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
            "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-extensions", "--proxy-server=127.0.0.1:9", "--user-data-dir=\(scratch.path)/profile",
            "--window-size=1600,1200", "--blink-settings=preferredColorScheme=\(scheme.rawValue)",
            "--enable-logging=stderr", "--log-level=0", "--dump-dom", "file://\(scratch.path)/visit.html",
        ]
        var environment = ProcessInfo.processInfo.environment
        for name in ["HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "TMPDIR"] { environment[name] = scratch.path }
        let result = try withExtendedLifetime(scratch) {
            try ChildProcess.run(
                "chromium", arguments, environment: environment, limit: 8 << 20, timeoutMilliseconds: 120_000)
        }
        let found = try #require(result.output.firstMatch(of: /<pre id="sights">([^<]*)<\/pre>/), "\(result)")
        let json = try #require(String(found.output.1).removingPercentEncoding)
        return Visit(
            sights: try JSONDecoder().decode([Sight].self, from: Data(json.utf8)),
            console: result.errors.split(separator: "\n").map(String.init).filter { $0.contains("CONSOLE") })
    }

    /// A page with that page in a frame of each width, which looks into them: no browser makes a window that is as
    /// narrow as a telephone. The page itself is as it is, with its policy.
    private static func frames(_ page: String, widths: [Int]) -> String {
        let source = page.replacing("&", with: "&amp;").replacing("\"", with: "&quot;")
        let frames = widths.map {
            "<iframe style=\"border:0;width:\($0)px;height:900px\" srcdoc=\"\(source)\"></iframe>"
        }
        return """
            <!DOCTYPE html><html><head><meta charset="utf-8"><meta name="color-scheme" content="light dark"></head><body>
            \(frames.joined())
            <script>
            function look(frame) {
              const page = frame.contentDocument, view = frame.contentWindow;
              const style = view.getComputedStyle(page.body);
              const box = element => element.getBoundingClientRect();
              for (const details of page.querySelectorAll("details")) details.open = true;
              const labels = [...page.querySelectorAll("svg text")];
              const overlaps = [], outside = [];
              for (const plot of page.querySelectorAll("svg")) {
                const texts = [...plot.querySelectorAll("text")].map(text => [text.textContent, box(text)]);
                const all = box(plot);
                for (const [text, a] of texts) {
                  if (a.left < all.left - 1 || a.right > all.right + 1 || a.bottom > all.bottom + 1) outside.push(text);
                }
                const marks = [...plot.querySelectorAll("[data-series]")].map(mark => [mark.dataset.series + "'s mark", box(mark)]);
                texts.forEach(([one, a], index) => [...texts.slice(index + 1), ...marks].forEach(([other, b]) => {
                  const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
                  const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
                  if (across > 0 && down > 0) overlaps.push(one + " / " + other);
                }));
              }
              return {
                width: view.innerWidth, scrollWidth: page.documentElement.scrollWidth, title: page.title,
                background: style.backgroundColor, text: style.color,
                plots: page.querySelectorAll("svg[role=img]").length, tables: page.querySelectorAll("details table").length,
                marks: [...page.querySelectorAll("[data-series]")].map(mark => ({
                  series: mark.dataset.series, quantity: mark.dataset.quantity, fill: view.getComputedStyle(mark).fill,
                  width: box(mark).width, height: box(mark).height})),
                labels: labels.filter(text => box(text).width > 0).map(text => text.textContent),
                smallestLabel: Math.min(1000, ...labels.map(text => box(text).height)), overlaps, outside
              };
            }
            addEventListener("load", () => {
              const sights = JSON.stringify([...document.querySelectorAll("iframe")].map(look));
              document.body.innerHTML = "<pre id=sights></pre>";
              document.getElementById("sights").textContent = encodeURIComponent(sights);
            });
            </script></body></html>
            """
    }
}
