import Equations
import Foundation
import Notation

/// The largest error that a layer normalisation may have, element by element.
///
///     g_i = u |e_i| + a + u (|c_i| + u |e_i| + a)             the deviations c_i = e_i − ē
///     a   = γ_(D+2) Σ |e_i| / d                               their mean ē, e_i = x_i − x_0
///     h   = (Σ (2 |c_i| g_i + g_i²) + γ_(D+2) Σ (|c_i| + g_i)²) / N + η     the variance v
///     k   = error of the divisor q: of √(v + ε) from that of its operand, or of √v + ε
///     n_i = (|c_i| + g_i) (1 + u)³ / (q − k) − |c_i| / q      the normalised row
///     y_i : |γ_i| n_i + 2u |γ_i| (|c_i| / q + n_i) + u |β_i| + η
///     D   = ⌈d / 16⌉ + 5 for the kernel, d for the equation
///
/// N is d or d − 1, and the two roundings beyond D are a difference or a square and the quotient by N.
/// |√(z + t) − √z| is at most |t| / √z, and at most √|t|. The last (1 + u)³ are reciprocal, product
/// and root. A row whose divisor may be missed by as much as it is has no bound: infinite.
///
/// - Parameters:
///   - x: … × d.
///   - p: γ, β, ε, and where ε stands.
///   - arithmetic: Whose normalisation it is.
/// - Returns: … × d; of no meaning where the result is NaN.
public func layerNormBound(
  _ x: Tensor<Double>, _ p: LayerNorm<Double>, in arithmetic: Arithmetic = .kernel
) -> Tensor<Double> {
  layerNorm(Enclosure(x), p, in: arithmetic).errors
}

/// The normalisation of what may be off.
///
/// A row that is off by s comes out as far off as the normalised rows of exact numbers are from each
/// other, and then by what the roundings of a row in between add. That is n_i as above with the largest
/// deviation, |c_i| + s_i + Σ s / d, the largest |e_i| and the smallest divisor, where √v is less by
/// ‖s‖ / √N: a row's length changes by no more than the row.
func layerNorm(_ x: Enclosure, _ p: LayerNorm<Double>, in arithmetic: Arithmetic) -> Enclosure {
  let (values, offsets) = (x.values.rows, x.errors.rows)
  let errors = (0..<values.shape[0]).flatMap { i in
    RowErrors(values.slice(i).storage, offBy: offsets.slice(i).storage, p).errors(in: arithmetic)
  }
  return Enclosure(
    layerNorm(x.values, p), errors: Tensor(shape: x.values.shape, storage: errors))
}

/// One row that may be off, and its norm.
private struct RowErrors {
  private let p: LayerNorm<Double>
  /// N.
  private let count: Double
  /// s_i.
  private let offsets: [Double]
  /// |e_i| at most.
  private let differences: [Double]
  /// c_i.
  private let deviations: [Double]
  /// By how much c_i may differ in another row.
  private let ofDeviations: [Double]
  /// By how much √v may.
  private let ofSpread: Double
  private let divisor: Double
  /// The smallest v of all rows.
  private let leastVariance: Double

  init(_ x: [Double], offBy s: [Double], _ p: LayerNorm<Double>) {
    let (d, first) = (Double(x.count), x.first ?? 0)
    let mean = first + x.reduce(0) { $0 + ($1 - first) } / d
    let brought = s.reduce(0, +) / d
    self.p = p
    count = p.form == .epsilonInsideRoot ? d : d - 1
    offsets = s
    differences = zip(x, s).map { abs($0 - first) + $1 + s[0] }
    deviations = x.map { $0 - mean }
    ofDeviations = s.map { $0 + brought }
    ofSpread = (s.reduce(0) { $0 + $1 * $1 } / count).squareRoot()
    let variance = deviations.reduce(0) { $0 + $1 * $1 } / count
    let spread = max(variance.squareRoot() - ofSpread, 0)
    leastVariance = ofSpread == 0 ? variance : spread * spread
    divisor = p.divisor(variance)
  }

  func errors(in arithmetic: Arithmetic) -> [Double] {
    let (u, tiny) = (arithmetic.unitRoundoff, arithmetic.smallestNormal)
    let sum = arithmetic.gamma(arithmetic.sumDepth(offsets.count) + 2)
    let a = sum * differences.reduce(0, +) / Double(offsets.count)
    let c = zip(deviations, ofDeviations).map { abs($0) + $1 }
    let g = zip(c, differences).map { c, e in u * e + a + u * (c + u * e + a) }
    let h =
      zip(c, g).reduce(0) {
        $0 + 2 * $1.0 * $1.1 + $1.1 * $1.1 + sum * ($1.0 + $1.1) * ($1.0 + $1.1)
      } / count + tiny
    let q = p.divisor(leastVariance)
    let k: Double
    switch p.form {
    case .epsilonInsideRoot:
      let z = leastVariance + p.epsilon
      k = errorOfRoot(z, offBy: h + u * p.epsilon + tiny + u * (z + h), in: arithmetic)
    case .epsilonOutsideRoot:
      k =
        errorOfRoot(leastVariance, offBy: h, in: arithmetic) * (1 + u) + u * (q + p.epsilon) + tiny
    }
    guard k < q else { return offsets.map { _ in .infinity } }
    let between = distances
    return offsets.indices.map { i in
      let own = (c[i] + g[i]) * (1 + 4 * u) / (q - k) - c[i] / q
      let n = between[i] + own
      let (gain, bias) = (abs(p.gain[i]), abs(p.bias?[i] ?? 0))
      return gain * n + 2 * u * gain * (abs(deviations[i]) / divisor + n) + u * bias + tiny
    }
  }

  /// How far the normalised rows of all rows that may come in are from this row's, n = c / q.
  ///
  ///     Δ_i = (s_i + Σ s / d + |n_i| ‖s‖ / √N) / min q,  at most |n_i| + √N
  ///
  /// and where ε stands in the root, by the mean value theorem over all rows in between,
  ///
  ///     Δ_i = Σ_j (|δ_ij − 1/d − n_i n_j / d| + (|n_i| Δ_j + |n_j| Δ_i + Δ_i Δ_j) / d) s_j / min q
  ///
  /// which is far less: a norm takes away what all numbers of a row have in common, and their scale. It
  /// holds for any Δ that is large enough, and so may be put into itself.
  private var distances: [Double] {
    if ofSpread == 0 { return offsets }
    let (d, q) = (Double(offsets.count), p.divisor(leastVariance))
    let n = deviations.map { $0 / divisor }
    var distances = zip(n, ofDeviations).map { n, ofDeviation in
      min((ofDeviation + abs(n) * ofSpread) / q, abs(n) + count.squareRoot())
    }
    if p.form == .epsilonOutsideRoot { return distances }
    let slopes = n.indices.map { i in
      n.indices.reduce(0) { sum, j in
        sum + abs((i == j ? 1 : 0) - (1 + n[i] * n[j]) / d) * offsets[j]
      }
    }
    let ofSizes = zip(n, offsets).reduce(0) { $0 + abs($1.0) * $1.1 }
    for _ in 0..<3 {
      let ofDistances = zip(distances, offsets).reduce(0) { $0 + $1.0 * $1.1 }
      distances = n.indices.map { i in
        let bent = abs(n[i]) * ofDistances + distances[i] * (ofSizes + ofDistances)
        return min(distances[i], (slopes[i] + bent / d) / q)
      }
    }
    return distances
  }
}

extension LayerNorm<Double> {
  /// What deviations of this variance are divided by.
  fileprivate func divisor(_ variance: Double) -> Double {
    switch form {
    case .epsilonInsideRoot: (variance + epsilon).squareRoot()
    case .epsilonOutsideRoot: variance.squareRoot() + epsilon
    }
  }
}

/// How far the root of z, itself rounded, may be off where z is.
private func errorOfRoot(_ z: Double, offBy t: Double, in arithmetic: Arithmetic) -> Double {
  let root = z.squareRoot()
  let brought = root > 0 ? min(t / root, t.squareRoot()) : t.squareRoot()
  return brought + arithmetic.unitRoundoff * (root + brought)
}
