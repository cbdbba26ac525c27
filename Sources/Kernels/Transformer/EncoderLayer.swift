import Notation

/// One layer of an encoder: self-attention, then a feed-forward network, each a residual sublayer.
///
/// Differs from the equation as its parts do, `multiHeadAttention`, `feedForward` and `layerNorm`; the
/// sums of the residual connections are part of the last product's epilogue. It is the layer in
/// evaluation: nothing is dropped.
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
  encoder(x, layers: [p], mask: mask, fill: fill)
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
  for p in layers {
    _ = AttentionShape(queries: x.shape, keys: x.shape, values: x.shape, through: p.attention, mask)
    checkSublayer(x.shape, p.attention.output.outputs, p.attentionNorm)
    _ = MatrixProductShape(x.shape, through: p.feedForward.inner)
    checkSublayer(x.shape, p.feedForward.outer.outputs, p.feedForwardNorm)
  }
  return inPlace(x, norm) { y in
    for p in layers { encoderLayer(inPlace: y, x.shape, p, mask: mask, fill: fill) }
  }
}

/// A layer of an encoder; x, of the shape given, becomes its output.
private func encoderLayer(
  inPlace x: Memory<Float>, _ shape: [Int], _ p: EncoderLayer<Float>, mask: AttentionMask<Float>,
  fill: MaskFill
) {
  let attention = AttentionShape(
    queries: shape, keys: shape, values: shape, through: p.attention, mask)
  let rows = shape.dropLast().reduce(1, *)
  Workspace.with(x.count) { a in
    sublayer(x, p.placement, p.attentionNorm, into: a) { x, addend, y in
      multiHeadAttention(
        queries: x, keys: x, values: x, attention, p.attention, mask: mask, fill: fill,
        adding: addend, into: y)
    }
    sublayer(a, p.placement, p.feedForwardNorm, into: x) { a, addend, y in
      feedForward(a, rows: rows, p.feedForward, adding: addend, into: y)
    }
  }
}
