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
/// Where x_i may be off by s_i, c_i is by s_i + Σ s / d at most: the first number of the row, from which
/// the differences are taken, has no part in it.
func layerNorm(_ x: Enclosure, _ p: LayerNorm<Double>, in arithmetic: Arithmetic) -> Enclosure {
  let (values, offsets) = (x.values.rows, x.errors.rows)
  let errors = (0..<values.shape[0]).flatMap { i in
    rowErrors(values.slice(i).storage, offBy: offsets.slice(i).storage, p, in: arithmetic)
  }
  return Enclosure(
    layerNorm(x.values, p), errors: Tensor(shape: x.values.shape, storage: errors))
}

private func rowErrors(
  _ x: [Double], offBy s: [Double], _ p: LayerNorm<Double>, in arithmetic: Arithmetic
) -> [Double] {
  guard let first = x.first else { return [] }
  let (u, tiny) = (arithmetic.unitRoundoff, arithmetic.smallestNormal)
  let d = Double(x.count)
  let sum = arithmetic.gamma(arithmetic.sumDepth(x.count) + 2)

  let mean = first + x.reduce(0) { $0 + ($1 - first) } / d
  let c = x.map { abs($0 - mean) }
  let e = zip(x, s).map { abs($0 - first) + $1 + s[0] }
  let (a, brought) = (sum * e.reduce(0, +) / d, s.reduce(0, +) / d)
  let g = x.indices.map { i in
    let before = s[i] + brought + u * e[i] + a
    return before + u * (c[i] + before)
  }

  let count = p.form == .epsilonInsideRoot ? d : d - 1
  let v = c.reduce(0) { $0 + $1 * $1 } / count
  let h =
    zip(c, g).reduce(0) { $0 + 2 * $1.0 * $1.1 + $1.1 * $1.1 + sum * ($1.0 + $1.1) * ($1.0 + $1.1) }
    / count + tiny
  let (q, k): (Double, Double)
  switch p.form {
  case .epsilonInsideRoot:
    let z = v + p.epsilon
    q = z.squareRoot()
    k = errorOfRoot(z, offBy: h + u * p.epsilon + tiny + u * (z + h), in: arithmetic)
  case .epsilonOutsideRoot:
    q = v.squareRoot() + p.epsilon
    k = errorOfRoot(v, offBy: h, in: arithmetic) * (1 + u) + u * (q + p.epsilon) + tiny
  }
  return x.indices.map { i in
    guard k < q else { return .infinity }
    let normalized = c[i] / q
    let n = (c[i] + g[i]) * (1 + 4 * u) / (q - k) - normalized
    let (gain, bias) = (abs(p.gain[i]), abs(p.bias?[i] ?? 0))
    return gain * n + 2 * u * gain * (normalized + n) + u * bias + tiny
  }
}

/// How far the root of z, itself rounded, may be off where z is.
private func errorOfRoot(_ z: Double, offBy t: Double, in arithmetic: Arithmetic) -> Double {
  let root = z.squareRoot()
  let brought = root > 0 ? min(t / root, t.squareRoot()) : t.squareRoot()
  return brought + arithmetic.unitRoundoff * (root + brought)
}
