import Foundation

/// The power of the length with which a quantity grows, as far as measurements tell.
struct Exponent: Codable, Equatable {
  let value: Double
  /// The true one lies within this of the value, with 95 % confidence, if there is a true one.
  let margin: Double

  /// How many of the longest lengths count: over a factor of 16, far from what short ones cost anyway.
  static let longest = 5

  /// Fits the straight line of logarithms, by least squares; `nil` below three points.
  ///
  ///     log y_i = a + b log n_i + ε_i,  b = S_xy / S_xx,  margin = t_(0.975, k−2) √(S_εε / (k − 2) / S_xx)
  init?(lengths: [Int], values: [Double]) {
    let points = zip(lengths, values).suffix(Exponent.longest).map { (log(Double($0)), log($1)) }
    guard points.count >= 3 else { return nil }
    let count = Double(points.count)
    let (x, y) = (points.map(\.0).reduce(0, +) / count, points.map(\.1).reduce(0, +) / count)
    let sxx = points.reduce(0) { $0 + ($1.0 - x) * ($1.0 - x) }
    let slope = points.reduce(0) { $0 + ($1.0 - x) * ($1.1 - y) } / sxx
    let residues = points.map { $0.1 - y - slope * ($0.0 - x) }
    let variance = residues.reduce(0) { $0 + $1 * $1 } / (count - 2)
    // Student's t for 1, 2 and 3 degrees of freedom.
    let t = [12.706, 4.303, 3.182][points.count - 3]
    (value, margin) = (slope, t * (variance / sxx).squareRoot())
  }

  /// `2.01 ± 0.03`.
  var text: String { "\(decimal(value, 2)) ± \(decimal(margin, 2))" }
}
