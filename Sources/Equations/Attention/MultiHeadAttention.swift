import Notation

/// Multi-head attention: h attentions side by side, each with maps of its own.
///
///     head_i = Attention(X W_i^Q, Y W_i^K, Z W_i^V)
///     MultiHead(X, Y, Z) = Concat(head_1, …, head_h) W^O        … × n × dOut
///
/// - Parameters:
///   - x: What asks, … × n × its width.
///   - y: What is asked for keys, … × m × its width.
///   - z: What is asked for values, … × m × its width.
///   - p: The maps, each with a bias or without.
///   - mask: Which positions of y a position of x may see; its tensors have the rank of the scores,
///     … × h × n × m.
///   - fill: What becomes of the score of a position that may not be seen.
///   - scale: What the scores are multiplied by.
///   - drop: What is dropped of the weights in training.
/// - Returns: … × n × the output map's width. Under `.excluded` a position that sees nothing gets
///   the output map's bias.
///
/// MHA-1, MHA-3 to MHA-5, MHA-7, MHA-8. Vaswani et al. 2017, section 3.2.2. SPEC.md, Multi-head
/// attention.
@specialized(where S == Float)
@specialized(where S == Double)
public func multiHeadAttention<S: Scalar>(
  queries x: Tensor<S>, keys y: Tensor<S>, values z: Tensor<S>, _ p: MultiHeadAttention<S>,
  mask: AttentionMask<S> = .none, fill: MaskFill = .excluded, scale: ScoreScale = .rootKeyWidth,
  dropout drop: Dropout = .none
) -> Tensor<S> {
  multiHeadAttentionSteps(
    queries: x, keys: y, values: z, p, mask: mask, fill: fill, scale: scale, dropout: drop
  ).output
}

/// Multi-head attention with everything that it computes on the way: the weights among it.
@specialized(where S == Float)
@specialized(where S == Double)
public func multiHeadAttentionSteps<S: Scalar>(
  queries x: Tensor<S>, keys y: Tensor<S>, values z: Tensor<S>, _ p: MultiHeadAttention<S>,
  mask: AttentionMask<S> = .none, fill: MaskFill = .excluded, scale: ScoreScale = .rootKeyWidth,
  dropout drop: Dropout = .none
) -> MultiHeadAttentionSteps<S> {
  multiHeadAttentionSteps(
    queries: x, keyValueCache(keys: y, values: z, p), p, mask: mask, fill: fill, scale: scale,
    dropout: drop)
}

/// Multi-head attention to keys and values that are there already.
///
/// - Parameters:
///   - x: What asks, … × n × its width.
///   - cache: The keys and values of every head.
///   - p: The maps, of which those of keys and values are not used.
@specialized(where S == Float)
@specialized(where S == Double)
public func multiHeadAttentionSteps<S: Scalar>(
  queries x: Tensor<S>, _ cache: KeyValueCache<S>, _ p: MultiHeadAttention<S>,
  mask: AttentionMask<S> = .none, fill: MaskFill = .excluded, scale: ScoreScale = .rootKeyWidth,
  dropout drop: Dropout = .none
) -> MultiHeadAttentionSteps<S> {
  let q = splitHeads(affineMap(x, p.query), heads: p.heads)
  let heads = scaledDotProductAttentionSteps(
    queries: q, keys: cache.keys, values: cache.values, mask: mask, fill: fill, scale: scale,
    dropout: drop)
  let concatenated = concatenateHeads(heads.output)
  return MultiHeadAttentionSteps(
    queryHeads: q, keyHeads: cache.keys, valueHeads: cache.values, attention: heads,
    concatenated: concatenated, output: affineMap(concatenated, p.output))
}

/// The keys and values of every head, which do not depend on what asks.
///
///     K_i = Y W_i^K,  V_i = Z W_i^V        … × h × m × dk, … × h × m × dv
@specialized(where S == Float)
@specialized(where S == Double)
public func keyValueCache<S: Scalar>(
  keys y: Tensor<S>, values z: Tensor<S>, _ p: MultiHeadAttention<S>
) -> KeyValueCache<S> {
  KeyValueCache(
    keys: splitHeads(affineMap(y, p.key), heads: p.heads),
    values: splitHeads(affineMap(z, p.value), heads: p.heads))
}

/// Document 000's `SelfAttention`: all heads share one map of a head's width.
///
///     q, k, v = the heads of the inputs, each times the shared map
///     scores  = q kᵀ, hidden ones −1e20, all divided by √dModel
///     output  = Concat(softmax(scores) v) W^O + b        b × n × dModel
///
/// - Parameters:
///   - z: What is asked for values, … × m × dModel.
///   - y: What is asked for keys, … × m × dModel.
///   - x: What asks, … × n × dModel.
///   - p: The shared maps.
///   - mask: Which positions may be seen, of rank … × h × n × m.
///
/// MHA-2. SPEC.md, Multi-head attention.
@specialized(where S == Float)
@specialized(where S == Double)
public func sharedHeadAttention<S: Scalar>(
  values z: Tensor<S>, keys y: Tensor<S>, queries x: Tensor<S>, _ p: SharedHeadAttention<S>,
  mask: AttentionMask<S> = .none
) -> MultiHeadAttentionSteps<S> {
  func heads(_ x: Tensor<S>, _ weight: Tensor<S>) -> Tensor<S> {
    affineMap(splitHeads(x, heads: p.heads), AffineMap(weight: weight))
  }
  let (q, k, v) = (heads(x, p.query), heads(y, p.key), heads(z, p.value))
  let attention = scaledDotProductAttentionSteps(
    queries: q, keys: k, values: v, mask: mask, fill: .replacedBeforeScaling(by: -1e20),
    scale: .rootModelWidth(p.output.inputs))
  let concatenated = concatenateHeads(attention.output)
  return MultiHeadAttentionSteps(
    queryHeads: q, keyHeads: k, valueHeads: v, attention: attention,
    concatenated: concatenated, output: affineMap(concatenated, p.output))
}

/// The parts of every vector that belong to each head.
///
///     y_itc = x_t,(i·d/h + c)        … × h × t × d/h
///
/// - Parameters:
///   - x: … × t × d.
///   - h: How many heads there are; it divides d.
///
/// MHA-6. SPEC.md, Multi-head attention.
@specialized(where S == Float)
@specialized(where S == Double)
public func splitHeads<S: Scalar>(_ x: Tensor<S>, heads h: Int) -> Tensor<S> {
  require(
    x.rank >= 2 && h >= 1 && x.shape[x.rank - 1] % h == 0,
    "a width that \(h) heads divide is needed: got \(described(x.shape))")
  let (t, width) = (x.shape[x.rank - 2], x.shape[x.rank - 1] / h)
  let x3 = x.reshaped([x.leadingShape.reduce(1, *), t, h * width])
  var y = Tensor<S>(shape: [x3.shape[0] * h, t, width], repeating: 0)
  for g in 0..<y.shape[0] {
    for i in 0..<t {
      for c in 0..<width { y[g, i, c] = x3[g / h, i, g % h * width + c] }
    }
  }
  return y.reshaped(x.leadingShape + [h, t, width])
}

/// The heads of every position side by side: the inverse of `splitHeads`.
///
///     y_t,(i·d/h + c) = x_itc        … × t × d
///
/// - Parameter x: … × h × t × d/h.
///
/// MHA-6. SPEC.md, Multi-head attention.
@specialized(where S == Float)
@specialized(where S == Double)
public func concatenateHeads<S: Scalar>(_ x: Tensor<S>) -> Tensor<S> {
  require(x.rank >= 3, "heads must be … × h × t × width: got \(described(x.shape))")
  let (h, t, width) = (x.shape[x.rank - 3], x.shape[x.rank - 2], x.shape[x.rank - 1])
  let leading = Array(x.leadingShape.dropLast())
  let x3 = x.matrices
  var y = Tensor<S>(shape: [leading.reduce(1, *), t, h * width], repeating: 0)
  for g in 0..<x3.shape[0] {
    for i in 0..<t {
      for c in 0..<width { y[g / h, i, g % h * width + c] = x3[g, i, c] }
    }
  }
  return y.reshaped(leading + [t, h * width])
}
