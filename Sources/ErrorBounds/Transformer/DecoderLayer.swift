import Notation

/// The largest error that a layer of a decoder may have, element by element.
///
/// Its sublayers one after the other, each of what the one before may be off by; the memory is exact. It
/// grows as that of a layer of an encoder.
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
  decoder(
    Enclosure(x), memory: memory.map { Enclosure($0) }, layers: [p], mask: mask,
    memoryMask: memoryMask, fill: fill, in: arithmetic
  ).errors
}

/// A decoder of what may be off.
func decoder(
  _ x: Enclosure, memory: Enclosure?, layers: [DecoderLayer<Double>],
  norm: LayerNorm<Double>? = nil, mask: AttentionMask<Double>, memoryMask: AttentionMask<Double>,
  fill: MaskFill, in arithmetic: Arithmetic
) -> Enclosure {
  func attention(
    _ x: Enclosure, to memory: Enclosure, _ p: MultiHeadAttention<Double>,
    _ mask: AttentionMask<Double>
  ) -> Enclosure {
    multiHeadAttention(
      queries: x, keys: memory, values: memory, p, mask: mask, fill: fill, scale: .rootKeyWidth,
      in: arithmetic)
  }
  let y = layers.reduce(x) { x, p in
    var y = residual(x, (p.placement, p.selfAttentionNorm), in: arithmetic) {
      attention($0, to: $0, p.selfAttention, mask)
    }
    if let memory {
      y = residual(y, (p.placement, p.crossAttentionNorm), in: arithmetic) {
        attention($0, to: memory, p.crossAttention, memoryMask)
      }
    }
    return residual(y, (p.placement, p.feedForwardNorm), in: arithmetic) {
      feedForward($0, p.feedForward, in: arithmetic)
    }
  }
  return norm.map { layerNorm(y, $0, in: arithmetic) } ?? y
}
