import Notation

/// The largest error that a layer of an encoder may have, element by element.
///
/// Its sublayers one after the other, each of what the one before may be off by.
///
/// - Parameters:
///   - x: … × t × dModel.
///   - p: The parameters, and where the layer normalises.
///   - mask: Which positions a position may see.
///   - fill: What becomes of the score of a position that may not be seen.
///   - arithmetic: Whose layer it is.
/// - Returns: … × t × dModel; of no meaning where the output is not finite.
public func encoderLayerBound(
  _ x: Tensor<Double>, _ p: EncoderLayer<Double>, mask: AttentionMask<Double> = .none,
  fill: MaskFill = .excluded, in arithmetic: Arithmetic = .kernel
) -> Tensor<Double> {
  encoderBound(x, layers: [p], mask: mask, fill: fill, in: arithmetic)
}

/// The same for some positions, which see all of `others` and themselves are among them.
public func encoderLayerBound(
  of x: Tensor<Double>, among others: Tensor<Double>, _ p: EncoderLayer<Double>,
  in arithmetic: Arithmetic = .kernel
) -> Tensor<Double> {
  let others = Enclosure(others)
  let seen =
    p.placement == .preNorm ? layerNorm(others, p.attentionNorm, in: arithmetic) : others
  return encoded(Enclosure(x), p, in: arithmetic) { x in
    multiHeadAttention(
      queries: x, keys: seen, values: seen, p.attention, mask: .none, fill: .excluded,
      scale: .rootKeyWidth, in: arithmetic)
  }.errors
}

/// The largest error that an encoder may have, element by element: that of its layers in a row.
public func encoderBound(
  _ x: Tensor<Double>, layers: [EncoderLayer<Double>], norm: LayerNorm<Double>? = nil,
  mask: AttentionMask<Double> = .none, fill: MaskFill = .excluded,
  in arithmetic: Arithmetic = .kernel
) -> Tensor<Double> {
  let y = encoder(Enclosure(x), layers: layers, mask: mask, fill: fill, in: arithmetic)
  return (norm.map { layerNorm(y, $0, in: arithmetic) } ?? y).errors
}

/// The layers of an encoder, of what may be off.
func encoder(
  _ x: Enclosure, layers: [EncoderLayer<Double>], mask: AttentionMask<Double> = .none,
  fill: MaskFill = .excluded, in arithmetic: Arithmetic
) -> Enclosure {
  layers.reduce(x) { x, p in
    encoded(x, p, in: arithmetic) { x in
      multiHeadAttention(
        queries: x, keys: x, values: x, p.attention, mask: mask, fill: fill,
        scale: .rootKeyWidth, in: arithmetic)
    }
  }
}

/// A layer of what may be off, around its attention.
private func encoded(
  _ x: Enclosure, _ p: EncoderLayer<Double>, in arithmetic: Arithmetic,
  attending attention: (Enclosure) -> Enclosure
) -> Enclosure {
  let attended = residual(x, (p.placement, p.attentionNorm), in: arithmetic, attention)
  return residual(attended, (p.placement, p.feedForwardNorm), in: arithmetic) {
    feedForward($0, p.feedForward, in: arithmetic)
  }
}
