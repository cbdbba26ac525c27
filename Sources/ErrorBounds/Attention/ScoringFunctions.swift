import Equations
import Foundation
import Notation

/// The largest errors that scores may have, element by element.
///
///     dot        γ_d |Q| |K|ᵀ,  d = min(dk, 512) + ⌈dk / 512⌉ for the kernel, dk for the equation
///     scaledDot  that of dot for queries by √dk, each off by 2u: the root is rounded, and the product
///     bilinear   that of dot for queries W q with the errors of an affine map
///     additive   γ_da Σ_a |v_a| (|t_a| + e_a) + Σ_a |v_a| e_a,  t = tanh(W k + U q)
///     concat     that of additive with the halves of its weight
///
///     e_a = 4u + (γ_D + u) (|W| |k| + |U| |q|)_a,  D = d of the keys' width + d of the queries'
///
/// and so many η, 2⁻¹²⁶ in `Float`, as products may underflow. Each half of tanh's argument is one
/// product, the equation's in concat one of both; the slope of tanh is at most 1, and 4u are its own.
///
/// - Parameters:
///   - q: Queries, … × n × dq.
///   - k: Keys, … × m × dk.
///   - function: The scoring function.
///   - arithmetic: Whose scores they are.
/// - Returns: … × n × m; of no meaning where a score is not finite.
public func scoresBound(
  queries q: Tensor<Double>, keys k: Tensor<Double>, by function: ScoringFunction<Double>,
  in arithmetic: Arithmetic = .kernel
) -> Tensor<Double> {
  scores(queries: Enclosure(q), keys: Enclosure(k), by: function, in: arithmetic).errors
}

/// The largest errors that key–value attention may have, step by step and element by element.
///
/// The errors of the scores enter the softmax, and those of the weights the last product.
///
/// - Parameters:
///   - q: Queries, … × n × dq.
///   - k: Keys, … × m × dk.
///   - v: Values, … × m × dv.
///   - function: What scores a key.
///   - arithmetic: Whose attention it is.
/// - Returns: The bound of each step; of no meaning where the step is not finite.
public func keyValueAttentionBounds(
  queries q: Tensor<Double>, keys k: Tensor<Double>, values v: Tensor<Double>,
  by function: ScoringFunction<Double>, in arithmetic: Arithmetic = .kernel
) -> AttentionSteps<Double> {
  let s = scores(queries: Enclosure(q), keys: Enclosure(k), by: function, in: arithmetic)
  let weights = softmax(s, in: arithmetic)
  return AttentionSteps(
    scores: s.errors, maskedScores: s.errors, weights: weights.errors,
    output: matrixProduct(weights, Enclosure(v), in: arithmetic).errors)
}

/// The scores of what may be off.
func scores(
  queries q: Enclosure, keys k: Enclosure, by function: ScoringFunction<Double>,
  in arithmetic: Arithmetic
) -> Enclosure {
  let u = arithmetic.unitRoundoff
  switch function {
  case .dot: return matrixProduct(q, k.moved { $0.transposed }, in: arithmetic)
  case .scaledDot:
    let factor = ScoreScale.rootKeyWidth.factor(keyWidth: k.values.shape.last!)
    let scaled = Enclosure(
      q.values.map { $0 * factor },
      // The factor makes up for the product of two roundings.
      errors: q.errors.map { $0 * factor }
        + q.magnitudes.map { 2.001 * u * factor * $0 + arithmetic.smallestNormal })
    return matrixProduct(scaled, k.moved { $0.transposed }, in: arithmetic)
  case .bilinear(let w):
    return matrixProduct(
      affineMap(q, AffineMap(weight: w), in: arithmetic), k.moved { $0.transposed }, in: arithmetic)
  case .additive(let score): return additiveScores(queries: q, keys: k, score, in: arithmetic)
  case .concat(let both, let v):
    let dq = q.values.shape.last!
    func columns(_ columns: Range<Int>) -> Tensor<Double> {
      Tensor(
        shape: [v.count, columns.count],
        storage: (0..<v.count).flatMap { both.slice($0).storage[columns] })
    }
    return additiveScores(
      queries: q, keys: k,
      AdditiveScore(key: columns(dq..<both.shape[1]), query: columns(0..<dq), vector: v),
      in: arithmetic)
  }
}

private func additiveScores(
  queries q: Enclosure, keys k: Enclosure, _ score: AdditiveScore<Double>,
  in arithmetic: Arithmetic
) -> Enclosure {
  let (u, tiny) = (arithmetic.unitRoundoff, arithmetic.smallestNormal)
  let widths = score.query.shape[1] + score.key.shape[1]
  let depth =
    arithmetic.productDepth(score.query.shape[1]) + arithmetic.productDepth(score.key.shape[1])
  func mapped(_ x: Tensor<Double>, _ weight: Tensor<Double>) -> Tensor<Double> {
    affineMap(x, AffineMap(weight: weight)).matrices
  }
  let values = (mapped(q.values, score.query), mapped(k.values, score.key))
  let (absoluteU, absoluteW) = (score.query.map(abs), score.key.map(abs))
  let gauges = (mapped(q.magnitudes, absoluteU), mapped(k.magnitudes, absoluteW))
  let brought = (mapped(q.errors, absoluteU), mapped(k.errors, absoluteW))

  let v = score.vector.storage
  let shape = ScoreShape(queries: q.values, keys: k.values, by: .additive(score))
  var (sums, errors) = ([Double](), [Double]())
  for g in 0..<shape.groups {
    for i in 0..<shape.n {
      for j in 0..<shape.m {
        var (sum, gauge, error) = (0.0, 0.0, 0.0)
        for a in v.indices {
          let t = tanh(values.0[g, i, a] + values.1[g, j, a])
          let size = gauges.0[g, i, a] + gauges.1[g, j, a]
          let e =
            4 * u + brought.0[g, i, a] + brought.1[g, j, a]
            + (arithmetic.gamma(depth) * (1 + u) + u) * size + Double(widths) * tiny
          sum += v[a] * t
          gauge += abs(v[a]) * (abs(t) + e)
          error += abs(v[a]) * e
        }
        sums.append(sum)
        errors.append(arithmetic.gamma(v.count) * gauge + error + Double(v.count) * tiny)
      }
    }
  }
  return Enclosure(
    Tensor(shape: shape.scores, storage: sums), errors: Tensor(shape: shape.scores, storage: errors)
  )
}
