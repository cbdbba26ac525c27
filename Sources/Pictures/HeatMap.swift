/// Weights between 0 and 1 as a picture or as text: a row for each query, a column for each key.
public struct HeatMap: Sendable {
  /// What the map shows.
  public let title: String
  /// The names of the queries.
  public let queries: [String]
  /// The names of the keys.
  public let keys: [String]
  /// The weights, query by query.
  public let weights: [[Double]]

  /// Creates a map.
  public init(title: String, queries: [String], keys: [String], weights: [[Double]]) {
    precondition(
      weights.count == queries.count && weights.allSatisfy { $0.count == keys.count },
      "a map needs a weight for each query and key")
    (self.title, self.queries, self.keys, self.weights) = (title, queries, keys, weights)
  }
}

// MARK: - Text

extension HeatMap {
  /// The map in characters: the darker a cell, the larger its weight.
  ///
  ///     query ↓  key →  I        see      it
  ///     I               ▓▓ 0.72     0.08  ░░ 0.20
  public var text: String {
    let corner = "query ↓  key →"
    let first = max(columns(of: corner), queries.map(columns).max() ?? 0)
    let width = max(7, keys.map(columns).max() ?? 0)
    func line(_ name: String, _ cells: [String]) -> String {
      let padded = [filled(name, to: first)] + cells.map { filled($0, to: width) }
      return String(padded.joined(separator: "  ").reversed().drop { $0 == " " }.reversed())
    }
    let rows = zip(queries, weights).map { query, weights in
      line(query, weights.map { "\(shade($0)) \(twoPlaces($0))" })
    }
    return ([title, "", line(corner, keys)] + rows).joined(separator: "\n")
  }

  private func shade(_ weight: Double) -> String {
    let shades = ["  ", "░░", "▒▒", "▓▓", "██"]
    return weight.isFinite ? shades[min(4, max(0, Int(weight * 5)))] : "??"
  }
}

private func twoPlaces(_ weight: Double) -> String {
  guard weight.isFinite else { return "\(weight)" }
  let hundredths = Int((weight * 100).rounded())
  return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
}

/// The text with spaces up to a number of columns of a terminal.
private func filled(_ text: String, to width: Int) -> String {
  text + String(repeating: " ", count: max(0, width - columns(of: text)))
}

/// How many columns of a terminal a text takes: Chinese characters and the like take two.
private func columns(of text: String) -> Int {
  text.reduce(0) { $0 + (isWide($1) ? 2 : 1) }
}

private func isWide(_ character: Character) -> Bool {
  guard let value = character.unicodeScalars.first?.value else { return false }
  let wide: [ClosedRange<UInt32>] = [
    0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
    0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1FAFF, 0x20000...0x3FFFD,
  ]
  return wide.contains { $0.contains(value) }
}

// MARK: - Picture

extension HeatMap {
  /// One picture of maps below each other.
  public static func picture(of maps: [HeatMap], title: String) -> SVG {
    let heights = maps.map(\.height)
    var picture = SVG(
      width: maps.map(\.width).max() ?? 0, height: heights.reduce(0, +), title: title)
    var top = 0.0
    for (map, height) in zip(maps, heights) {
      map.draw(in: &picture, top: top)
      top += height
    }
    return picture
  }

  private static let cell = 44.0

  private var margin: Double { 36 + Double(queries.map(columns).max() ?? 0) * 7.5 }
  private var width: Double {
    max(margin + Double(keys.count) * HeatMap.cell + 24, 48 + Double(columns(of: title)) * 7.5)
  }
  private var height: Double { 96 + Double(queries.count) * HeatMap.cell }

  private func draw(in picture: inout SVG, top: Double) {
    let (cell, start) = (HeatMap.cell, top + 76)
    picture.text(title, at: (24, top + 28), .strong)
    picture.text("key →", at: (margin, top + 52), .faint)
    picture.text("query ↓", at: (margin - 10, top + 52), .faint, anchor: .end)
    for (j, key) in keys.enumerated() {
      picture.text(
        key, at: (margin + (Double(j) + 0.5) * cell, start - 6), anchor: .middle)
    }
    for (i, query) in queries.enumerated() {
      let y = start + Double(i) * cell
      picture.text(query, at: (margin - 10, y + cell / 2 + 4), anchor: .end)
      for (j, weight) in weights[i].enumerated() {
        let x = margin + Double(j) * cell
        let opacity = weight.isFinite ? min(max(weight, 0), 1) : 0
        picture.bar(
          x: x, y: y, width: cell - 2, height: cell - 2, series: 0, opacity: 0.04 + 0.96 * opacity,
          meaning: "\(query) → \(keys[j]): \(weight)")
        picture.label(twoPlaces(weight), at: (x + cell / 2 - 1, y + cell / 2 + 4), over: opacity)
      }
    }
  }
}
