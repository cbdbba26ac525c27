import Foundation
import Pictures
import Testing

@testable import bench

#if canImport(FoundationXML)
  import FoundationXML
#endif

@Suite("Pictures and reports are complete")
struct ReportTests {
  private let figures: Figures = {
    var streaming = Row.example(topic: "Streams & <waits>")
    (streaming.operations, streaming.limit, streaming.family) = (nil, .memory, "Other")
    let points = (6...9).map { power in
      Growth.Point(
        length: 1 << power, seconds: Spread([1e-3 * Double(1 << power)]),
        peakKiB: power == 6 ? nil : 2048)
    }
    let growth = [GrowthSeries.Side.naive, .kernel].flatMap { side in
      ["every key", "causal"].map { variant in
        Growth(GrowthSeries("Attention", variant, side) { _ in }, threads: 1, points: points)
      }
    }
    return Figures(
      machine: .example, rows: [.example(), .example(threads: 2), streaming], growth: growth)
  }()

  private let peers = Peers(
    machine: Peers.Machine(cpu: "another"),
    rows: [
      Peers.Row(
        row: "Topic 2 × 3", threads: 1, seconds: ["Kernels": 1, "PyTorch": 1.5],
        ratios: ["PyTorch": 1.5, "NumPy": 4])
    ])

  @Test("there is a picture for everything that was measured, and none for the rest")
  func names() {
    #expect(
      charts(of: figures, peers).map(\.name)
        == ["speed-up", "limits", "roofline", "growth", "peers"])
    #expect(charts(of: Figures(machine: .example), nil).isEmpty)
    #expect(
      charts(of: Figures(machine: .example, rows: [figures.rows[2]]), nil).map(\.name)
        == ["speed-up", "limits"])
  }

  @Test("every picture is well-formed and within its frame")
  func wellFormed() {
    for (name, picture) in charts(of: figures, peers) {
      let document = picture.document
      #expect(XMLParser(data: Data(document.utf8)).parse(), "\(name)")
      for match in document.matches(of: /\b(?:x|y)="(?<place>[-0-9.]+)"/) {
        let place = Double(match.place)!
        #expect(place >= 0 && place <= max(picture.width, picture.height), "\(name): \(place)")
      }
    }
  }

  @Test("an axis covers its values from one power to another")
  func axes() {
    let axis = Axis.logarithmic(covering: [0.02, 30])
    #expect(axis.ticks.map(Axis.label) == ["0.01", "0.1", "1", "10", "100"])
    // Two quotients, two logarithms and their quotient are six roundings at most.
    #expect(abs(axis.fraction(of: 1) - 0.5) <= 0.5 * 6 * 0x1p-53)
    #expect(Axis.logarithmic(covering: [1000]).ticks.count == 2)
    #expect(Axis.logarithmic(covering: [64, 16384], base: 4).ticks.count == 5)
    #expect(Axis.linear(covering: [106], to: 100, step: 20).ticks == [0, 20, 40, 60, 80, 100, 120])
  }

  @Test("labels keep their distance and their order")
  func labels() {
    #expect(apart([10, 50, 12, 11], by: 5) == [10, 50, 20, 15])
    #expect(apart([], by: 5) == [])
  }

  @Test("the page needs no other file, and the Markdown only the pictures beside it")
  func pages() throws {
    let folder = try TemporaryFolder()
    let report = Report(figures, peers, date: "2026-01-31", isQuick: true)
    try report.write(to: folder.path("new/deep"))
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path("new/deep"))
    #expect(
      Set(files) == [
        "report.html", "report.md", "speed-up.svg", "limits.svg", "roofline.svg", "growth.svg",
        "peers.svg",
      ])
    for part in ["2026-01-31, a quick run. a processor, 2 cores.", "Streams &amp; &lt;waits&gt;"] {
      #expect(report.html.contains(part))
    }
    #expect(!report.html.contains("src=") && !report.html.contains("href="))
    #expect(report.html.components(separatedBy: "<svg ").count == 6)
    for chart in report.charts { #expect(report.markdown.contains("](\(chart.name).svg)")) }
    #expect(report.markdown.contains("| Topic 2 × 3 | 1 | 4.00 | 1.50 |"))
  }

  @Test("what peers wrote is read, whatever else it holds")
  func peersFile() throws {
    let folder = try TemporaryFolder()
    let text = """
      {"format": 1, "machine": {"cpu": "another", "threads": 2}, "contenders": ["PyTorch 2.13"],
       "rows": [{"row": "Topic 2 × 3", "threads": 1, "seconds": {"Kernels": 1, "PyTorch": 1.5},
                 "ratios": {"PyTorch": 1.5, "NumPy": 4}}]}
      """
    try Data(text.utf8).write(to: URL(filePath: folder.path("peers.json")))
    #expect(try readJSON(Peers.self, from: folder.path("peers.json"), format: 1) == peers)
  }
}
