import Notation

/// Scaled dot-product attention: each query takes the values of the keys that resemble it.
///
///     Attention(Q, K, V) = softmax(Q Kᵀ / √dk) V        … × n × dv
///
/// - Parameters:
///   - q: Queries, … × n × dk.
///   - k: Keys, … × m × dk.
///   - v: Values, … × m × dv.
///   - mask: Which keys a query may see, and what is added to its scores.
///   - fill: What becomes of the score of a key that a query may not see.
///   - scale: What the scores are multiplied by.
///   - drop: What is dropped of the weights in training (ATT-13).
/// - Returns: … × n × dv. Under `.excluded` a query that sees no key gets zeros, and nothing that
///   stands in a hidden key or value, NaN included, reaches the output.
///
/// ATT-1, ATT-11. Vaswani et al. 2017, equation 1. SPEC.md, Scaled dot-product attention. Kernel:
/// `Kernels/Attention/ScaledDotProductAttention.swift`.
@specialized(where S == Float)
@specialized(where S == Double)
public func scaledDotProductAttention<S: Scalar>(
  queries q: Tensor<S>, keys k: Tensor<S>, values v: Tensor<S>,
  mask: AttentionMask<S> = .none, fill: MaskFill = .excluded,
  scale: ScoreScale = .rootKeyWidth, dropout drop: Dropout = .none
) -> Tensor<S> {
  scaledDotProductAttentionSteps(
    queries: q, keys: k, values: v, mask: mask, fill: fill, scale: scale, dropout: drop
  ).output
}

/// Scaled dot-product attention with everything that it computes on the way.
///
///     raw     = Q Kᵀ                                  … × n × m
///     scores  = raw / √dk
///     masked  = scores, hidden keys filled
///     weights = softmax(masked), over the keys
///     output  = dropout(weights) V                    … × n × dv
///
/// Under `.excluded` the last two lines run over visible keys only: a weight elsewhere is 0 and its
/// value is not read.
@specialized(where S == Float)
@specialized(where S == Double)
public func scaledDotProductAttentionSteps<S: Scalar>(
  queries q: Tensor<S>, keys k: Tensor<S>, values v: Tensor<S>,
  mask: AttentionMask<S> = .none, fill: MaskFill = .excluded,
  scale: ScoreScale = .rootKeyWidth, dropout drop: Dropout = .none
) -> AttentionSteps<S> {
  let shape = AttentionShape(queries: q, keys: k, values: v, mask: mask)
  let factor = S(scale.factor(keyWidth: shape.dk))

  let raw = matrixProduct(q, k.transposed)
  let masked = maskedScores(raw, mask: mask, fill: fill, factor: factor)
  let weights: Tensor<S>
  let output: Tensor<S>
  if fill == .excluded && !mask.isEmpty {
    let visible = visibleKeys(mask, fill: fill, shape: shape.scores)
    weights = Tensor(
      shape: shape.scores,
      storage: zip(softmax(masked).storage, visible.storage).map { $1 ? $0 : 0 })
    output = sumOfVisible(dropout(weights, drop), v, visible).reshaped(shape.output)
  } else {
    weights = softmax(masked)
    output = matrixProduct(dropout(weights, drop), v)
  }
  return AttentionSteps(
    scores: raw.map { $0 * factor }, maskedScores: masked,
    weights: weights, output: output)
}

/// Σ_j weights_ij v_jc over the keys j that query i sees: a hidden value is not read.
@specialized(where S == Float)
@specialized(where S == Double)
private func sumOfVisible<S: Scalar>(
  _ weights: Tensor<S>, _ v: Tensor<S>, _ visible: Tensor<Bool>
) -> Tensor<S> {
  let (weights, v, visible) = (weights.matrices, v.matrices, visible.matrices)
  let (groups, n, m, dv) = (v.shape[0], weights.shape[1], v.shape[1], v.shape[2])
  var output = Tensor<S>(shape: [groups, n, dv], repeating: 0)
  for g in 0..<groups {
    for i in 0..<n {
      let keys = (0..<m).filter { visible[g, i, $0] }
      for c in 0..<dv {
        output[g, i, c] = keys.reduce(0) { $0 + weights[g, i, $1] * v[g, $1, c] }
      }
    }
  }
  return output
}

/// Attention between two sequences: queries from one, keys and values from the other.
///
///     Q = X W^Q + b^Q,  K = M W^K + b^K,  V = M W^V + b^V,  output = Attention(Q, K, V)
///
/// With memory = x this is self-attention (ATT-2, and MSK-9 with a causal mask).
///
/// - Parameters:
///   - x: What asks, … × n × the query map's inputs.
///   - memory: What is asked, … × m × the key and value maps' inputs.
///   - projections: The three maps.
///   - mask: Which positions of the memory a position of x may see.
///   - fill: What becomes of the score of a position that may not be seen.
///   - scale: What the scores are multiplied by.
/// - Returns: … × n × dv; no output projection, see multi-head attention.
///
/// ATT-12. SPEC.md, Scaled dot-product attention. Kernel:
/// `Kernels/Attention/ScaledDotProductAttention.swift`.
@specialized(where S == Float)
@specialized(where S == Double)
public func crossAttention<S: Scalar>(
  _ x: Tensor<S>, memory: Tensor<S>, _ projections: AttentionProjections<S>,
  mask: AttentionMask<S> = .none, fill: MaskFill = .excluded,
  scale: ScoreScale = .rootKeyWidth
) -> Tensor<S> {
  scaledDotProductAttention(
    queries: affineMap(x, projections.query), keys: affineMap(memory, projections.key),
    values: affineMap(memory, projections.value), mask: mask, fill: fill, scale: scale)
}

/// Attention of a sequence to itself: queries, keys and values are three maps of the same x.
///
///     Q = X W^Q + b^Q,  K = X W^K + b^K,  V = X W^V + b^V,  output = Attention(Q, K, V)
///
/// - Parameters:
///   - x: … × n × inputs.
///   - projections: The three maps.
///   - mask: Which positions a position may see.
///   - fill: What becomes of the score of a position that may not be seen.
///   - scale: What the scores are multiplied by.
/// - Returns: … × n × dv.
///
/// ATT-2. SPEC.md, Scaled dot-product attention. Kernel:
/// `Kernels/Attention/ScaledDotProductAttention.swift`.
@specialized(where S == Float)
@specialized(where S == Double)
public func selfAttention<S: Scalar>(
  _ x: Tensor<S>, _ projections: AttentionProjections<S>, mask: AttentionMask<S> = .none,
  fill: MaskFill = .excluded, scale: ScoreScale = .rootKeyWidth
) -> Tensor<S> {
  crossAttention(x, memory: x, projections, mask: mask, fill: fill, scale: scale)
}
