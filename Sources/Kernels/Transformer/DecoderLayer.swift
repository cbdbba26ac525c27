import Notation

/// One layer of a decoder: self-attention, attention to the encoder's output, a feed-forward network.
///
/// Differs from the equation as its parts do: `multiHeadAttention`, `feedForward`, and sum and
/// normalisation in one pass. It is the layer in evaluation: nothing is dropped.
///
/// Error: see `ErrorBounds`. Equation: `Equations/Transformer/DecoderLayer.swift`.
///
/// - Parameters:
///   - x: … × t × dModel.
///   - memory: The encoder's output, … × s × its width; `nil` leaves the second sublayer out.
///   - p: The parameters, and where the layer normalises.
///   - mask: Which positions of x a position may see, of rank … × h × t × t.
///   - memoryMask: Which positions of the memory it may see, of rank … × h × t × s.
///   - fill: What becomes of the score of a position that may not be seen.
public func decoderLayer(
  _ x: Tensor<Float>, memory: Tensor<Float>?, _ p: DecoderLayer<Float>,
  mask: AttentionMask<Float> = .causal, memoryMask: AttentionMask<Float> = .none,
  fill: MaskFill = .excluded
) -> Tensor<Float> {
  var y = residual(x, p.placement, p.selfAttentionNorm) { x in
    multiHeadAttention(queries: x, keys: x, values: x, p.selfAttention, mask: mask, fill: fill)
  }.output
  if let memory {
    y =
      residual(y, p.placement, p.crossAttentionNorm) { a in
        multiHeadAttention(
          queries: a, keys: memory, values: memory, p.crossAttention, mask: memoryMask, fill: fill)
      }.output
  }
  return residual(y, p.placement, p.feedForwardNorm) { c in feedForward(c, p.feedForward) }.output
}

/// A decoder in evaluation: layers one after the other, all with one memory.
///
/// Error: see `ErrorBounds`. Equation: `Equations/Transformer/DecoderLayer.swift`.
///
/// - Parameters:
///   - x: … × t × dModel.
///   - memory: The encoder's output; `nil` leaves every second sublayer out.
///   - layers: The layers, first to last.
///   - norm: The normalisation of the output; `nil` in the documents.
///   - mask: Which positions of x a position may see, the same in every layer.
///   - memoryMask: Which positions of the memory it may see.
///   - fill: What becomes of the score of a position that may not be seen.
public func decoder(
  _ x: Tensor<Float>, memory: Tensor<Float>?, layers: [DecoderLayer<Float>],
  norm: LayerNorm<Float>? = nil, mask: AttentionMask<Float> = .causal,
  memoryMask: AttentionMask<Float> = .none, fill: MaskFill = .excluded
) -> Tensor<Float> {
  let y = layers.reduce(x) {
    decoderLayer($0, memory: memory, $1, mask: mask, memoryMask: memoryMask, fill: fill)
  }
  return norm.map { layerNorm(y, $0) } ?? y
}
