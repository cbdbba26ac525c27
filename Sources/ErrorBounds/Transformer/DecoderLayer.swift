import Notation

/// The largest error that a layer of a decoder may have, element by element.
///
/// Its sublayers one after the other, each of what the one before may be off by; the memory is exact.
///
/// - Parameters:
///   - x: … × t × dModel.
///   - memory: … × s × its width; `nil` leaves the second sublayer out.
///   - p: The parameters, and where the layer normalises.
///   - mask: Which positions of x a position may see.
///   - memoryMask: Which positions of the memory it may see.
///   - fill: What becomes of the score of a position that may not be seen.
///   - arithmetic: Whose layer it is.
/// - Returns: … × t × dModel; of no meaning where the output is not finite.
public func decoderLayerBound(
  _ x: Tensor<Double>, memory: Tensor<Double>?, _ p: DecoderLayer<Double>,
  mask: AttentionMask<Double> = .causal, memoryMask: AttentionMask<Double> = .none,
  fill: MaskFill = .excluded, in arithmetic: Arithmetic = .kernel
) -> Tensor<Double> {
  decoderBound(
    x, memory: memory, layers: [p], mask: mask, memoryMask: memoryMask, fill: fill, in: arithmetic)
}

/// The largest error that a decoder may have, element by element: that of its layers in a row.
public func decoderBound(
  _ x: Tensor<Double>, memory: Tensor<Double>?, layers: [DecoderLayer<Double>],
  norm: LayerNorm<Double>? = nil, mask: AttentionMask<Double> = .causal,
  memoryMask: AttentionMask<Double> = .none, fill: MaskFill = .excluded,
  in arithmetic: Arithmetic = .kernel
) -> Tensor<Double> {
  let memory = memory.map { Enclosure($0) }
  let y = layers.reduce(Enclosure(x)) { x, p in
    decoded(x, p, fill: fill, in: arithmetic) { x in
      (keyValueCache(keys: x, values: x, p.selfAttention, in: arithmetic), mask)
    } memory: {
      memory.map {
        (keyValueCache(keys: $0, values: $0, p.crossAttention, in: arithmetic), memoryMask)
      }
    }
  }
  return (norm.map { layerNorm(y, $0, in: arithmetic) } ?? y).errors
}

/// The largest error that a step of a layer may have whose cache and memory are exact.
///
/// Where the cache comes from earlier steps, `decoderLayerBound` bounds all of them: keys and values
/// are off there as they are here.
///
/// - Parameters:
///   - x: The newest positions, … × n × dModel.
///   - cache: Keys and values of the positions before them.
///   - memory: Keys and values of the encoder's output.
///   - p: The parameters, and where the layer normalises.
///   - mask: Which positions so far, x included, it may see.
///   - memoryMask: Which positions of the memory it may see.
///   - fill: What becomes of the score of a position that may not be seen.
///   - arithmetic: Whose step it is.
/// - Returns: … × n × dModel; of no meaning where the output is not finite.
public func decoderLayerStepBound(
  _ x: Tensor<Double>, cache: KeyValueCache<Double>, memory: KeyValueCache<Double>,
  _ p: DecoderLayer<Double>, mask: AttentionMask<Double> = .none,
  memoryMask: AttentionMask<Double> = .none, fill: MaskFill = .excluded,
  in arithmetic: Arithmetic = .kernel
) -> Tensor<Double> {
  decoded(Enclosure(x), p, fill: fill, in: arithmetic) { x in
    var kept = EnclosedCache(cache)
    kept.append(keyValueCache(keys: x, values: x, p.selfAttention, in: arithmetic))
    return (kept, mask)
  } memory: {
    (EnclosedCache(memory), memoryMask)
  }.errors
}

/// A layer of what may be off, with what its attentions see.
private func decoded(
  _ x: Enclosure, _ p: DecoderLayer<Double>, fill: MaskFill, in arithmetic: Arithmetic,
  own: (Enclosure) -> (EnclosedCache, AttentionMask<Double>),
  memory: () -> (EnclosedCache, AttentionMask<Double>)?
) -> Enclosure {
  func attention(
    _ x: Enclosure, _ seen: (cache: EnclosedCache, mask: AttentionMask<Double>),
    _ p: MultiHeadAttention<Double>
  ) -> Enclosure {
    multiHeadAttention(
      queries: x, seen.cache, p, mask: seen.mask, fill: fill, scale: .rootKeyWidth, in: arithmetic)
  }
  var y = residual(x, (p.placement, p.selfAttentionNorm), in: arithmetic) {
    attention($0, own($0), p.selfAttention)
  }
  if let memory = memory() {
    y = residual(y, (p.placement, p.crossAttentionNorm), in: arithmetic) {
      attention($0, memory, p.crossAttention)
    }
  }
  return residual(y, (p.placement, p.feedForwardNorm), in: arithmetic) {
    feedForward($0, p.feedForward, in: arithmetic)
  }
}
