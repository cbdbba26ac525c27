import Notation

/// The Transformer, from the tokens of two sentences to a score for every token to come next.
///
/// Differs from the equation as its parts do: `transformerEmbedding`, `encoder`, `decoder` and
/// `affineMap`. Padding and later tokens are two rules of one mask, so that no mask of t × t is made
/// unless padding is hidden as a query, too. It is the Transformer in evaluation: nothing is dropped.
///
/// Error: see `ErrorBounds`. Equation: `Equations/Transformer/Transformer.swift`.
///
/// - Parameters:
///   - source: The sentences to be translated, b × s, filled up with padding.
///   - target: What has been translated so far, b × t: the start token first.
///   - p: The parameters, and what is hidden.
/// - Returns: Logits, b × t × v.
public func transformer(
  source: Tensor<Int>, target: Tensor<Int>, _ p: Transformer<Float>
) -> Tensor<Float> {
  transformerSteps(source: source, target: target, p).logits
}

/// The Transformer with what it computes on the way.
///
/// Error: see `ErrorBounds`. Equation: `Equations/Transformer/Transformer.swift`.
public func transformerSteps(
  source: Tensor<Int>, target: Tensor<Int>, _ p: Transformer<Float>
) -> TransformerSteps<Float> {
  let memory = encode(source, p)
  let decoded = decode(target, memory: memory, source: source, p)
  return TransformerSteps(
    memory: memory, decoded: decoded, logits: affineMap(decoded, p.output))
}

/// The encoder's half of the Transformer in evaluation.
///
/// - Parameters:
///   - source: b × s.
///   - p: The parameters.
/// - Returns: b × s × dModel.
///
/// Equation: `Equations/Transformer/Transformer.swift`.
public func encode(_ source: Tensor<Int>, _ p: Transformer<Float>) -> Tensor<Float> {
  checkSentences(source, "source")
  let x = transformerEmbedding(
    source, table: p.sourceTable, positions: p.positions, scale: p.embeddingScale)
  return encoder(
    x, layers: p.stacks.encoderLayers, norm: p.stacks.encoderNorm,
    mask: p.mask(queries: source, p.sourcePadding, keys: source, p.sourcePadding), fill: p.fill)
}

/// The decoder's half of the Transformer in evaluation, without the map to logits.
///
/// - Parameters:
///   - target: b × t.
///   - memory: The encoder's output, b × s × dModel.
///   - source: The tokens that it is of, for their padding.
///   - p: The parameters.
/// - Returns: b × t × dModel.
///
/// Equation: `Equations/Transformer/Transformer.swift`.
public func decode(
  _ target: Tensor<Int>, memory: Tensor<Float>, source: Tensor<Int>, _ p: Transformer<Float>
) -> Tensor<Float> {
  checkSentences(target, "target", ofSources: source.shape[0])
  let x = transformerEmbedding(
    target, table: p.targetTable, positions: p.positions, scale: p.embeddingScale)
  return decoder(
    x, memory: memory, layers: p.stacks.decoderLayers, norm: p.stacks.decoderNorm,
    mask: .causal && p.mask(queries: target, p.targetPadding, keys: target, p.targetPadding),
    memoryMask: p.mask(queries: target, p.targetPadding, keys: source, p.sourcePadding),
    fill: p.fill)
}

/// Stops unless tokens are sentences, and as many as there are sources.
func checkSentences(_ tokens: Tensor<Int>, _ name: String, ofSources count: Int? = nil) {
  require(
    tokens.rank == 2 && tokens.shape[1] > 0,
    "\(name) must be b × tokens with a token at least: got \(described(tokens.shape))")
  guard let count else { return }
  require(
    count == tokens.shape[0],
    "there must be as many sources as targets: got \(count) and \(tokens.shape[0])")
}

extension Transformer<Float> {
  /// Which positions padding hides from others, and, if it is hidden as a query, from whom all are.
  ///
  ///     keep_b1ij = (keys_bj ≠ padding) ∧ (queries_bi ≠ padding)
  func mask(
    queries: Tensor<Int>, _ queryPadding: Int?, keys: Tensor<Int>, _ keyPadding: Int?
  ) -> AttentionMask<Float> {
    let hidesQueries = self.queryPadding == .hidden && queryPadding != nil
    if keyPadding == nil && !hidesQueries { return .none }
    let (n, m) = (hidesQueries ? queries.shape[1] : 1, keys.shape[1])
    let keep = (0..<keys.shape[0]).flatMap { b in
      (0..<n).flatMap { i in
        (0..<m).map { j in
          (keyPadding == nil || keys[b, j] != keyPadding)
            && (!hidesQueries || queries[b, i] != queryPadding)
        }
      }
    }
    return .keep(Tensor(shape: [keys.shape[0], 1, n, m], storage: keep))
  }
}
