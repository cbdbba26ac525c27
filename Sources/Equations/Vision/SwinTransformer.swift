import Notation

/// The Swin Transformer, from an image to a score for every class.
///
///     embedded = LN(patches Eᵀ + b_E)                        … × H/P × W/P × C
///     stage 1  = blocks(embedded)
///     stage k  = blocks(patchMerging(stage k − 1))           … × H/(2^(k−1) P) × W/(2^(k−1) P) × 2^(k−1) C
///     pooled   = mean over positions of LN(the last stage)
///     logits   = pooled Wᵀ + b                               … × classes
///
/// - Parameters:
///   - images: … × height × width × channels.
///   - p: The parameters.
///   - fill: What becomes of the score of a position that was no neighbour before the shift.
/// - Returns: Logits, no probabilities.
///
/// SWIN-4. Liu et al. 2021, section 3.1. SPEC.md, Swin Transformer.
@specialized(where S == Float)
@specialized(where S == Double)
public func swinTransformer<S: Scalar>(
  _ images: Tensor<S>, _ p: SwinTransformer<S>, fill: MaskFill = .excluded
) -> Tensor<S> {
  swinTransformerSteps(images, p, fill: fill).logits
}

/// The Swin Transformer with what it computes on the way.
@specialized(where S == Float)
@specialized(where S == Double)
public func swinTransformerSteps<S: Scalar>(
  _ images: Tensor<S>, _ p: SwinTransformer<S>, fill: MaskFill = .excluded
) -> SwinTransformerSteps<S> {
  let rows = patches(images, size: p.patchSize, order: p.patchOrder)
  let (leading, height, width, _) = mapShape(images.shape)
  let vectors = affineMap(rows, p.patch)
    .reshaped(leading + [height / p.patchSize, width / p.patchSize, p.patch.outputs])
  let embedded = p.patchNorm.map { layerNorm(vectors, $0) } ?? vectors
  var stages: [Tensor<S>] = []
  for stage in p.stages {
    var x = stages.last ?? embedded
    if let merging = stage.merging { x = patchMerging(x, merging) }
    for block in stage.blocks { x = swinBlock(x, block, fill: fill) }
    stages.append(x)
  }
  let pooled = meanOfPositions(layerNorm(stages.last ?? embedded, p.norm))
  return SwinTransformerSteps(
    embedded: embedded, stages: stages, pooled: pooled, logits: affineMap(pooled, p.head))
}

/// The mean of all positions of a map: … × C; 0 / 0 without positions.
@specialized(where S == Float)
@specialized(where S == Double)
private func meanOfPositions<S: Scalar>(_ x: Tensor<S>) -> Tensor<S> {
  let (leading, height, width, channels) = mapShape(x.shape)
  let x3 = x.reshaped([leading.reduce(1, *), height * width, channels])
  var mean = Tensor<S>(shape: [x3.shape[0], channels], repeating: 0)
  for g in 0..<x3.shape[0] {
    for k in 0..<channels {
      var sum: S = 0
      for i in 0..<x3.shape[1] { sum += x3[g, i, k] }
      mean[g, k] = sum / S(Double(x3.shape[1]))
    }
  }
  return mean.reshaped(leading + [channels])
}

/// One block of a Swin Transformer: attention inside windows, then a feed-forward network.
///
///     a = x + WindowAttention(LN₁ x),  y = a + FFN(LN₂ a)        … × H × W × C
///
/// - Parameters:
///   - x: … × H × W × C.
///   - p: The parameters, and by how much the windows are shifted.
///   - fill: What becomes of the score of a position that was no neighbour before the shift.
///
/// SWIN-2. Liu et al. 2021, equation 3. SPEC.md, Swin Transformer.
@specialized(where S == Float)
@specialized(where S == Double)
public func swinBlock<S: Scalar>(
  _ x: Tensor<S>, _ p: SwinBlock<S>, fill: MaskFill = .excluded
) -> Tensor<S> {
  swinBlockSteps(x, p, fill: fill).output
}

/// One block of a Swin Transformer with everything that it computes on the way, … × H × W × C each.
@specialized(where S == Float)
@specialized(where S == Double)
public func swinBlockSteps<S: Scalar>(
  _ x: Tensor<S>, _ p: SwinBlock<S>, fill: MaskFill = .excluded
) -> EncoderLayerSteps<S> {
  let attention = residual(x, .preNorm, p.attentionNorm) { x in
    shiftedWindowAttention(x, p.attention, shift: p.shift, fill: fill)
  }
  let network = residual(attention.output, .preNorm, p.feedForwardNorm) { a in
    feedForward(a, p.feedForward)
  }
  return EncoderLayerSteps(
    attention: attention.sublayer, afterAttention: attention.output,
    feedForward: network.sublayer, output: network.output)
}

/// Attention inside the windows of a map, which may be shifted.
///
///     x' = windows(x moved up and to the left by s)
///     y' = windowAttention(x'), positions that were no neighbours hidden from each other
///     y  = joinedWindows(y') moved back        … × H × W × its output's width
///
/// - Parameters:
///   - x: … × H × W × C.
///   - p: The parameters, and the windows' size M, which divides H and W.
///   - s: By how much the windows are shifted down and to the right. A map that is no higher or no
///     wider than a window is not shifted.
///   - fill: What becomes of the score of a position that was no neighbour.
///
/// SWIN-1, SWIN-3. Liu et al. 2021, section 3.2. SPEC.md, Swin Transformer.
@specialized(where S == Float)
@specialized(where S == Double)
public func shiftedWindowAttention<S: Scalar>(
  _ x: Tensor<S>, _ p: WindowAttention<S>, shift s: Int = 0, fill: MaskFill = .excluded
) -> Tensor<S> {
  let (m, (_, height, width, _)) = (p.windowSize, mapShape(x.shape))
  requireShift(s, of: m)
  let shift = min(height, width) <= m ? 0 : s
  let mask =
    shift == 0 ? nil : shiftedWindowMask(height: height, width: width, window: m, shift: shift)
  let y = windowAttention(windows(cyclicShift(x, by: shift), size: m), p, mask: mask, fill: fill)
  return cyclicShift(joinedWindows(y, size: m, height: height, width: width), by: -shift)
}

/// Multi-head attention inside every window by itself, with a bias for the way between two positions.
///
///     head = softmax(Q Kᵀ / √dk + B) V        … × N × h × M² × dv
///
/// - Parameters:
///   - x: … × N × M² × C.
///   - p: The parameters.
///   - mask: Which positions of a window may see each other, N × M² × M²; `nil` for all.
///   - fill: What becomes of the score of a position that may not be seen.
/// - Returns: … × N × M² × the output map's width.
///
/// SWIN-1. Liu et al. 2021, equation 4. SPEC.md, Swin Transformer.
@specialized(where S == Float)
@specialized(where S == Double)
public func windowAttention<S: Scalar>(
  _ x: Tensor<S>, _ p: WindowAttention<S>, mask: Tensor<Bool>? = nil, fill: MaskFill = .excluded
) -> Tensor<S> {
  windowAttentionSteps(x, p, mask: mask, fill: fill).output
}

/// Attention inside windows with everything that it computes on the way.
@specialized(where S == Float)
@specialized(where S == Double)
public func windowAttentionSteps<S: Scalar>(
  _ x: Tensor<S>, _ p: WindowAttention<S>, mask: Tensor<Bool>? = nil, fill: MaskFill = .excluded
) -> MultiHeadAttentionSteps<S> {
  let (n, size) = p.checkWindows(x, mask: mask)
  // The rank of the scores, … × N × h × M² × M².
  let leading = x.shape.dropLast(3).map { _ in 1 }
  return multiHeadAttentionSteps(
    queries: x, keys: x, values: x, p.attention,
    mask: AttentionMask(
      keep: mask?.reshaped(leading + [n, 1, size, size]),
      bias: relativePositionBias(p).reshaped(leading + [1, p.attention.heads, size, size])),
    fill: fill)
}

/// Four neighbours made one position, half as many rows and columns of twice the width.
///
///     y_rc = W LN([x_(2r),(2c); x_(2r+1),(2c); x_(2r),(2c+1); x_(2r+1),(2c+1)])        … × H/2 × W/2 × 2C
///
/// - Parameters:
///   - x: … × H × W × C, with H and W even.
///   - p: The norm of four vectors side by side, and the map from 4C to 2C.
///
/// SWIN-4. Liu et al. 2021, section 3.1. SPEC.md, Swin Transformer.
@specialized(where S == Float)
@specialized(where S == Double)
public func patchMerging<S: Scalar>(_ x: Tensor<S>, _ p: PatchMerging<S>) -> Tensor<S> {
  let (leading, height, width, channels) = mapShape(x.shape)
  let four = windows(x, size: 2).matrices
  // Windows go row by row, the four of a merging column by column.
  var merged = four
  for g in 0..<four.shape[0] {
    for k in 0..<channels {
      (merged[g, 1, k], merged[g, 2, k]) = (four[g, 2, k], four[g, 1, k])
    }
  }
  let rows = merged.reshaped(leading + [height / 2, width / 2, 4 * channels])
  return affineMap(layerNorm(rows, p.norm), p.reduction)
}
