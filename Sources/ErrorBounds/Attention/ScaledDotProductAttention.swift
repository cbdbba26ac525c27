import Equations
import Foundation
import Notation

/// The largest error that the kernel's attention may have, element by element.
///
///     Σ_j w_ij |v_jc| (e^{a_ij + r_i + γ_{m+B} + 2u} − 1) + 2⁻¹²⁵ Σ_j |v_jc|
///     a_ij = δ_ij + u |s_ij − max s_i| + (4.2 B + 3.2) u
///     δ_ij = γ_{dk+4} factor Σ_p |q_ip| |k_jp|, and the roundings of bias and fill
///     r_i  = Σ_j w_ij a_ij + γ_{192+2B}
///
/// δ is the error of a score: dk steps of fused multiply-adds, and four roundings where scale and
/// log₂ e enter the queries. A score that is off by δ makes its weight off by e^±δ. B is the number of
/// blocks of 192 keys: each may rescale what was summed before, by an exponential of at most 1.6 ulp
/// and a product; the arguments of these exponentials add up to s − max s. The weighted sum is one
/// chain of m steps and B rescalings; 2u are for the last division. A weight that is flushed costs
/// 2⁻¹²⁶ of its value. No result leaves the hull of the values by more than the chain's rounding, so
/// that twice their largest size bounds any error.
///
/// - Parameters:
///   - q: Queries, … × n × dk.
///   - k: Keys, … × m × dk.
///   - v: Values, … × m × dv.
///   - mask: Which keys a query may see, and what is added to its scores.
///   - fill: What becomes of the score of a key that a query may not see.
///   - scale: What the scores are multiplied by.
/// - Returns: … × n × dv.
public func scaledDotProductAttentionBound(
  queries q: Tensor<Double>, keys k: Tensor<Double>, values v: Tensor<Double>,
  mask: AttentionMask<Double> = .none, fill: MaskFill = .excluded,
  scale: ScoreScale = .rootKeyWidth
) -> Tensor<Double> {
  let shape = AttentionShape(queries: q, keys: k, values: v, mask: mask)
  let factor = abs(scale.factor(keyWidth: shape.dk))
  let steps = scaledDotProductAttentionSteps(
    queries: q, keys: k, values: v, mask: mask, fill: fill, scale: scale)
  let gauges = matrixProduct(q.map(abs), k.transposed.map(abs)).matrices
  let visible = visibleKeys(mask, fill: fill, shape: shape.scores).matrices
  let bias = mask.bias?.broadcast(to: shape.scores).matrices
  let (weights, masked) = (steps.weights.matrices, steps.maskedScores.matrices)
  let values = v.matrices
  let u = unitRoundoff
  let blocks = Double((shape.m + 191) / 192)

  var bound = Tensor<Double>(shape: [shape.groups, shape.n, shape.dv], repeating: 0)
  for g in 0..<shape.groups {
    for i in 0..<shape.n {
      let keys = (0..<shape.m).filter { weights[g, i, $0] > 0 }
      let largest = keys.map { masked[g, i, $0] }.max() ?? 0
      // Where all keys carry the same fill, its rounding is common to all, and drops out.
      let onlyFilled = keys.allSatisfy { !visible[g, i, $0] }
      let errors = keys.map { j in
        scoreError(
          gauge: factor * gauges[g, i, j], dk: shape.dk, bias: bias?[g, i, j] ?? 0,
          masked: masked[g, i, j],
          fill: visible[g, i, j] ? nil : fill, onlyFilled: onlyFilled)
          + u * (abs(masked[g, i, j] - largest) + 4.2 * blocks + 3.2)
      }
      let average = zip(keys, errors).reduce(0) { $0 + weights[g, i, $1.0] * $1.1 }
      let ofSum = average + gamma(min(shape.m, 192) + 2 * Int(blocks))
      let common =
        (ofSum < 1 ? ofSum / (1 - ofSum) : .infinity) + gamma(shape.m + Int(blocks)) + 2 * u
      for c in 0..<shape.dv {
        var (sum, largestValue, flushed) = (0.0, 0.0, 0.0)
        for (j, error) in zip(keys, errors) {
          let size = abs(values[g, j, c])
          sum += size == 0 ? 0 : weights[g, i, j] * size * relativeError(ofExponent: error + common)
          largestValue = max(largestValue, size)
        }
        for j in 0..<shape.m where weights[g, i, j] > 0 || visible[g, i, j] {
          flushed += 2 * smallestNormal * abs(values[g, j, c])
        }
        let hull = 2 * largestValue * (1 + gamma(shape.m + 8))
        bound[g, i, c] = min(sum, hull) + flushed
      }
    }
  }
  return bound.reshaped(shape.output)
}

/// How far the kernel's score may be from the exact one, in units of the scores.
private func scoreError(
  gauge: Double, dk: Int, bias: Double, masked: Double, fill: MaskFill?, onlyFilled: Bool
) -> Double {
  let u = unitRoundoff
  let ofScore = gamma(dk + 4) * gauge + (bias == 0 ? 0 : 2 * u * abs(bias) + u * (gauge + abs(bias)))
  switch fill {
  case nil: return ofScore
  case .excluded: return 0
  case .replaced(let value): return onlyFilled ? 0 : 3 * u * abs(value)
  case .replacedBeforeScaling: return onlyFilled ? 0 : 5 * u * abs(masked)
  case .added(let value): return ofScore + 3 * u * abs(value) + u * abs(masked)
  }
}
