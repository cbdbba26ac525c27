import Foundation
import Pictures

/// The numbers along one side of a chart.
struct Axis {
  let domain: ClosedRange<Double>
  let ticks: [Double]
  let isLogarithmic: Bool

  /// From 0 to a multiple of the step that no value exceeds, and at least to `end`.
  static func linear(covering values: [Double], to end: Double, step: Double) -> Axis {
    let last = (max(end, values.max() ?? end) / step).rounded(.up)
    return Axis(
      domain: 0...last * step, ticks: (0...Int(last)).map { Double($0) * step },
      isLogarithmic: false)
  }

  /// From one power of the base to another, so that every positive value lies between.
  static func logarithmic(covering values: [Double], base: Double = 10) -> Axis {
    let exponents = values.filter { $0 > 0 && $0.isFinite }.map { log($0) / log(base) }
    // Powers of the base themselves may come out a rounding error beside whole numbers.
    let first = Int(((exponents.min() ?? 0) + 1e-9).rounded(.down))
    let last = max(Int(((exponents.max() ?? 1) - 1e-9).rounded(.up)), first + 1)
    let ticks = (first...last).map { pow(base, Double($0)) }
    return Axis(domain: ticks[0]...ticks[ticks.count - 1], ticks: ticks, isLogarithmic: true)
  }

  /// Where a value lies between the ends: 0 … 1, beyond them where it lies beyond.
  func fraction(of value: Double) -> Double {
    let (low, high) = (domain.lowerBound, domain.upperBound)
    return isLogarithmic
      ? log(value / low) / log(high / low) : (value - low) / (high - low)
  }

  /// A tick as text, without digits that say nothing.
  static func label(_ tick: Double) -> String {
    decimal(tick, tick >= 1 || tick == 0 ? 0 : Int((-log10(tick)).rounded(.up)))
  }
}

/// A rectangle of a picture with an axis below and one beside it.
struct Plot {
  let left, top, width, height: Double
  let x, y: Axis

  var right: Double { left + width }
  var bottom: Double { top + height }

  func place(_ x: Double, _ y: Double) -> SVG.Point {
    (left + width * self.x.fraction(of: x), bottom - height * self.y.fraction(of: y))
  }

  /// Draws the grid, its numbers, and what they are numbers of.
  func draw(in picture: inout SVG, title: String, below: String, beside: String) {
    for tick in x.ticks {
      let x = place(tick, y.domain.lowerBound).x
      picture.line(from: (x, top), to: (x, bottom), .grid)
      picture.text(Axis.label(tick), at: (x, bottom + 16), .faint, anchor: .middle)
      if height > 1000 {  // its end is out of sight
        picture.text(Axis.label(tick), at: (x, top - 8), .faint, anchor: .middle)
      }
    }
    for tick in y.ticks {
      let y = place(x.domain.lowerBound, tick).y
      picture.line(from: (left, y), to: (right, y), .grid)
      picture.text(Axis.label(tick), at: (left - 6, y + 4), .faint, anchor: .end)
    }
    picture.line(from: (left, bottom), to: (right, bottom), .axis)
    picture.line(from: (left, top), to: (left, bottom), .axis)
    picture.text(title, at: (left, top - 10), .strong)
    picture.text(below, at: (left + width / 2, bottom + 34), .faint, anchor: .middle)
    picture.text(
      beside, at: (left - 48, top + height / 2), .faint, anchor: .middle, upwards: true)
  }
}
