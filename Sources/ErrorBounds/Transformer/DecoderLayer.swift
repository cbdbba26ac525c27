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
  func attention(
    _ x: Enclosure, _ y: Enclosure, _ p: MultiHeadAttention<Double>, _ mask: AttentionMask<Double>
  ) -> Enclosure {
    multiHeadAttention(
      queries: x, keys: y, values: y, p, mask: mask, fill: fill, scale: .rootKeyWidth,
      in: arithmetic)
  }
  let y = layers.reduce(Enclosure(x)) { x, p in
    var y = residual(x, (p.placement, p.selfAttentionNorm), in: arithmetic) {
      attention($0, $0, p.selfAttention, mask)
    }
    if let memory {
      y = residual(y, (p.placement, p.crossAttentionNorm), in: arithmetic) {
        attention($0, Enclosure(memory), p.crossAttention, memoryMask)
      }
    }
    return residual(y, (p.placement, p.feedForwardNorm), in: arithmetic) {
      feedForward($0, p.feedForward, in: arithmetic)
    }
  }
  return (norm.map { layerNorm(y, $0, in: arithmetic) } ?? y).errors
}
