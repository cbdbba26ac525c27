import Foundation
import Pictures

/// A picture of a run, and the name of its file.
typealias Chart = (name: String, picture: SVG)

/// The pictures of what was measured.
func charts(of figures: Figures, _ peers: Peers?) -> [Chart] {
  var charts: [Chart] = []
  if !figures.rows.isEmpty {
    charts.append(("speed-up", speedUpChart(figures.rows)))
    charts.append(("limits", limitChart(figures.rows)))
  }
  if figures.rows.contains(where: { $0.operations != nil }) {
    charts.append(("roofline", rooflineChart(figures)))
  }
  if !figures.growth.isEmpty { charts.append(("growth", growthChart(figures.growth))) }
  if let peers, !peers.rows.isEmpty { charts.append(("peers", peersChart(peers))) }
  return charts
}

/// Makes the folder, if it is not there, and writes the pictures.
func write(_ charts: [Chart], to directory: String) throws {
  let folder = URL(filePath: directory, directoryHint: .isDirectory)
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  for chart in charts {
    try Data(chart.picture.document.utf8).write(
      to: folder.appending(path: "\(chart.name).svg"), options: .atomic)
  }
}

// MARK: - Bars

/// How many times as fast the kernel is as the equation.
private func speedUpChart(_ rows: [Row]) -> SVG {
  barChart(
    rows, title: "Speed-up: time of the equation ÷ time of the kernel",
    axis: .logarithmic(covering: rows.map(\.speedup) + [1]), from: 1, to: 1, unit: "times as fast",
    legend: [("kernel", 0)]
  ) { row in (row.speedup, 0, "\(row.naiveShape == nil ? "" : "~")\(decimal(row.speedup, 1))") }
}

/// Which share of its limit each row reaches.
private func limitChart(_ rows: [Row]) -> SVG {
  barChart(
    rows, title: "Share of what the machine can do",
    axis: .linear(covering: rows.map { $0.shareOfLimit.median * 100 }, to: 100, step: 20),
    from: 0, to: 100, unit: "% of the limit", legend: [("multiply-adds", 0), ("memory", 1)]
  ) { row in
    let percent = row.shareOfLimit.median * 100
    return (percent, row.limit == .multiplyAdds ? 0 : 1, decimal(percent, 0))
  }
}

/// Bars from a base, a line for each benchmark, in it a bar for each number of threads, fainter for
/// several; a line marks the goal.
private func barChart(
  _ rows: [Row], title: String, axis: Axis, from base: Double, to goal: Double, unit: String,
  legend: [(text: String, series: Int)], bar: (Row) -> (value: Double, series: Int, text: String)
) -> SVG {
  let lines = rows.grouped(by: \.name)
  let (lineHeight, familyHeight) = (20.0, 26.0)
  let families = rows.grouped(by: \.family).count
  let plot = Plot(
    left: 330, top: 84, width: 500,
    height: Double(lines.count) * lineHeight + Double(families) * familyHeight, x: axis,
    y: Axis(domain: 0...1, ticks: [], isLogarithmic: false))
  var picture = SVG(width: 980, height: plot.bottom + 50, title: title)
  plot.draw(in: &picture, title: "", below: unit, beside: "")
  picture.text(title, at: (24, 28), .strong)
  let counts = Set(rows.map(\.threads)).sorted()
  let entries = legend.flatMap { entry in
    counts.map { (text: "\(entry.text), \(threadCount($0))", series: entry.series, threads: $0) }
  }
  var x = 24.0
  for entry in entries {
    picture.bar(
      x: x, y: 42, width: 14, height: 10, series: entry.series, opacity: opacity(entry.threads),
      meaning: entry.text)
    picture.text(entry.text, at: (x + 20, 51), .faint)
    x += 36 + Double(entry.text.count) * 6
  }

  let (start, end) = (plot.place(base, 0).x, plot.place(goal, 0).x)
  picture.line(from: (end, plot.top), to: (end, plot.bottom), .axis)
  var (y, family) = (plot.top, "")
  for line in lines {
    if line[0].family != family {
      family = line[0].family
      picture.text(family, at: (24, y + 19), .strong)
      y += familyHeight
    }
    picture.text(line[0].name, at: (plot.left - 8, y + 13), anchor: .end)
    let thickness = (lineHeight - 4) / Double(line.count)
    var rightmost = start
    for (index, row) in line.enumerated() {
      let bar = bar(row)
      let end = plot.place(bar.value, 0).x
      rightmost = max(rightmost, end)
      picture.bar(
        x: min(start, end), y: y + 1 + Double(index) * thickness, width: abs(end - start),
        height: thickness - 1, series: bar.series, opacity: opacity(row.threads),
        meaning: "\(row.name), \(threadCount(row.threads)): \(bar.text) \(unit)")
    }
    let texts = line.map { bar($0).text }.joined(separator: " · ")
    picture.text(texts, at: (rightmost + 6, y + 13), .faint)
    y += lineHeight
  }
  return picture
}

private func opacity(_ threads: Int) -> Double { threads > 1 ? 0.5 : 1 }

// MARK: - Roofline

/// Operations per second over operations per byte, under the machine's two limits.
private func rooflineChart(_ figures: Figures) -> SVG {
  let machine = figures.machine
  let points = figures.rows.compactMap { row in
    row.operations.map {
      (row: row, intensity: $0 / row.bytes, rate: $0 / row.kernelSeconds.median / 1e9)
    }
  }
  let counts = machine.peakGFLOPS.keys.sorted()
  let plot = Plot(
    left: 80, top: 64, width: 580, height: 400,
    x: .logarithmic(covering: points.map(\.intensity) + [1], base: 100),
    y: .logarithmic(
      covering: points.map(\.rate) + counts.map { machine.peakGFLOPS[$0]! }
        + counts.map { machine.memcpyGBs[$0]! }))
  let title = "Roofline: rows whose operations are counted"
  var picture = SVG(width: 980, height: plot.bottom + 50, title: title)
  plot.draw(
    in: &picture, title: title, below: "operations per byte of inputs and output",
    beside: "GFLOP/s")
  let ends = plot.x.domain
  for (index, count) in counts.enumerated() {
    let (peak, bandwidth) = (machine.peakGFLOPS[count]!, machine.memcpyGBs[count]!)
    let first = max(ends.lowerBound, plot.y.domain.lowerBound / bandwidth)
    picture.polyline(
      [
        plot.place(first, first * bandwidth), plot.place(peak / bandwidth, peak),
        plot.place(ends.upperBound, peak),
      ], index == 0 ? .series(4) : .broken(4))
    picture.text(
      "\(threadCount(count)): \(decimal(peak, 0)) GFLOP/s, memcpy \(decimal(bandwidth, 0)) GB/s",
      at: (plot.right + 18, plot.bottom - Double(counts.count - index) * 18), .faint)
  }
  if let most = counts.last, most > 1 {
    picture.text(
      "hollow and broken: \(threadCount(most))", at: (plot.right + 18, plot.bottom), .faint)
  }
  let families = points.grouped(by: \.row.family).map { $0[0].row.family }
  for point in points {
    picture.mark(
      at: plot.place(point.intensity, point.rate),
      series: families.firstIndex(of: point.row.family)!, isHollow: point.row.threads > 1,
      meaning: "\(point.row.name), \(threadCount(point.row.threads)): "
        + "\(decimal(point.rate, 1)) GFLOP/s")
  }
  for (index, family) in families.enumerated() {
    let y = plot.top + 6 + Double(index) * 18
    picture.mark(at: (plot.right + 24, y), series: index, meaning: family)
    picture.text(family, at: (plot.right + 36, y + 4))
  }
  return picture
}

// MARK: - Growth

/// Time and memory over the length, both logarithmic: a power of the length is a straight line.
private func growthChart(_ growth: [Growth]) -> SVG {
  let families = growth.grouped(by: \.family)
  let (height, gap) = (240.0, 96.0)
  let title = "Cost over length, \(threadCount(growth[0].threads))"
  var picture = SVG(
    width: 1220, height: 48 + Double(families.count) * (height + gap), title: title)
  picture.text(title, at: (24, 28), .strong)
  picture.text(
    "kernel: full line; naive: broken line, hollow; the numbers are exponents of the length",
    at: (260, 28), .faint)
  for (index, family) in families.enumerated() {
    let top = 78 + Double(index) * (height + gap)
    drawGrowth(of: family, at: (80, top), height: height, unit: "ms", in: &picture) { growth in
      let points = growth.points.map { (length: $0.length, value: $0.seconds.median * 1000) }
      return (points, growth.timeExponent)
    }
    drawGrowth(of: family, at: (660, top), height: height, unit: "MiB", in: &picture) { growth in
      let points = growth.points.filter { $0.peakKiB ?? 0 > 0 }
      return (points.map { ($0.length, $0.peakKiB! / 1024) }, growth.memoryExponent)
    }
  }
  return picture
}

private func drawGrowth(
  of family: [Growth], at corner: SVG.Point, height: Double, unit: String, in picture: inout SVG,
  cost: (Growth) -> (points: [(length: Int, value: Double)], exponent: Exponent?)
) {
  let lines = family.map { (growth: $0, cost: cost($0)) }.filter { !$0.cost.points.isEmpty }
  let plot = Plot(
    left: corner.x, top: corner.y, width: 300, height: height,
    x: .logarithmic(covering: GrowthSeries.lengths.map(Double.init), base: 4),
    y: .logarithmic(covering: lines.flatMap(\.cost.points).map(\.value)))
  plot.draw(
    in: &picture, title: "\(family[0].family), \(unit == "ms" ? "time" : "memory")",
    below: "length (positions)", beside: unit)
  let variants = family.grouped(by: \.variant).map { $0[0].variant }
  let ends = lines.map { line in
    let last = line.cost.points.last!
    return plot.place(Double(last.length), last.value).y
  }
  for (line, y) in zip(lines, apart(ends, by: 16)) {
    let (growth, series) = (line.growth, variants.firstIndex(of: line.growth.variant)!)
    let isNaive = growth.side == .naive
    let places = line.cost.points.map { plot.place(Double($0.length), $0.value) }
    picture.polyline(places, isNaive ? .broken(series) : .series(series))
    for (point, place) in zip(line.cost.points, places) {
      picture.mark(
        at: place, series: series, isHollow: isNaive,
        meaning: "\(growth.name), length \(point.length): \(decimal(point.value, 3)) \(unit)")
    }
    let label =
      "\(growth.variant), \(growth.side)" + (line.cost.exponent.map { "  \($0.text)" } ?? "")
    picture.mark(at: (plot.right + 14, y), series: series, isHollow: isNaive, meaning: label)
    picture.text(label, at: (plot.right + 24, y + 4))
  }
}

/// The heights of labels that may not touch, each near where it was, in the order in which they were.
func apart(_ heights: [Double], by least: Double) -> [Double] {
  let order = heights.indices.sorted { heights[$0] < heights[$1] }
  var placed = heights
  for (before, index) in zip(order, order.dropFirst()) {
    placed[index] = max(placed[index], placed[before] + least)
  }
  return placed
}

// MARK: - Peers

/// How long others take for a row, in units of the kernel's time.
private func peersChart(_ peers: Peers) -> SVG {
  let names = Set(peers.rows.flatMap(\.ratios.keys)).sorted()
  let lineHeight = 18.0
  let labels = peers.rows.map { "\($0.row), \(threadCount($0.threads))" }
  let plot = Plot(
    left: 32 + Double(labels.map(\.count).max()!) * 6.5, top: 84, width: 520,
    height: Double(peers.rows.count) * lineHeight + 8,
    x: .logarithmic(covering: peers.rows.flatMap(\.ratios.values) + [0.9, 1.1], base: 2),
    y: Axis(domain: 0...1, ticks: [], isLogarithmic: false))
  let title = "Others: their time ÷ the kernel's, turn by turn; right of 1 the kernel is faster"
  var picture = SVG(width: plot.right + 40, height: plot.bottom + 50, title: title)
  plot.draw(in: &picture, title: "", below: "times the kernel's time", beside: "")
  picture.text(title, at: (24, 28), .strong)
  var x = 24.0
  for (series, name) in names.enumerated() {
    picture.mark(at: (x + 6, 47), series: series, meaning: name)
    picture.text(name, at: (x + 16, 51), .faint)
    x += 40 + Double(name.count) * 6.5
  }
  let one = plot.place(1, 0).x
  picture.line(from: (one, plot.top), to: (one, plot.bottom), .axis)
  for (index, (row, label)) in zip(peers.rows, labels).enumerated() {
    let y = plot.top + 13 + Double(index) * lineHeight
    picture.text(label, at: (plot.left - 8, y + 4), anchor: .end)
    for (series, peer) in names.enumerated() {
      guard let ratio = row.ratios[peer], ratio > 0 else { continue }
      picture.mark(
        at: (plot.place(ratio, 0).x, y), series: series,
        meaning: "\(label): \(peer) takes \(decimal(ratio, 2)) times as long")
    }
  }
  return picture
}

/// What `python Benchmarks/Peers --json FILE` wrote.
struct Peers: Codable, Equatable {
  static let currentFormat = 1

  struct Row: Codable, Equatable {
    /// The benchmark's name.
    let row: String
    let threads: Int
    /// The median seconds of each contender.
    let seconds: [String: Double]
    /// From a contender to its time ÷ the kernel's, the median over the turns.
    let ratios: [String: Double]
  }

  struct Machine: Codable, Equatable {
    let cpu: String
  }

  let machine: Machine
  let rows: [Row]
}

extension Array {
  /// The elements that share a property, in the order of their first.
  fileprivate func grouped<Key: Hashable>(by key: (Element) -> Key) -> [[Element]] {
    var (groups, places): ([[Element]], [Key: Int]) = ([], [:])
    for element in self {
      if let place = places[key(element)] {
        groups[place].append(element)
      } else {
        places[key(element)] = groups.count
        groups.append([element])
      }
    }
    return groups
  }
}
