import Equations
import Foundation
import Notation

/// The largest error that a softmax may have, element by element.
///
///     p_i (e^{a_i + r + 2u} − 1) + η
///     a_i = (13 + 5 |z_i − max z|) u/4    the exponential, and the rounding of its argument
///     r   = log(1 + Σ_j p_j (e^{a_j} − 1)) − log(1 − γ_D)     the sum, its terms positive
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
  softmax(Enclosure(z), in: arithmetic).errors
}

/// The softmax of logits that may be off.
///
/// As above with a_i larger by δ_i, the error of z_i, and by what δ adds to the difference that is
/// rounded. No weight is beyond 0 … 1 by more than rounding, so that 2 bounds any error.
func softmax(_ z: Enclosure, in arithmetic: Arithmetic) -> Enclosure {
  let (rows, offsets) = (z.values.rows, z.errors.rows)
  var (values, errors) = ([Double](), [Double]())
  for i in 0..<rows.shape[0] {
    let row = SoftmaxErrors(rows.slice(i).storage, offBy: offsets.slice(i).storage, in: arithmetic)
    values += row.weights
    errors += zip(row.weights, row.ofTerm).map { p, ofTerm in
      min(growth(of: p, by: ofTerm + row.ofSum + 2 * arithmetic.unitRoundoff), 2)
        + arithmetic.smallestNormal
    }
  }
  let shape = z.values.shape
  return Enclosure(
    Tensor(shape: shape, storage: values), errors: Tensor(shape: shape, storage: errors))
}

/// The largest error that a log-softmax may have, element by element.
///
///     u |z_i − max z| + r + 2u |log S| + u |z_i − max z − log S|
///
/// log S is off by r as in `softmaxBound`, and by 2u |log S|, the logarithm's ulp.
///
/// - Parameters:
///   - z: Logits, … × m.
///   - arithmetic: Whose log-softmax it is.
/// - Returns: … × m; 0 where the log-softmax is −∞, of no meaning where it is NaN.
public func logSoftmaxBound(
  _ z: Tensor<Double>, in arithmetic: Arithmetic = .kernel
) -> Tensor<Double> {
  let u = arithmetic.unitRoundoff
  let rows = z.rows
  let elements = (0..<rows.shape[0]).flatMap { i in
    let row = rows.slice(i).storage
    let errors = SoftmaxErrors(row, offBy: row.map { _ in 0 }, in: arithmetic)
    return row.map { z -> Double in
      let d = z - errors.maximum
      if d == -.infinity { return 0 }
      let result = abs(d - errors.logOfSum)
      // The factor makes up for products of two errors, each below 2⁻¹⁰.
      return (u * (abs(d) + 2 * errors.logOfSum + result) + errors.ofSum) * 1.001
    }
  }
  return Tensor(shape: z.shape, storage: elements)
}

/// How far a weight may be off whose logarithm is by x.
///
/// Below 600 even a weight that underflows in Double, e^−745, stays smaller than 2⁻¹²⁶.
func growth(of weight: Double, by x: Double) -> Double {
  x < 600 ? weight * expm1(x) : .infinity
}

/// How far the logarithm of a sum of weights may be off whose own are by a.
///
///     log(1 + Σ_j p_j (e^{a_j} − 1)) − log(1 − γ)
///
/// It is no farther off below than above: Σ p e^−a is at least 1 / Σ p e^a, by Cauchy and Schwarz.
func errorOfLogSum(_ weights: [Double], offBy a: [Double], gamma: Double) -> Double {
  log1p(zip(weights, a).reduce(0) { $0 + growth(of: $1.0, by: $1.1) }) - log1p(-gamma)
}

/// How far the logarithms of one row's exponentials and of their sum may be off.
private struct SoftmaxErrors {
  let maximum: Double
  let weights: [Double]
  let logOfSum: Double
  let ofTerm: [Double]
  let ofSum: Double

  init(_ row: [Double], offBy offsets: [Double], in arithmetic: Arithmetic) {
    let u = arithmetic.unitRoundoff
    let largest = row.max() ?? 0
    let exponentials = row.map { exp($0 - largest) }
    let sum = exponentials.reduce(0, +)
    maximum = largest
    weights = exponentials.map { $0 / sum }
    logOfSum = log(sum)
    // The largest of the computed logits, off by `ofLargest`, need not be the largest of the exact.
    let ofLargest = (zip(row, offsets).map { $0 + $1 }.max() ?? 0) - largest
    ofTerm = zip(row, offsets).map { z, offset in
      z == -.infinity
        ? 0 : offset + (13 + 5 * (largest - z + offset + ofLargest)) * u / 4
    }
    ofSum = errorOfLogSum(
      weights, offBy: ofTerm,
      gamma: arithmetic.gamma(arithmetic.sumDepth(row.count))
        + Double(row.count) * arithmetic.smallestNormal)
  }
}
