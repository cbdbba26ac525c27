import Notation

/// Translates by always taking the likeliest token, until the stop token comes.
///
/// Differs from the equation in that all sentences take a step together, which reads every weight once
/// for all of them; a sentence that has ended goes on until the last one has, and what it gives then is
/// not looked at.
///
/// Error: the logits are off as `stepwiseLogits` says; tokens are the equation's unless two logits are
/// closer than that. Equation: `Equations/Transformer/Generation.swift`.
///
/// - Parameters:
///   - source: b × s.
///   - p: The parameters.
///   - start: The token that every translation begins with; it is not returned.
///   - stop: The token that ends a translation; it is returned.
///   - maximumLength: How many tokens a translation has at most.
///   - method: Whether the whole prefix goes through the decoder at every step, or only its last
///     token.
/// - Returns: The tokens of each sentence.
public func greedyGeneration(
  source: Tensor<Int>, _ p: Transformer<Float>, start: Int, stop: Int, maximumLength: Int,
  method: GenerationMethod = .fullPrefix
) -> [[Int]] {
  require(maximumLength >= 0, "a length cannot be negative: got \(maximumLength)")
  var prefixes = Prefixes(of: encode(source, p), source, p, method)
  var translations = Array(repeating: [Int](), count: source.shape[0])
  var newest = translations.map { _ in start }
  for _ in 0..<maximumLength {
    if translations.allSatisfy({ $0.last == stop }) { break }
    newest = argmax(prefixes.logits(after: newest)).storage
    for b in translations.indices where translations[b].last != stop {
      translations[b].append(newest[b])
    }
  }
  return translations
}

/// The likeliest token after every prefix of a translation that is known: teacher forcing.
///
/// Differs from the equation as `transformer` does.
///
/// Equation: `Equations/Transformer/Generation.swift`.
///
/// - Parameters:
///   - source: b × s.
///   - target: b × t: the start token, then the translation.
///   - p: The parameters.
/// - Returns: b × t.
public func teacherForcedTokens(
  source: Tensor<Int>, target: Tensor<Int>, _ p: Transformer<Float>
) -> Tensor<Int> {
  argmax(transformer(source: source, target: target, p))
}

/// The scores after every prefix of a translation, one step at a time for all sentences together.
///
/// Error: that of `transformer`, with either method; see `ErrorBounds`.
/// Equation: `Equations/Transformer/Generation.swift`.
///
/// - Parameters:
///   - source: b × s.
///   - target: b × t.
///   - p: The parameters.
///   - method: Whether the whole prefix goes through the decoder at every step, or only its last
///     token.
/// - Returns: b × t × v.
public func stepwiseLogits(
  source: Tensor<Int>, target: Tensor<Int>, _ p: Transformer<Float>, method: GenerationMethod
) -> Tensor<Float> {
  checkSentences(target, "target", ofSources: source.shape[0])
  var prefixes = Prefixes(of: encode(source, p), source, p, method)
  let (b, t, v) = (target.shape[0], target.shape[1], p.output.outputs)
  var logits = Tensor<Float>(shape: [b, t, v], repeating: 0)
  for i in 0..<t {
    let step = prefixes.logits(after: (0..<b).map { target[$0, i] })
    for g in 0..<b {
      let start = (g * t + i) * v
      logits.storage.replaceSubrange(start..<start + v, with: step.storage[g * v..<(g + 1) * v])
    }
  }
  return logits
}

/// The translations of all sentences as far as they go, and what the decoder keeps of them.
private struct Prefixes {
  private let memory: Tensor<Float>
  private let source: Tensor<Int>
  private let p: Transformer<Float>
  private let method: GenerationMethod
  private var tokens: [[Int]]
  private let memoryCaches: [KeyValueCache<Float>]
  private var caches: [KeyValueCache<Float>?]

  init(
    of memory: Tensor<Float>, _ source: Tensor<Int>, _ p: Transformer<Float>,
    _ method: GenerationMethod
  ) {
    (self.memory, self.source, self.p, self.method) = (memory, source, p, method)
    tokens = Array(repeating: [], count: source.shape[0])
    let layers = p.stacks.decoderLayers
    memoryCaches =
      method == .cached
      ? layers.map { keyValueCache(keys: memory, values: memory, $0.crossAttention) } : []
    caches = layers.map { _ in nil }
  }

  /// The scores for what follows the tokens so far and one more of each sentence: b × v.
  mutating func logits(after newest: [Int]) -> Tensor<Float> {
    for b in newest.indices { tokens[b].append(newest[b]) }
    let (b, t) = (newest.count, tokens.first?.count ?? 0)
    let target = Tensor(shape: [b, t], storage: tokens.flatMap { $0 })
    let last: Tensor<Float>
    switch method {
    case .cached: last = newestDecoded(target, Tensor(shape: [b, 1], storage: newest))
    case .fullPrefix:
      let decoded = decode(target, memory: memory, source: source, p)
      let d = decoded.shape[2]
      last = Tensor(
        shape: [b, d],
        storage: (0..<b).flatMap { sentence in
          let end = (sentence + 1) * t * d
          return decoded.storage[end - d..<end]
        })
    }
    return affineMap(last.rows, p.output)
  }

  /// The decoder's output at the last position: b × 1 × dModel.
  private mutating func newestDecoded(
    _ target: Tensor<Int>, _ newest: Tensor<Int>
  ) -> Tensor<Float> {
    var x = transformerEmbedding(
      newest, table: p.targetTable, positions: p.positions, offset: target.shape[1] - 1,
      scale: p.embeddingScale)
    let mask = p.mask(queries: newest, p.targetPadding, keys: target, p.targetPadding)
    let memoryMask = p.mask(queries: newest, p.targetPadding, keys: source, p.sourcePadding)
    for (l, layer) in p.stacks.decoderLayers.enumerated() {
      x = decoderLayerStep(
        x, cache: &caches[l], memory: memoryCaches[l], layer, mask: mask, memoryMask: memoryMask,
        fill: p.fill)
    }
    return p.stacks.decoderNorm.map { layerNorm(x, $0) } ?? x
  }
}
