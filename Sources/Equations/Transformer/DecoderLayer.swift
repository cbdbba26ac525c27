import Notation

/// One layer of a decoder: self-attention, attention to the encoder's output, a feed-forward network.
///
///     postNorm  a = LN₁(x + MHA(x, x, x)),  c = LN₂(a + MHA(a, M, M)),  y = LN₃(c + FFN(c))
///     preNorm   a = x + MHA(LN₁ x …),  c = a + MHA(LN₂ a, M, M),  y = c + FFN(LN₃ c)
///
/// - Parameters:
///   - x: … × t × dModel.
///   - memory: M, the encoder's output, … × s × its width; `nil` leaves the second sublayer out.
///   - p: The parameters, and where the layer normalises.
///   - mask: Which positions of x a position may see, of rank … × h × t × t. It is the caller's: a
///     decoder's is causal.
///   - memoryMask: Which positions of the memory it may see, of rank … × h × t × s.
///   - fill: What becomes of the score of a position that may not be seen.
///   - drop: What is dropped in training.
/// - Returns: … × t × dModel.
///
/// DEC-1, DEC-2. Vaswani et al. 2017, section 3.1. SPEC.md, Decoder layer.
@specialized(where S == Float)
@specialized(where S == Double)
public func decoderLayer<S: Scalar>(
  _ x: Tensor<S>, memory: Tensor<S>?, _ p: DecoderLayer<S>, mask: AttentionMask<S> = .causal,
  memoryMask: AttentionMask<S> = .none, fill: MaskFill = .excluded,
  dropout drop: LayerDropout = .none
) -> Tensor<S> {
  decoderLayerSteps(
    x, memory: memory, p, mask: mask, memoryMask: memoryMask, fill: fill, dropout: drop
  ).output
}

/// One layer of a decoder with everything that it computes on the way.
@specialized(where S == Float)
@specialized(where S == Double)
public func decoderLayerSteps<S: Scalar>(
  _ x: Tensor<S>, memory: Tensor<S>?, _ p: DecoderLayer<S>, mask: AttentionMask<S> = .causal,
  memoryMask: AttentionMask<S> = .none, fill: MaskFill = .excluded,
  dropout drop: LayerDropout = .none
) -> DecoderLayerSteps<S> {
  let ownMask = mask
  return decoderLayerSteps(
    x, p, dropout: drop,
    selfAttention: { x in
      multiHeadAttention(
        queries: x, keys: x, values: x, p.selfAttention, mask: ownMask, fill: fill,
        dropout: drop.attentionWeights(0))
    },
    crossAttention: memory.map { memory in
      { a in
        multiHeadAttention(
          queries: a, keys: memory, values: memory, p.crossAttention, mask: memoryMask,
          fill: fill, dropout: drop.attentionWeights(1))
      }
    })
}

/// One layer of a decoder for the newest position alone, keys and values of the others kept.
///
/// - Parameters:
///   - x: The newest position, … × 1 × dModel.
///   - cache: Keys and values of the positions so far, `nil` at the first; those of x are added.
///   - memory: Keys and values of the encoder's output.
///   - p: The parameters, and where the layer normalises.
///   - mask: Which positions so far, x included, it may see, of rank … × h × 1 × t.
///   - memoryMask: Which positions of the memory it may see, of rank … × h × 1 × s.
///   - fill: What becomes of the score of a position that may not be seen.
/// - Returns: The last row of what `decoderLayer` gives for all positions under a causal mask.
@specialized(where S == Float)
@specialized(where S == Double)
public func decoderLayerStep<S: Scalar>(
  _ x: Tensor<S>, cache: inout KeyValueCache<S>?, memory: KeyValueCache<S>, _ p: DecoderLayer<S>,
  mask: AttentionMask<S> = .none, memoryMask: AttentionMask<S> = .none,
  fill: MaskFill = .excluded
) -> Tensor<S> {
  var kept = cache
  defer { cache = kept }
  return decoderLayerSteps(
    x, p, dropout: .none,
    selfAttention: { x in
      let newest = keyValueCache(keys: x, values: x, p.selfAttention)
      if kept == nil { kept = newest } else { kept!.append(newest) }
      return multiHeadAttentionSteps(
        queries: x, kept!, p.selfAttention, mask: mask, fill: fill
      ).output
    },
    crossAttention: { a in
      multiHeadAttentionSteps(
        queries: a, memory, p.crossAttention, mask: memoryMask, fill: fill
      ).output
    }
  ).output
}

/// The residual sublayers of a decoder's layer around two attentions.
@inline(__always)
private func decoderLayerSteps<S: Scalar>(
  _ x: Tensor<S>, _ p: DecoderLayer<S>, dropout drop: LayerDropout,
  selfAttention: (Tensor<S>) -> Tensor<S>, crossAttention: ((Tensor<S>) -> Tensor<S>)?
) -> DecoderLayerSteps<S> {
  let own = residual(
    x, p.placement, p.selfAttentionNorm, dropout: drop.sublayer(0), selfAttention)
  let cross = crossAttention.map {
    residual(own.output, p.placement, p.crossAttentionNorm, dropout: drop.sublayer(1), $0)
  }
  let c = cross?.output ?? own.output
  let last = cross == nil ? 1 : 2
  let network = residual(c, p.placement, p.feedForwardNorm, dropout: drop.sublayer(last)) { c in
    feedForward(c, p.feedForward, dropout: drop.feedForward(last))
  }
  return DecoderLayerSteps(
    selfAttention: own.sublayer, afterSelfAttention: own.output, crossAttention: cross?.sublayer,
    afterCrossAttention: c, feedForward: network.sublayer, output: network.output)
}

/// A decoder: layers one after the other, all with the same memory.
///
///     x_0 = x,  x_l = layer_l(x_(l−1), M),  output = LN(x_N), or x_N itself        … × t × dModel
///
/// - Parameters:
///   - x: … × t × dModel.
///   - memory: M, … × s × its width, or `nil`.
///   - layers: The layers, first to last.
///   - norm: The normalisation of the output; `nil` in the documents.
///   - mask: Which positions of x a position may see, the same in every layer.
///   - memoryMask: Which positions of the memory it may see.
///   - fill: What becomes of the score of a position that may not be seen.
///   - drop: What is dropped in training.
///
/// DEC-3, DEC-4. SPEC.md, Decoder layer.
@specialized(where S == Float)
@specialized(where S == Double)
public func decoder<S: Scalar>(
  _ x: Tensor<S>, memory: Tensor<S>?, layers: [DecoderLayer<S>], norm: LayerNorm<S>? = nil,
  mask: AttentionMask<S> = .causal, memoryMask: AttentionMask<S> = .none,
  fill: MaskFill = .excluded, dropout drop: LayerDropout = .none
) -> Tensor<S> {
  var y = x
  for (l, layer) in layers.enumerated() {
    y = decoderLayer(
      y, memory: memory, layer, mask: mask, memoryMask: memoryMask, fill: fill,
      dropout: drop.layer(l))
  }
  return norm.map { layerNorm(y, $0) } ?? y
}
