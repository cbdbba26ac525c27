import Notation

/// The largest error that a layer of an encoder may have, element by element.
///
/// Its sublayers one after the other, each of what the one before may be off by. It grows with the
/// width: 3 % of the numbers at 32, half of them at 64, more than all from 128 on. Tests compare layers
/// sublayer by sublayer, each on what the kernels gave it.
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
  encoder(Enclosure(x), layers: [p], mask: mask, fill: fill, in: arithmetic).errors
}

/// An encoder of what may be off.
func encoder(
  _ x: Enclosure, layers: [EncoderLayer<Double>], norm: LayerNorm<Double>? = nil,
  mask: AttentionMask<Double> = .none, fill: MaskFill = .excluded, in arithmetic: Arithmetic
) -> Enclosure {
  let y = layers.reduce(x) { x, p in
    let attended = residual(x, (p.placement, p.attentionNorm), in: arithmetic) { x in
      multiHeadAttention(
        queries: x, keys: x, values: x, p.attention, mask: mask, fill: fill,
        scale: .rootKeyWidth, in: arithmetic)
    }
    return residual(attended, (p.placement, p.feedForwardNorm), in: arithmetic) {
      feedForward($0, p.feedForward, in: arithmetic)
    }
  }
  return norm.map { layerNorm(y, $0, in: arithmetic) } ?? y
}
