import Notation

/// One layer of an encoder: self-attention, then a feed-forward network, each a residual sublayer.
///
/// Differs from the equation as its parts do: `multiHeadAttention`, `feedForward`, and sum and
/// normalisation in one pass. It is the layer in evaluation: nothing is dropped.
///
/// Error: see `ErrorBounds`. Equation: `Equations/Transformer/EncoderLayer.swift`.
///
/// - Parameters:
///   - x: … × t × dModel.
///   - p: The parameters, and where the layer normalises.
///   - mask: Which positions a position may see, of rank … × h × t × t.
///   - fill: What becomes of the score of a position that may not be seen.
public func encoderLayer(
  _ x: Tensor<Float>, _ p: EncoderLayer<Float>, mask: AttentionMask<Float> = .none,
  fill: MaskFill = .excluded
) -> Tensor<Float> {
  let attended = residual(x, p.placement, p.attentionNorm) { x in
    multiHeadAttention(queries: x, keys: x, values: x, p.attention, mask: mask, fill: fill)
  }.output
  return residual(attended, p.placement, p.feedForwardNorm) { a in
    feedForward(a, p.feedForward)
  }.output
}

/// An encoder in evaluation: layers one after the other, each with parameters of its own.
///
/// Error: see `ErrorBounds`. Equation: `Equations/Transformer/EncoderLayer.swift`.
///
/// - Parameters:
///   - x: … × t × dModel.
///   - layers: The layers, first to last.
///   - norm: The normalisation of the output; `nil` in the documents.
///   - mask: Which positions a position may see, the same in every layer.
///   - fill: What becomes of the score of a position that may not be seen.
public func encoder(
  _ x: Tensor<Float>, layers: [EncoderLayer<Float>], norm: LayerNorm<Float>? = nil,
  mask: AttentionMask<Float> = .none, fill: MaskFill = .excluded
) -> Tensor<Float> {
  let y = layers.reduce(x) { encoderLayer($0, $1, mask: mask, fill: fill) }
  return norm.map { layerNorm(y, $0) } ?? y
}
