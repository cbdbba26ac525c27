import Notation

/// One layer of an encoder: self-attention, then a feed-forward network, each a residual sublayer.
///
///     postNorm  a = LN₁(x + MHA(x, x, x)),      y = LN₂(a + FFN(a))
///     preNorm   a = x + MHA(n, n, n), n = LN₁(x),  y = a + FFN(LN₂(a))        … × t × dModel
///
/// - Parameters:
///   - x: … × t × dModel.
///   - p: The parameters, and where the layer normalises.
///   - mask: Which positions a position may see, of rank … × h × t × t.
///   - fill: What becomes of the score of a position that may not be seen.
///   - drop: What is dropped in training.
///
/// ENC-1, ENC-2. Vaswani et al. 2017, section 3.1. SPEC.md, Encoder layer.
@specialized(where S == Float)
@specialized(where S == Double)
public func encoderLayer<S: Scalar>(
  _ x: Tensor<S>, _ p: EncoderLayer<S>, mask: AttentionMask<S> = .none,
  fill: MaskFill = .excluded, dropout drop: LayerDropout = .none
) -> Tensor<S> {
  encoderLayerSteps(x, p, mask: mask, fill: fill, dropout: drop).output
}

/// One layer of an encoder with everything that it computes on the way.
@specialized(where S == Float)
@specialized(where S == Double)
public func encoderLayerSteps<S: Scalar>(
  _ x: Tensor<S>, _ p: EncoderLayer<S>, mask: AttentionMask<S> = .none,
  fill: MaskFill = .excluded, dropout drop: LayerDropout = .none
) -> EncoderLayerSteps<S> {
  let attention = residual(x, p.placement, p.attentionNorm, dropout: drop.sublayer(0)) { x in
    multiHeadAttention(
      queries: x, keys: x, values: x, p.attention, mask: mask, fill: fill,
      dropout: drop.attentionWeights(0))
  }
  let network = residual(
    attention.output, p.placement, p.feedForwardNorm, dropout: drop.sublayer(1)
  ) { a in feedForward(a, p.feedForward, dropout: drop.feedForward(1)) }
  return EncoderLayerSteps(
    attention: attention.sublayer, afterAttention: attention.output,
    feedForward: network.sublayer, output: network.output)
}

/// An encoder: layers one after the other, each with parameters of its own.
///
///     x_0 = x,  x_l = layer_l(x_(l−1)),  output = LN(x_N), or x_N itself        … × t × dModel
///
/// - Parameters:
///   - x: … × t × dModel.
///   - layers: The layers, first to last.
///   - norm: The normalisation of the output; `nil` in the documents. A stack of pre-norm layers
///     needs it to give numbers of one size.
///   - mask: Which positions a position may see, the same in every layer.
///   - fill: What becomes of the score of a position that may not be seen.
///   - drop: What is dropped in training.
///
/// ENC-3, ENC-4. SPEC.md, Encoder layer.
@specialized(where S == Float)
@specialized(where S == Double)
public func encoder<S: Scalar>(
  _ x: Tensor<S>, layers: [EncoderLayer<S>], norm: LayerNorm<S>? = nil,
  mask: AttentionMask<S> = .none, fill: MaskFill = .excluded, dropout drop: LayerDropout = .none
) -> Tensor<S> {
  var y = x
  for (l, layer) in layers.enumerated() {
    y = encoderLayer(y, layer, mask: mask, fill: fill, dropout: drop.layer(l))
  }
  return norm.map { layerNorm(y, $0) } ?? y
}
