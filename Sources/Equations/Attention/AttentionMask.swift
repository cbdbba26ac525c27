import Notation

/// Whether query i may see key j in a decoder: no key after the query's own position.
///
///     keep_ij = (j ≤ i + offset)        n × m
///
/// - Parameters:
///   - n: The number of queries.
///   - m: The number of keys.
///   - offset: The number of keys before the first query's own; 0 in the documents.
/// - Returns: n × m. With a negative offset the first queries see nothing.
///
/// MSK-1. SPEC.md, Attention mask.
public func causalMask(queries n: Int, keys m: Int, offset: Int = 0) -> Tensor<Bool> {
  require(n >= 0 && m >= 0, "a causal mask needs lengths: got \(n) queries and \(m) keys")
  return Tensor(
    shape: [n, m], storage: (0..<n).flatMap { i in (0..<m).map { j in j <= i + offset } })
}

/// Whether a key is a word and not padding, the same for every head and query.
///
///     keep_b11j = (tokens_bj ≠ padding)        b × 1 × 1 × m
///
/// - Parameters:
///   - tokens: b × m.
///   - padding: The token that fills sentences up.
///
/// MSK-3. SPEC.md, Attention mask.
public func paddingMask(tokens: Tensor<Int>, padding: Int) -> Tensor<Bool> {
  require(tokens.rank == 2, "tokens must be b × m: got \(described(tokens.shape))")
  return tokens.map { $0 != padding }.reshaped([tokens.shape[0], 1, 1, tokens.shape[1]])
}

/// The mask of a decoder's self-attention: no padding and nothing after the query's own position.
///
///     keep_b1ij = (tokens_bj ≠ padding) ∧ (j ≤ i)        b × 1 × t × t
///
/// - Parameters:
///   - tokens: b × t.
///   - padding: The token that fills sentences up.
///   - queryPadding: Whether padding positions see anything themselves; what they see changes no real
///     position.
///
/// MSK-8. SPEC.md, Attention mask.
public func decoderMask(
  tokens: Tensor<Int>, padding: Int, queryPadding: QueryPadding = .visible
) -> Tensor<Bool> {
  let keys = paddingMask(tokens: tokens, padding: padding)
  let (b, t) = (tokens.shape[0], tokens.shape[1])
  let causal = causalMask(queries: t, keys: t).reshaped([1, 1, t, t])
  let visible = conjunction(
    keys.broadcast(to: [b, 1, t, t]), causal.broadcast(to: [b, 1, t, t]))
  switch queryPadding {
  case .visible: return visible
  case .hidden: return conjunction(visible, keys.transposed.broadcast(to: [b, 1, t, t]))
  }
}

/// Both masks at once.
///
///     keep = a ∧ b
///
/// - Parameters:
///   - a: A mask of any shape.
///   - b: A mask of the same shape.
public func conjunction(_ a: Tensor<Bool>, _ b: Tensor<Bool>) -> Tensor<Bool> {
  require(
    a.shape == b.shape,
    "masks to be joined must have one shape: got \(described(a.shape)) and \(described(b.shape))")
  return Tensor(shape: a.shape, storage: zip(a.storage, b.storage).map { $0 && $1 })
}

/// The mask as numbers to be added to the scores.
///
///     A_ij = 0 where keep_ij, −∞ elsewhere
///
/// - Parameter keep: A mask of any shape.
///
/// MSK-2. SPEC.md, Attention mask.
public func additiveMask<S: Scalar>(_ keep: Tensor<Bool>, as type: S.Type = S.self) -> Tensor<S> {
  keep.map { $0 ? 0 : -S.infinity }
}

/// The scores with everything done to them that comes before softmax.
///
///     s_ij = raw_ij · factor + bias_ij, and where key j is hidden from query i:
///       excluded                    −∞
///       replaced by f               f
///       replaced before scaling     f · factor
///       f added                     s_ij + f
///
/// - Parameters:
///   - scores: The dot products q·k before scaling, … × n × m.
///   - mask: Which keys are hidden, and the bias.
///   - fill: What becomes of the score of a hidden key.
///   - factor: The scale.
/// - Returns: … × n × m.
///
/// MSK-4, MSK-5, MSK-6, MSK-7. SPEC.md, Attention mask.
@specialized(where S == Float)
@specialized(where S == Double)
public func maskedScores<S: Scalar>(
  _ scores: Tensor<S>, mask: AttentionMask<S>, fill: MaskFill = .excluded, factor: S = 1
) -> Tensor<S> {
  let visible = visibleKeys(mask, fill: fill, shape: scores.shape)
  let bias = mask.bias?.broadcast(to: scores.shape)
  var masked = scores
  for at in scores.storage.indices {
    let s = scores.storage[at] * factor + (bias?.storage[at] ?? 0)
    if visible.storage[at] {
      masked.storage[at] = s
      continue
    }
    masked.storage[at] =
      switch fill {
      case .excluded: -.infinity
      case .replaced(let f): S(f)
      case .replacedBeforeScaling(let f): S(f) * factor
      case .added(let f): s + S(f)
      }
  }
  return masked
}

/// Which keys each query sees: every rule of the mask at once.
///
/// - Parameters:
///   - mask: The rules.
///   - fill: Under `.excluded` a bias of −∞ hides a key; otherwise it is a number like any other.
///   - shape: The shape of the scores, … × n × m.
/// - Returns: … × n × m.
@specialized(where S == Float)
@specialized(where S == Double)
public func visibleKeys<S: Scalar>(
  _ mask: AttentionMask<S>, fill: MaskFill, shape: [Int]
) -> Tensor<Bool> {
  var visible = mask.keep?.broadcast(to: shape) ?? Tensor(shape: shape, repeating: true)
  if let offset = mask.causalOffset {
    let (n, m) = (shape[shape.count - 2], shape[shape.count - 1])
    let causal = causalMask(queries: n, keys: m, offset: offset)
    let stacked = Array(repeating: 1, count: shape.count - 2) + [n, m]
    visible = conjunction(visible, causal.reshaped(stacked).broadcast(to: shape))
  }
  if let bias = mask.bias, fill == .excluded {
    visible = conjunction(visible, bias.map { $0 != -.infinity }.broadcast(to: shape))
  }
  return visible
}
