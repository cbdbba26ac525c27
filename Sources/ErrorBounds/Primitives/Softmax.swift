import Equations
import Foundation
import Notation

/// The largest error that a softmax may have, element by element.
///
///     p_i (e^{a_i + r + 2u} − 1) + η
///     a_i = 2u + u |z_i − max z|      the exponential's ulp, and the rounding of its argument
///     r   = Σ_j p_j a_j + γ_D         the sum, its terms positive
///     D   = ⌈m / 16⌉ + 5 for the kernel, m for the equation
///
/// and 2u for the reciprocal and the last product. Weights below η, 2⁻¹²⁶ in `Float`, may be flushed.
///
/// - Parameters:
///   - z: Logits, … × m.
///   - arithmetic: Whose softmax it is.
/// - Returns: … × m; of no meaning where the softmax is NaN.
public func softmaxBound(
  _ z: Tensor<Double>, in arithmetic: Arithmetic = .kernel
) -> Tensor<Double> {
  mapRows(z) { row in
    let errors = SoftmaxErrors(row, in: arithmetic)
    return row.indices.map { i in
      let p = errors.weights[i]
      let epsilon = errors.ofTerm[i] + errors.ofSum + 2 * arithmetic.unitRoundoff
      return (p == 0 ? 0 : p * expm1(epsilon)) + arithmetic.smallestNormal
    }
  }
}

/// The largest error that a log-softmax may have, element by element.
///
///     u |z_i − max z| + r + 2u |log S| + u |z_i − max z − log S|
///
/// r is the relative error of the sum S as in `softmaxBound`, 2u |log S| the logarithm's ulp.
///
/// - Parameters:
///   - z: Logits, … × m.
///   - arithmetic: Whose log-softmax it is.
/// - Returns: … × m; 0 where the log-softmax is −∞, of no meaning where it is NaN.
public func logSoftmaxBound(
  _ z: Tensor<Double>, in arithmetic: Arithmetic = .kernel
) -> Tensor<Double> {
  let u = arithmetic.unitRoundoff
  return mapRows(z) { row in
    let errors = SoftmaxErrors(row, in: arithmetic)
    return row.map { z in
      let d = z - errors.maximum
      if d == -.infinity { return 0 }
      let result = abs(d - errors.logOfSum)
      // The factor makes up for products of two errors, each below 2⁻¹⁰.
      return (u * (abs(d) + 2 * errors.logOfSum + result) + errors.ofSum) * 1.001
    }
  }
}

/// The relative errors of one row's exponentials and of their sum.
private struct SoftmaxErrors {
  let maximum: Double
  let weights: [Double]
  let logOfSum: Double
  let ofTerm: [Double]
  let ofSum: Double

  init(_ row: [Double], in arithmetic: Arithmetic) {
    let u = arithmetic.unitRoundoff
    let largest = row.max() ?? 0
    let exponentials = row.map { exp($0 - largest) }
    let sum = exponentials.reduce(0, +)
    maximum = largest
    weights = exponentials.map { $0 / sum }
    logOfSum = log(sum)
    ofTerm = row.map { 2 * u + u * abs($0 - largest) }
    let average = zip(weights, ofTerm).reduce(0) { $1.0 == 0 ? $0 : $0 + $1.0 * $1.1 }
    let relative =
      average + arithmetic.gamma(arithmetic.sumDepth(row.count))
      + Double(row.count) * arithmetic.smallestNormal
    ofSum = relative / (1 - relative)
  }
}

private func mapRows(
  _ z: Tensor<Double>, _ transform: ([Double]) -> [Double]
) -> Tensor<Double> {
  let rows = z.rows
  let m = rows.shape[1]
  let elements = (0..<rows.shape[0]).flatMap {
    transform(Array(rows.storage[$0 * m..<($0 + 1) * m]))
  }
  return Tensor(shape: z.shape, storage: elements)
}
