import Notation

/// The Transformer, from the tokens of two sentences to a score for every token to come next.
///
///     memory  = Encoder(E_source[source] + PE)                  b × s × dModel
///     decoded = Decoder(E_target[target] + PE, memory)          b × t × dModel
///     logits  = decoded Wᵀ + bias                               b × t × v
///
/// - Parameters:
///   - source: The sentences to be translated, b × s, filled up with padding.
///   - target: What has been translated so far, b × t: the start token first.
///   - p: The parameters, and what is hidden.
///   - drop: What is dropped in training.
/// - Returns: Logits, no probabilities: position i scores the token that follows target 0 … i. What
///   stands at padding positions has no meaning.
///
/// TRF-1. Vaswani et al. 2017, section 3. SPEC.md, Transformer.
@specialized(where S == Float)
@specialized(where S == Double)
public func transformer<S: Scalar>(
  source: Tensor<Int>, target: Tensor<Int>, _ p: Transformer<S>,
  dropout drop: LayerDropout = .none
) -> Tensor<S> {
  transformerSteps(source: source, target: target, p, dropout: drop).logits
}

/// The Transformer with what it computes on the way.
@specialized(where S == Float)
@specialized(where S == Double)
public func transformerSteps<S: Scalar>(
  source: Tensor<Int>, target: Tensor<Int>, _ p: Transformer<S>,
  dropout drop: LayerDropout = .none
) -> TransformerSteps<S> {
  let memory = encode(source, p, dropout: drop.layer(0))
  let decoded = decode(target, memory: memory, source: source, p, dropout: drop.layer(1))
  return TransformerSteps(
    memory: memory, decoded: decoded, logits: affineMap(decoded, p.output))
}

/// The encoder's half of the Transformer.
///
/// - Parameters:
///   - source: b × s.
///   - p: The parameters.
///   - drop: What is dropped in training.
/// - Returns: b × s × dModel.
@specialized(where S == Float)
@specialized(where S == Double)
public func encode<S: Scalar>(
  _ source: Tensor<Int>, _ p: Transformer<S>, dropout drop: LayerDropout = .none
) -> Tensor<S> {
  requireSentences(source, "source")
  let x = transformerEmbedding(
    source, table: p.sourceTable, positions: p.positions, scale: p.embeddingScale,
    dropout: drop.embedding)
  return encoder(
    x, layers: p.stacks.encoderLayers, norm: p.stacks.encoderNorm,
    mask: encoderMask(source: source, p), fill: p.fill, dropout: drop)
}

/// The decoder's half of the Transformer, without the map to logits.
///
/// - Parameters:
///   - target: b × t.
///   - memory: The encoder's output, b × s × dModel.
///   - source: The tokens that it is of, for their padding.
///   - p: The parameters.
///   - drop: What is dropped in training.
/// - Returns: b × t × dModel.
@specialized(where S == Float)
@specialized(where S == Double)
public func decode<S: Scalar>(
  _ target: Tensor<Int>, memory: Tensor<S>, source: Tensor<Int>, _ p: Transformer<S>,
  dropout drop: LayerDropout = .none
) -> Tensor<S> {
  requireSentences(target, "target")
  require(
    source.shape[0] == target.shape[0],
    "there must be as many sources as targets: got \(source.shape[0]) and \(target.shape[0])")
  let x = transformerEmbedding(
    target, table: p.targetTable, positions: p.positions, scale: p.embeddingScale,
    dropout: drop.embedding)
  return decoder(
    x, memory: memory, layers: p.stacks.decoderLayers, norm: p.stacks.decoderNorm,
    mask: targetMask(target: target, p), memoryMask: memoryMask(target: target, source: source, p),
    fill: p.fill, dropout: drop)
}

private func requireSentences(_ tokens: Tensor<Int>, _ name: String) {
  require(
    tokens.rank == 2 && tokens.shape[1] > 0,
    "\(name) must be b × tokens with a token at least: got \(described(tokens.shape))")
}

// MARK: - Masks

/// What the positions of the source see of each other: no padding.
///
///     keep_b11j = (source_bj ≠ padding), and with hidden query padding ∧ (source_bi ≠ padding)
public func encoderMask<S: Scalar>(source: Tensor<Int>, _ p: Transformer<S>) -> AttentionMask<S> {
  guard let padding = p.sourcePadding else { return .none }
  let keys = paddingMask(tokens: source, padding: padding)
  switch p.queryPadding {
  case .visible: return .keep(keys)
  case .hidden: return .keep(pairs(queries: keys, keys: keys))
  }
}

/// What the positions of the target see of each other: no padding and nothing later.
public func targetMask<S: Scalar>(target: Tensor<Int>, _ p: Transformer<S>) -> AttentionMask<S> {
  guard let padding = p.targetPadding else { return .causal }
  return .keep(decoderMask(tokens: target, padding: padding, queryPadding: p.queryPadding))
}

/// What the positions of the target see of the source: no padding.
///
///     keep_b11j = (source_bj ≠ padding), and with hidden query padding ∧ (target_bi ≠ padding)
public func memoryMask<S: Scalar>(
  target: Tensor<Int>, source: Tensor<Int>, _ p: Transformer<S>
) -> AttentionMask<S> {
  let keys = p.sourcePadding.map { paddingMask(tokens: source, padding: $0) }
  guard p.queryPadding == .hidden, let padding = p.targetPadding else {
    return AttentionMask(keep: keys)
  }
  let all = Tensor(shape: [source.shape[0], 1, 1, source.shape[1]], repeating: true)
  return .keep(
    pairs(queries: paddingMask(tokens: target, padding: padding), keys: keys ?? all))
}

/// Where both the query and the key may take part: b × 1 × n × m.
private func pairs(queries: Tensor<Bool>, keys: Tensor<Bool>) -> Tensor<Bool> {
  let shape = [keys.shape[0], 1, queries.shape[3], keys.shape[3]]
  return conjunction(
    queries.transposed.broadcast(to: shape), keys.broadcast(to: shape))
}
