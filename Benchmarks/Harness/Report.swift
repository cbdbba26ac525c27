import Foundation
import Pictures

/// What was measured, as one page that needs no other file, and as Markdown beside the pictures.
struct Report {
  private let introduction: String
  private let sections: [Section]

  private struct Section {
    let title: String
    var charts: [Chart] = []
    var tables: [(title: String, header: [String], rows: [[String]])] = []
    var notes: [String] = []
  }

  /// The pictures in the order in which they appear.
  var charts: [Chart] { sections.flatMap(\.charts) }

  /// - Parameter date: The day of the run, as the caller writes it.
  init(_ figures: Figures, _ peers: Peers?, date: String, isQuick: Bool) {
    let all = bench.charts(of: figures, peers)
    func charts(_ names: String...) -> [Chart] { all.filter { names.contains($0.name) } }
    introduction =
      "\(date), \(isQuick ? "a quick run" : "a full run"). \(figures.machine.sentence)"
    let families = figures.rows.map(\.family).uniqued
    var sections = [
      Section(
        title: "Naive and optimised", charts: charts("speed-up"),
        tables: families.map { family in
          (
            family, Table.titles,
            figures.rows.filter { $0.family == family }.map(Table.cells)
          )
        }, notes: Table.legend(figures.rows)),
      Section(
        title: "How far the machine's limits are", charts: charts("limits", "roofline")),
    ]
    if let growth = figures.growth.first {
      sections.append(
        Section(
          title: "How cost grows with length", charts: charts("growth"),
          tables: [
            ("Time", Growth.Table.titles("ms at"), figures.growth.map(Growth.Table.times)),
            ("Memory", Growth.Table.titles("MiB at"), figures.growth.map(Growth.Table.memory)),
          ], notes: Growth.Table.legend(threads: growth.threads)))
    }
    if let peers {
      let names = peers.rows.flatMap(\.ratios.keys).uniqued.sorted()
      sections.append(
        Section(
          title: "Other people's software", charts: charts("peers"),
          tables: [
            (
              "Their time ÷ the kernel's", ["row", "threads"] + names,
              peers.rows.map { row in
                [row.row, String(row.threads)]
                  + names.map { row.ratios[$0].map { decimal($0, 2) } ?? "" }
              }
            )
          ], notes: ["Measured in turns by Benchmarks/Peers, on \(peers.machine.cpu)."]))
    }
    self.sections = sections
  }

  /// Writes the page, the Markdown and the pictures that it shows.
  func write(to directory: String) throws {
    try bench.write(charts, to: directory)
    let folder = URL(filePath: directory, directoryHint: .isDirectory)
    try Data(markdown.utf8).write(to: folder.appending(path: "report.md"), options: .atomic)
    try Data(html.utf8).write(to: folder.appending(path: "report.html"), options: .atomic)
  }
}

// MARK: - HTML

extension Report {
  private static let title = "TransformerSpec: what the kernels gain"

  var html: String {
    let body = sections.map { section in
      let charts = section.charts.map { "<figure>\n\($0.picture.document)</figure>" }
      let tables = section.tables.map { table in
        let rows = table.rows.map { "<tr>\(cells($0, "td"))</tr>" }.joined(separator: "\n")
        return """
          <h3>\(escaped(table.title))</h3>
          <div class="wide"><table>
          <tr>\(cells(table.header, "th"))</tr>
          \(rows)
          </table></div>
          """
      }
      let notes = section.notes.map { "<p>\(escaped($0))</p>" }
      return (["<h2>\(escaped(section.title))</h2>"] + charts + tables + notes)
        .joined(separator: "\n")
    }
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <title>\(Report.title)</title>
      <style>
      :root { color-scheme: light dark }
      body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem;
        background: #ffffff; color: #1f2328 }
      figure { margin: 1rem 0; overflow-x: auto }
      .wide { overflow-x: auto }
      table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums }
      th, td { padding: 2px 10px; text-align: right; white-space: nowrap; border-bottom: 1px solid #d8dee4 }
      th:first-child, td:first-child { text-align: left }
      @media (prefers-color-scheme: dark) {
        body { background: #0d1117; color: #e6edf3 }
        th, td { border-color: #30363d }
      }
      </style>
      </head>
      <body>
      <h1>\(Report.title)</h1>
      <p>\(escaped(introduction))</p>
      \(body.joined(separator: "\n"))
      </body>
      </html>

      """
  }

  private func cells(_ texts: [String], _ tag: String) -> String {
    texts.map { "<\(tag)>\(escaped($0))</\(tag)>" }.joined()
  }
}

// MARK: - Markdown

extension Report {
  var markdown: String {
    var blocks = ["# \(Report.title)", introduction]
    for section in sections {
      blocks.append("## \(section.title)")
      blocks += section.charts.map { "![\($0.name)](\($0.name).svg)" }
      for table in section.tables {
        let rule = table.header.indices.map { $0 == 0 ? "---" : "--:" }
        let lines = [table.header, rule] + table.rows
        blocks.append("### \(table.title)")
        blocks.append(lines.map { "| \($0.joined(separator: " | ")) |" }.joined(separator: "\n"))
      }
      blocks += section.notes
    }
    return blocks.joined(separator: "\n\n") + "\n"
  }
}

extension Array where Element: Hashable {
  /// The elements without those that came before.
  fileprivate var uniqued: [Element] {
    var seen: Set<Element> = []
    return filter { seen.insert($0).inserted }
  }
}
