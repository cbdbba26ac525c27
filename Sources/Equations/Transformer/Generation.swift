import Notation

/// Translates by always taking the likeliest token, until the stop token comes.
///
///     y_0 = start,  y_(i+1) = argmax logits(source, y_0 … y_i)_i
///
/// - Parameters:
///   - source: b × s.
///   - p: The parameters.
///   - start: The token that every translation begins with; it is not returned.
///   - stop: The token that ends a translation; it is returned.
///   - maximumLength: How many tokens a translation has at most.
///   - method: Whether the whole prefix goes through the decoder at every step, or only its last
///     token. The tokens are the same, up to ties within rounding.
/// - Returns: The tokens of each sentence. Among equal logits the token of the lowest number wins.
///
/// DECODE-1. Document 003 §7 and §8. SPEC.md, Generation.
@specialized(where S == Float)
@specialized(where S == Double)
public func greedyGeneration<S: Scalar>(
  source: Tensor<Int>, _ p: Transformer<S>, start: Int, stop: Int, maximumLength: Int,
  method: GenerationMethod = .fullPrefix
) -> [[Int]] {
  require(maximumLength >= 0, "a length cannot be negative: got \(maximumLength)")
  let memory = encode(source, p)
  return (0..<source.shape[0]).map { b in
    let sentence = source.slice(b).reshaped([1, source.shape[1]])
    var prefix = Prefix(of: memory.slice(b), sentence, p, method)
    var tokens: [Int] = []
    while tokens.count < maximumLength && tokens.last != stop {
      let logits = prefix.logits(after: tokens.last ?? start)
      tokens.append(argmax(logits).storage[0])
    }
    return tokens
  }
}

/// The likeliest token after every prefix of a translation that is known: teacher forcing.
///
///     y_i = argmax logits(source, target)_i        b × t
///
/// - Parameters:
///   - source: b × s.
///   - target: b × t: the start token, then the translation.
///   - p: The parameters.
///
/// DECODE-3. Document 002, `evaluate`. SPEC.md, Generation.
@specialized(where S == Float)
@specialized(where S == Double)
public func teacherForcedTokens<S: Scalar>(
  source: Tensor<Int>, target: Tensor<Int>, _ p: Transformer<S>
) -> Tensor<Int> {
  argmax(transformer(source: source, target: target, p))
}

/// The scores after every prefix of a translation, one step at a time.
///
/// - Parameters:
///   - source: b × s.
///   - target: b × t.
///   - p: The parameters.
///   - method: Whether the whole prefix goes through the decoder at every step, or only its last
///     token.
/// - Returns: b × t × v, what `transformer` gives in one go.
///
/// DECODE-1, DECODE-3. SPEC.md, Generation.
@specialized(where S == Float)
@specialized(where S == Double)
public func stepwiseLogits<S: Scalar>(
  source: Tensor<Int>, target: Tensor<Int>, _ p: Transformer<S>, method: GenerationMethod
) -> Tensor<S> {
  let memory = encode(source, p)
  let logits = (0..<source.shape[0]).flatMap { b in
    let sentence = source.slice(b).reshaped([1, source.shape[1]])
    var prefix = Prefix(of: memory.slice(b), sentence, p, method)
    return target.slice(b).storage.flatMap { prefix.logits(after: $0).storage }
  }
  return Tensor(shape: target.shape + [p.output.outputs], storage: logits)
}

/// One translation as far as it goes, and what the decoder keeps of it.
private struct Prefix<S: Scalar> {
  private let memory: Tensor<S>
  private let source: Tensor<Int>
  private let p: Transformer<S>
  private let method: GenerationMethod
  private var tokens: [Int] = []
  private let memoryCaches: [KeyValueCache<S>]
  private var caches: [KeyValueCache<S>?]

  init(of memory: Tensor<S>, _ source: Tensor<Int>, _ p: Transformer<S>, _ method: GenerationMethod)
  {
    self.memory = memory.reshaped([1] + memory.shape)
    (self.source, self.p, self.method) = (source, p, method)
    let (layers, once) = (p.stacks.decoderLayers, self.memory)
    memoryCaches =
      method == .cached
      ? layers.map { keyValueCache(keys: once, values: once, $0.crossAttention) } : []
    caches = layers.map { _ in nil }
  }

  /// The scores for what follows the tokens so far and one more: v.
  mutating func logits(after token: Int) -> Tensor<S> {
    tokens.append(token)
    let target = Tensor(shape: [1, tokens.count], storage: tokens)
    let decoded =
      switch method {
      case .fullPrefix: decode(target, memory: memory, source: source, p).slice(0)
      case .cached: newestDecoded(target)
      }
    return affineMap(decoded.slice(decoded.shape[0] - 1), p.output)
  }

  /// The decoder's output at the last position: 1 × dModel.
  private mutating func newestDecoded(_ target: Tensor<Int>) -> Tensor<S> {
    let last = tokens.count - 1
    var x = transformerEmbedding(
      Tensor(shape: [1, 1], storage: [tokens[last]]), table: p.targetTable,
      positions: p.positions, offset: last, scale: p.embeddingScale)
    let mask = newestRow(targetMask(target: target, p))
    let memoryMask = newestRow(memoryMask(target: target, source: source, p))
    for (l, layer) in p.stacks.decoderLayers.enumerated() {
      x = decoderLayerStep(
        x, cache: &caches[l], memory: memoryCaches[l], layer, mask: mask,
        memoryMask: memoryMask, fill: p.fill)
    }
    return (p.stacks.decoderNorm.map { layerNorm(x, $0) } ?? x).slice(0)
  }

  /// What a mask says about the last query; the causal rule hides nothing from it.
  private func newestRow(_ mask: AttentionMask<S>) -> AttentionMask<S> {
    guard let keep = mask.keep else { return .none }
    let rows = keep.slice(0).slice(0)
    return .keep(rows.slice(rows.shape[0] - 1).reshaped([1, 1, 1, rows.shape[1]]))
  }
}
