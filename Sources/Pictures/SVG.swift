import Foundation

/// A picture in Scalable Vector Graphics, legible on a light page and on a dark one.
///
///     var picture = SVG(width: 90, height: 30, title: "Two lines")
///     picture.line(from: (10, 10), to: (80, 10), .axis)
///     picture.polyline([(10, 20), (40, 5), (80, 20)], .series(0))
///     picture.document     // <svg xmlns=… >…</svg>
///
/// Colours are classes of a style sheet that the picture brings along, so that they follow the page's
/// `prefers-color-scheme`. Those of series are Okabe's and Ito's for the colour-blind, darker or lighter
/// where the page would swallow them; whoever draws with them also gives each a shape or a place.
public struct SVG: Sendable {
  /// Where a text stands relative to its point.
  public enum Anchor: String, Sendable {
    /// The point is at its beginning.
    case start
    /// The point is at its middle.
    case middle
    /// The point is at its end.
    case end
  }

  /// What a text is drawn like.
  public enum Lettering: String, Sendable {
    /// Names and numbers.
    case plain
    /// Headings.
    case strong
    /// What explains.
    case faint
  }

  /// What a line is drawn like.
  public enum Stroke: Sendable {
    /// An axis.
    case axis
    /// A line of the grid.
    case grid
    /// A line of a series.
    case series(Int)
    /// A broken line of a series.
    case broken(Int)

    var classes: String {
      switch self {
      case .axis: "axis"
      case .grid: "grid"
      case .series(let index): "line line\(index % SVG.colours)"
      case .broken(let index): "line broken line\(index % SVG.colours)"
      }
    }
  }

  /// How many colours there are for series.
  public static let colours = palettes.light.count

  /// The width in pixels.
  public let width: Double
  /// The height in pixels.
  public let height: Double
  private let title: String
  private var elements: [String] = []

  /// Begins an empty picture.
  public init(width: Double, height: Double, title: String) {
    (self.width, self.height, self.title) = (width, height, title)
  }

  /// The whole picture as text.
  public var document: String {
    """
    <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(short(width)) \(short(height))" \
    width="\(short(width))" height="\(short(height))" role="img">
    <title>\(escaped(title))</title>
    <style>\(SVG.style)</style>
    <rect class="page" width="100%" height="100%"/>
    \(elements.joined(separator: "\n"))
    </svg>

    """
  }
}

// MARK: - Elements

extension SVG {
  /// A point in pixels from the upper left corner.
  public typealias Point = (x: Double, y: Double)

  /// Adds a text; upwards, it is read from below.
  public mutating func text(
    _ text: String, at point: Point, _ lettering: Lettering = .plain, anchor: Anchor = .start,
    upwards: Bool = false
  ) {
    let place = "x=\"\(short(point.x))\" y=\"\(short(point.y))\""
    let turn = upwards ? " transform=\"rotate(-90 \(short(point.x)) \(short(point.y)))\"" : ""
    elements.append(
      "<text class=\"\(lettering)\" text-anchor=\"\(anchor)\" \(place)\(turn)>\(escaped(text))</text>"
    )
  }

  /// Adds a straight line.
  public mutating func line(from start: Point, to end: Point, _ stroke: Stroke) {
    polyline([start, end], stroke)
  }

  /// Adds a line through points.
  public mutating func polyline(_ points: [Point], _ stroke: Stroke) {
    let list = points.map { "\(short($0.x)),\(short($0.y))" }.joined(separator: " ")
    elements.append("<polyline class=\"\(stroke.classes)\" points=\"\(list)\"/>")
  }

  /// Adds a bar in a series' colour, with what it stands for.
  public mutating func bar(
    x: Double, y: Double, width: Double, height: Double, series: Int, opacity: Double = 1,
    meaning: String
  ) {
    elements.append(
      "<rect class=\"fill\(series % SVG.colours)\" x=\"\(short(x))\" y=\"\(short(y))\" "
        + "width=\"\(short(width))\" height=\"\(short(height))\" "
        + "fill-opacity=\"\(short(opacity, 3))\"><title>\(escaped(meaning))</title></rect>")
  }

  /// Adds the mark of a series, hollow or filled, with what it stands for.
  ///
  /// Series differ in colour, and from one palette to the next in shape: circle, square, diamond,
  /// triangle.
  public mutating func mark(
    at point: Point, series: Int, isHollow: Bool = false, meaning: String
  ) {
    let corners: [Point] =
      switch (series / SVG.colours) % 4 {
      case 0:
        (0..<12).map { corner in
          let angle = Double(corner) * .pi / 6
          return (4.5 * cos(angle), 4.5 * sin(angle))
        }
      case 1: [(-4, -4), (4, -4), (4, 4), (-4, 4)]
      case 2: [(0, -5.5), (5.5, 0), (0, 5.5), (-5.5, 0)]
      default: [(0, -5.5), (5, 4), (-5, 4)]
      }
    let list = corners.map { "\(short(point.x + $0.x)),\(short(point.y + $0.y))" }
    let colour = series % SVG.colours
    elements.append(
      "<polygon class=\"\(isHollow ? "hollow" : "fill\(colour)") line\(colour)\" "
        + "points=\"\(list.joined(separator: " "))\"><title>\(escaped(meaning))</title></polygon>")
  }

  /// Adds a text over a bar, where the bar's opacity leaves the page or not.
  public mutating func label(_ text: String, at point: Point, over opacity: Double) {
    elements.append(
      "<text class=\"\(opacity > 0.5 ? "over" : "plain")\" text-anchor=\"middle\" "
        + "x=\"\(short(point.x))\" y=\"\(short(point.y))\">\(escaped(text))</text>")
  }
}

// MARK: - Style

extension SVG {
  private static let palettes = (
    light: ["#0072b2", "#c44e00", "#00805d", "#a84a84", "#6b6b6b", "#8f6400"],
    dark: ["#56b4e9", "#f0884d", "#2fc79b", "#e29cc4", "#b0b0b0", "#e6b032"]
  )

  private static let style = """

    text { font: 12px system-ui, sans-serif }
    .strong { font-weight: 600 }
    .axis, .grid, .line { fill: none; stroke-width: 1 }
    .line { stroke-width: 2 }
    .broken { stroke-dasharray: 5 4 }
    \(colours(page: "#ffffff", ink: "#1f2328", faint: "#59636e", grid: "#d8dee4", palettes.light))
    @media (prefers-color-scheme: dark) {
    \(colours(page: "#0d1117", ink: "#e6edf3", faint: "#9198a1", grid: "#30363d", palettes.dark))
    }

    """

  private static func colours(
    page: String, ink: String, faint: String, grid: String, _ series: [String]
  ) -> String {
    let fixed = """
      .page, .hollow, .over { fill: \(page) }
      .plain, .strong { fill: \(ink) }
      .faint { fill: \(faint) }
      .axis { stroke: \(faint) }
      .grid { stroke: \(grid) }
      """
    let rules = series.enumerated().map { index, colour in
      ".fill\(index) { fill: \(colour) } .line\(index) { stroke: \(colour) }"
    }
    return ([fixed] + rules).joined(separator: "\n")
  }
}

/// A number without digits that no eye can see.
private func short(_ number: Double, _ places: Int = 1) -> String {
  let power = [1.0, 10, 100, 1000][places]
  let rounded = (number * power).rounded() / power
  return rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)"
}

/// A text in which nothing is markup.
public func escaped(_ text: String) -> String {
  text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    .replacing("\"", with: "&quot;")
}
