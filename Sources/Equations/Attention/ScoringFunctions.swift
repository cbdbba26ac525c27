import Notation

/// How well each key answers each query.
///
///     dot        s_ij = k_j · q_i
///     scaledDot  s_ij = k_j · q_i / √dk
///     bilinear   s_ij = k_jᵀ W q_i
///     additive   s_ij = vᵀ tanh(W k_j + U q_i)
///     concat     s_ij = vᵀ tanh(W [q_i; k_j])
///
/// - Parameters:
///   - q: Queries, … × n × dq.
///   - k: Keys, … × m × dk.
///   - function: The scoring function; the first two need dq = dk.
/// - Returns: … × n × m.
///
/// ATT-5 to ATT-8. Bahdanau et al. 2014; Luong et al. 2015. SPEC.md, Scoring functions.
@specialized(where S == Float)
@specialized(where S == Double)
public func scores<S: Scalar>(
  queries q: Tensor<S>, keys k: Tensor<S>, by function: ScoringFunction<S>
) -> Tensor<S> {
  let shape = ScoreShape(queries: q, keys: k, by: function)
  switch function {
  case .dot:
    return matrixProduct(q, k.transposed)
  case .scaledDot:
    let factor = S(ScoreScale.rootKeyWidth.factor(keyWidth: shape.dk))
    return matrixProduct(q, k.transposed).map { $0 * factor }
  case .bilinear(let w):
    return matrixProduct(affineMap(q, AffineMap(weight: w)), k.transposed)
  case .additive(let score):
    let wk = affineMap(k, AffineMap(weight: score.key)).matrices
    let uq = affineMap(q, AffineMap(weight: score.query)).matrices
    return eachPair(shape) { g, i, j in
      (0..<score.vector.count).reduce(0) { sum, a in
        sum + score.vector[a] * S.tanh(wk[g, j, a] + uq[g, i, a])
      }
    }
  case .concat(let w, let v):
    let (queries, keys) = (q.matrices, k.matrices)
    return eachPair(shape) { g, i, j in
      let both = queries.slice(g).slice(i).storage + keys.slice(g).slice(j).storage
      let a = affineMap(Tensor(shape: [both.count], storage: both), AffineMap(weight: w))
      return (0..<v.count).reduce(0) { $0 + v[$1] * S.tanh(a[$1]) }
    }
  }
}

/// The tensor … × n × m of a function of group, query and key.
@inline(__always)
private func eachPair<S: Scalar>(
  _ shape: ScoreShape, _ score: (_ g: Int, _ i: Int, _ j: Int) -> S
) -> Tensor<S> {
  var s = Tensor<S>(shape: [shape.groups, shape.n, shape.m], repeating: 0)
  for g in 0..<shape.groups {
    for i in 0..<shape.n {
      for j in 0..<shape.m { s[g, i, j] = score(g, i, j) }
    }
  }
  return s.reshaped(shape.scores)
}

/// Key–value attention: each query takes the values by the scores of their keys.
///
///     α_i = softmax over j of s_ij,  y_i = Σ_j α_ij v_j        … × n × dv
///
/// - Parameters:
///   - q: Queries, … × n × dq.
///   - k: Keys, … × m × dk.
///   - v: Values, … × m × dv.
///   - function: What scores a key.
/// - Returns: Scores, weights and output; zeros without keys.
///
/// ATT-3, ATT-10. SPEC.md, Scoring functions.
@specialized(where S == Float)
@specialized(where S == Double)
public func keyValueAttention<S: Scalar>(
  queries q: Tensor<S>, keys k: Tensor<S>, values v: Tensor<S>, by function: ScoringFunction<S>
) -> AttentionSteps<S> {
  let s = scores(queries: q, keys: k, by: function)
  let weights = softmax(s)
  return AttentionSteps(
    scores: s, maskedScores: s, weights: weights, output: matrixProduct(weights, v))
}

/// Soft attention: each query takes the mean of all inputs by their weights.
///
///     α_i = softmax over j of s(x_j, q_i),  y_i = Σ_j α_ij x_j        … × n × dk
///
/// - Parameters:
///   - q: Queries, … × n × dq.
///   - x: Inputs, keys and values in one, … × m × dk.
///   - function: What scores an input.
///
/// ATT-3, ATT-4. SPEC.md, Scoring functions.
@specialized(where S == Float)
@specialized(where S == Double)
public func softAttention<S: Scalar>(
  queries q: Tensor<S>, inputs x: Tensor<S>, by function: ScoringFunction<S>
) -> AttentionSteps<S> {
  keyValueAttention(queries: q, keys: x, values: x, by: function)
}

/// Hard attention: each query takes one input whole.
///
///     y_i = x_ĵ,  ĵ = argmax over j of s_ij, which is that of α_ij        … × n × dk
///
/// - Parameters:
///   - q: Queries, … × n × dq.
///   - x: Inputs, … × m × dk, with m ≥ 1.
///   - function: What scores an input.
///   - choice: How ĵ follows from the weights.
///
/// ATT-9. Xu et al. 2015. SPEC.md, Scoring functions.
@specialized(where S == Float)
@specialized(where S == Double)
public func hardAttention<S: Scalar>(
  queries q: Tensor<S>, inputs x: Tensor<S>, by function: ScoringFunction<S>,
  choosing choice: HardChoice = .largest
) -> Tensor<S> {
  let chosen = hardChoices(scores(queries: q, keys: x, by: function), choice)
  let inputs = x.matrices
  let (n, dk) = (q.shape[q.rank - 2], x.shape[x.rank - 1])
  let y = (0..<inputs.shape[0]).flatMap { g in
    (0..<n).flatMap { i in inputs.slice(g).slice(chosen.storage[g * n + i]).storage }
  }
  return Tensor(shape: q.leadingShape + [n, dk], storage: y)
}

/// Which input each query gets from hard attention.
///
/// - Parameters:
///   - s: Scores, … × n × m, with m ≥ 1.
///   - choice: The largest score, or one drawn by the weights α = softmax(s).
/// - Returns: ĵ, … × n.
///
/// ATT-9. SPEC.md, Scoring functions.
@specialized(where S == Float)
@specialized(where S == Double)
public func hardChoices<S: Scalar>(_ s: Tensor<S>, _ choice: HardChoice) -> Tensor<Int> {
  checkChoices(s.shape)
  switch choice {
  case .largest:
    return argmax(s)
  case .sampled(let seed):
    let weights = softmax(s).rows
    let last = weights.shape[1] - 1
    return Tensor(
      shape: s.shape.dropLast(),
      storage: (0..<weights.shape[0]).map { i in
        let u = S(SplitMix64.uniform(i, seed: seed))
        var (j, sum) = (0, weights[i, 0])
        while j < last && !(sum > u) {
          j += 1
          sum += weights[i, j]
        }
        return j
      })
  }
}
