import Equations
import Foundation
import Notation

/// The largest errors that an attention may have, step by step and element by element.
///
///     scores   γ_{dk+4} G_ij,  G = factor |Q| |K|ᵀ
///     masked   δ_ij: that, and the roundings of bias and fill
///     weights  w_ij (e^{a_ij + r_i + 2u} − 1) + η
///     output   Σ_j w_ij |v_jc| (e^{a_ij + r_i + γ_{m+B} + 2u} − 1) + 2η Σ_j (|v_jc| + 1)
///
///     a_ij = δ_ij + u (|s_ij − max s_i| + δ_ij + max_j (s_ij + δ_ij) − max s_i) + (3.7 B + 2.7) u
///     r_i  = log(1 + Σ_j w_ij (e^{a_ij} − 1)) − log(1 − γ_D)
///     D    = min(m, 192) + 2B for the kernel or that of a softmax, whichever is more
///
/// A score is dk steps of fused multiply-adds, and four roundings where scale and log₂ e enter the
/// queries. One that is off by δ makes its weight off by e^±δ, and the difference from the largest, of
/// scores that are off, is rounded. B is the number of blocks of 192 keys: each may rescale what was
/// summed before, by an exponential that is at most 2.7 u off and a product; the arguments of these
/// exponentials add up to s − max s. The weighted sum is one chain of m steps and B rescalings; 2u are
/// for the last division. A weight below η, 2⁻¹²⁶ in `Float`, may be flushed. No output leaves the hull
/// of the values by more than the chain's rounding, so twice their largest size bounds any error.
///
/// - Parameters:
///   - q: Queries, … × n × dk.
///   - k: Keys, … × m × dk.
///   - v: Values, … × m × dv.
///   - mask: Which keys a query may see, and what is added to its scores.
///   - fill: What becomes of the score of a key that a query may not see.
///   - scale: What the scores are multiplied by.
///   - arithmetic: Whose attention it is.
/// - Returns: The bound of each step; of no meaning where the step is not finite.
public func scaledDotProductAttentionBounds(
  queries q: Tensor<Double>, keys k: Tensor<Double>, values v: Tensor<Double>,
  mask: AttentionMask<Double> = .none, fill: MaskFill = .excluded,
  scale: ScoreScale = .rootKeyWidth, in arithmetic: Arithmetic = .kernel
) -> AttentionSteps<Double> {
  scaledDotProductAttentionBounds(
    queries: Enclosure(q), keys: Enclosure(k), values: Enclosure(v), mask: mask, fill: fill,
    scale: scale, in: arithmetic)
}

/// The largest errors that an attention may have whose operands have errors of their own.
///
/// As above with |Q| + e_Q for |Q|, and |K| and |V| likewise; a score is off by
/// factor ((|Q| + e_Q) (|K| + e_K)ᵀ − |Q| |K|ᵀ) more, and an output by Σ_j w_ij e_V.
func scaledDotProductAttentionBounds(
  queries enclosedQ: Enclosure, keys enclosedK: Enclosure, values enclosedV: Enclosure,
  mask: AttentionMask<Double>, fill: MaskFill, scale: ScoreScale, in arithmetic: Arithmetic
) -> AttentionSteps<Double> {
  let (q, k, v) = (enclosedQ.values, enclosedK.values, enclosedV.values)
  let shape = AttentionShape(queries: q, keys: k, values: v, mask: mask)
  let (m, u, tiny) = (shape.m, arithmetic.unitRoundoff, arithmetic.smallestNormal)
  let factor = abs(scale.factor(keyWidth: shape.dk))
  let steps = scaledDotProductAttentionSteps(
    queries: q, keys: k, values: v, mask: mask, fill: fill, scale: scale)
  let (weights, masked) = (steps.weights.matrices, steps.maskedScores.matrices)
  let visible = visibleKeys(mask, fill: fill, shape: shape.scores).matrices
  let bias = mask.bias?.broadcast(to: shape.scores).matrices
  let (values, valueErrors) = (v.matrices, enclosedV.errors.matrices)
  let blocks = (m + 191) / 192
  let sumDepth = max(arithmetic.sumDepth(m), min(m, 192) + 2 * blocks)

  let gauges = matrixProduct(enclosedQ.magnitudes, enclosedK.magnitudes.transposed).matrices
    .map { factor * $0 }
  let products = matrixProduct(q.map(abs), k.transposed.map(abs)).matrices.map { factor * $0 }
  let scores = Tensor(
    shape: gauges.shape,
    storage: zip(gauges.storage, products.storage).map { gauge, product in
      arithmetic.gamma(shape.dk + 4) * gauge + Double(shape.dk) * tiny
        + max(0, gauge - product)
    })
  var ofMasked = scores
  var ofWeights = scores
  var ofOutput = Tensor<Double>(shape: [shape.groups, shape.n, shape.dv], repeating: 0)
  for g in 0..<shape.groups {
    for i in 0..<shape.n {
      for j in 0..<m {
        let b = abs(bias?[g, i, j] ?? 0)
        let biased =
          scores[g, i, j] + (b == 0 || b.isInfinite ? 0 : 2 * u * b + u * (gauges[g, i, j] + b))
        ofMasked[g, i, j] =
          switch visible[g, i, j] ? nil : fill {
          case nil: biased
          case .excluded: 0
          case .replaced(let f): f.isInfinite ? 0 : 3 * u * abs(f)
          case .replacedBeforeScaling: 5 * u * abs(masked[g, i, j])
          case .added(let f): biased + 3 * u * abs(f) + u * (abs(masked[g, i, j]) + biased)
          }
      }
      let keys = (0..<m).filter { masked[g, i, $0] > -.infinity }
      let largest = keys.map { masked[g, i, $0] }.max() ?? 0
      let ofLargest = (keys.map { masked[g, i, $0] + ofMasked[g, i, $0] }.max() ?? 0) - largest
      // Where all keys carry the same number, however rounded, it is the largest, and drops out.
      let isCommon = fill.replaces && keys.allSatisfy { !visible[g, i, $0] }
      let errors = keys.map { j in
        let ofScore = ofMasked[g, i, j]
        let ofDifference = ofScore + u * (largest - masked[g, i, j] + ofScore + ofLargest)
        return (isCommon ? 0 : ofDifference) + u * (3.7 * Double(blocks) + 2.7)
      }
      let common =
        errorOfLogSum(
          keys.map { weights[g, i, $0] }, offBy: errors,
          gamma: arithmetic.gamma(sumDepth) + Double(m) * tiny) + 2 * u
      for j in 0..<m { ofWeights[g, i, j] = visible[g, i, j] || fill != .excluded ? tiny : 0 }
      for (j, error) in zip(keys, errors) {
        ofWeights[g, i, j] += min(growth(of: weights[g, i, j], by: error + common), 2)
      }
      for c in 0..<shape.dv {
        var (ofSum, largestValue) = (0.0, 0.0)
        for (j, error) in zip(keys, errors) {
          let (weight, ofValue) = (weights[g, i, j], valueErrors[g, j, c])
          let size = abs(values[g, j, c]) + ofValue
          if size == 0 { continue }
          let ofTerm = error + common + arithmetic.gamma(m + blocks)
          ofSum += size * growth(of: weight, by: ofTerm) + weight * ofValue
          largestValue = max(largestValue, size)
        }
        var flushed = 0.0
        for j in 0..<m where visible[g, i, j] || fill != .excluded {
          flushed += 2 * tiny * (abs(values[g, j, c]) + valueErrors[g, j, c] + 1)
        }
        ofOutput[g, i, c] =
          min(ofSum, 2 * largestValue * (1 + arithmetic.gamma(m + 8))) + flushed
      }
    }
  }
  return AttentionSteps(
    scores: scores.reshaped(shape.scores), maskedScores: ofMasked.reshaped(shape.scores),
    weights: ofWeights.reshaped(shape.scores), output: ofOutput.reshaped(shape.output))
}

extension MaskFill {
  /// Whether all hidden scores become one number.
  fileprivate var replaces: Bool {
    switch self {
    case .excluded, .added: false
    case .replaced, .replacedBeforeScaling: true
    }
  }
}
