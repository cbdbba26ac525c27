import Notation

/// One layer of a decoder: self-attention, attention to the encoder's output, a feed-forward network.
///
/// Differs from the equation as its parts do, `multiHeadAttention`, `feedForward` and `layerNorm`; the
/// sums of the residual connections are part of the last product's epilogue. It is the layer in
/// evaluation: nothing is dropped.
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
  decoder(x, memory: memory, layers: [p], mask: mask, memoryMask: memoryMask, fill: fill)
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
  for p in layers {
    _ = AttentionShape(
      queries: x.shape, keys: x.shape, values: x.shape, through: p.selfAttention, mask)
    checkSublayer(x.shape, p.selfAttention.output.outputs, p.selfAttentionNorm)
    if let memory {
      _ = AttentionShape(
        queries: x.shape, keys: memory.shape, values: memory.shape, through: p.crossAttention,
        memoryMask)
      checkSublayer(x.shape, p.crossAttention.output.outputs, p.crossAttentionNorm)
    }
    _ = MatrixProductShape(x.shape, through: p.feedForward.inner)
    checkSublayer(x.shape, p.feedForward.outer.outputs, p.feedForwardNorm)
  }
  return (memory?.storage ?? []).withMemory { values in
    inPlace(x, norm) { y in
      for p in layers {
        decoderLayer(
          inPlace: y, x.shape, memory: memory.map { (values, $0.shape) }, p, mask: mask,
          memoryMask: memoryMask, fill: fill)
      }
    }
  }
}

/// A layer of a decoder; x, of the shape given, becomes its output.
private func decoderLayer(
  inPlace x: Memory<Float>, _ shape: [Int], memory: (values: Memory<Float>, shape: [Int])?,
  _ p: DecoderLayer<Float>, mask: AttentionMask<Float>, memoryMask: AttentionMask<Float>,
  fill: MaskFill
) {
  let attention = AttentionShape(
    queries: shape, keys: shape, values: shape, through: p.selfAttention, mask)
  let rows = shape.dropLast().reduce(1, *)
  Workspace.with(x.count) { a in
    sublayer(x, p.placement, p.selfAttentionNorm, into: a) { x, addend, y in
      multiHeadAttention(
        queries: x, keys: x, values: x, attention, p.selfAttention, mask: mask, fill: fill,
        adding: addend, into: y)
    }
    func finish(_ a: Memory<Float>) {
      sublayer(a, p.placement, p.feedForwardNorm, into: x) { a, addend, y in
        feedForward(a, rows: rows, p.feedForward, adding: addend, into: y)
      }
    }
    guard let memory else { return finish(a) }
    let attention = AttentionShape(
      queries: shape, keys: memory.shape, values: memory.shape, through: p.crossAttention,
      memoryMask)
    Workspace.with(x.count) { b in
      sublayer(a, p.placement, p.crossAttentionNorm, into: b) { a, addend, y in
        multiHeadAttention(
          queries: a, keys: memory.values, values: memory.values, attention, p.crossAttention,
          mask: memoryMask, fill: fill, adding: addend, into: y)
      }
      finish(b)
    }
  }
}
