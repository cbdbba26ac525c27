import Equations
import Notation

/// The largest error that attention inside windows may have, element by element: that of the multi-head
/// attention with its biases.
///
/// - Parameters:
///   - x: … × N × M² × C.
///   - p: The parameters.
///   - mask: Which positions of a window may see each other, N × M² × M²; `nil` for all.
///   - fill: What becomes of the score of a position that may not be seen.
///   - arithmetic: Whose attention it is.
/// - Returns: … × N × M² × the output map's width; of no meaning where the output is not finite.
public func windowAttentionBound(
  _ x: Tensor<Double>, _ p: WindowAttention<Double>, mask: Tensor<Bool>? = nil,
  fill: MaskFill = .excluded, in arithmetic: Arithmetic = .kernel
) -> Tensor<Double> {
  windowAttention(Enclosure(x), p, mask: mask, fill: fill, in: arithmetic).errors
}

/// The largest error that attention inside the windows of a map may have; to move numbers costs none.
///
/// - Parameters:
///   - x: … × H × W × C.
///   - p: The parameters.
///   - s: By how much the windows are shifted.
///   - fill: What becomes of the score of a position that was no neighbour.
///   - arithmetic: Whose attention it is.
/// - Returns: … × H × W × the output map's width; of no meaning where the output is not finite.
public func shiftedWindowAttentionBound(
  _ x: Tensor<Double>, _ p: WindowAttention<Double>, shift s: Int = 0, fill: MaskFill = .excluded,
  in arithmetic: Arithmetic = .kernel
) -> Tensor<Double> {
  shiftedWindowAttention(Enclosure(x), p, shift: s, fill: fill, in: arithmetic).errors
}

/// The largest error that a block may have, element by element.
///
/// Its sublayers one after the other, each of what the one before may be off by.
///
/// - Parameters:
///   - x: … × H × W × C.
///   - p: The parameters, and by how much the windows are shifted.
///   - fill: What becomes of the score of a position that was no neighbour.
///   - arithmetic: Whose block it is.
/// - Returns: … × H × W × C; of no meaning where the output is not finite.
public func swinBlockBound(
  _ x: Tensor<Double>, _ p: SwinBlock<Double>, fill: MaskFill = .excluded,
  in arithmetic: Arithmetic = .kernel
) -> Tensor<Double> {
  swinBlock(Enclosure(x), p, fill: fill, in: arithmetic).errors
}

/// The largest error that patch merging may have, element by element: that of its norm, which enters its
/// map.
///
/// - Parameters:
///   - x: … × H × W × C.
///   - p: The norm and the map.
///   - arithmetic: Whose merging it is.
/// - Returns: … × H/2 × W/2 × the map's width; of no meaning where the output is not finite.
public func patchMergingBound(
  _ x: Tensor<Double>, _ p: PatchMerging<Double>, in arithmetic: Arithmetic = .kernel
) -> Tensor<Double> {
  patchMerging(Enclosure(x), p, in: arithmetic).errors
}

/// The largest error that the logits of a Swin Transformer may have, element by element.
///
/// Its parts one after the other. The mean of n positions is a sum and a quotient:
///
///     Σ e_i / n + γ_n Σ (|x_i| + e_i) / n + η
///
/// - Parameters:
///   - images: … × height × width × channels.
///   - p: The parameters.
///   - fill: What becomes of the score of a position that was no neighbour.
///   - arithmetic: Whose model it is.
/// - Returns: … × classes; of no meaning where the logits are not finite.
public func swinTransformerBound(
  _ images: Tensor<Double>, _ p: SwinTransformer<Double>, fill: MaskFill = .excluded,
  in arithmetic: Arithmetic = .kernel
) -> Tensor<Double> {
  let (leading, height, width, _) = mapShape(images.shape)
  let rows = Enclosure(patches(images, size: p.patchSize, order: p.patchOrder))
  let vectors = affineMap(rows, p.patch, in: arithmetic).moved {
    $0.reshaped(leading + [height / p.patchSize, width / p.patchSize, p.patch.outputs])
  }
  var x = p.patchNorm.map { layerNorm(vectors, $0, in: arithmetic) } ?? vectors
  for stage in p.stages {
    if let merging = stage.merging { x = patchMerging(x, merging, in: arithmetic) }
    for block in stage.blocks { x = swinBlock(x, block, fill: fill, in: arithmetic) }
  }
  let pooled = meanOfPositions(layerNorm(x, p.norm, in: arithmetic), in: arithmetic)
  return affineMap(pooled, p.head, in: arithmetic).errors
}

private func windowAttention(
  _ x: Enclosure, _ p: WindowAttention<Double>, mask: Tensor<Bool>?, fill: MaskFill,
  in arithmetic: Arithmetic
) -> Enclosure {
  let (n, size) = p.checkWindows(x.values, mask: mask)
  let leading = x.values.shape.dropLast(3).map { _ in 1 }
  return multiHeadAttention(
    queries: x, keys: x, values: x, p.attention,
    mask: AttentionMask(
      keep: mask?.reshaped(leading + [n, 1, size, size]),
      bias: relativePositionBias(p).reshaped(leading + [1, p.attention.heads, size, size])),
    fill: fill, scale: .rootKeyWidth, in: arithmetic)
}

private func shiftedWindowAttention(
  _ x: Enclosure, _ p: WindowAttention<Double>, shift s: Int, fill: MaskFill,
  in arithmetic: Arithmetic
) -> Enclosure {
  let (m, (_, height, width, _)) = (p.windowSize, mapShape(x.values.shape))
  let shift = min(height, width) <= m ? 0 : s
  let mask =
    shift == 0 ? nil : shiftedWindowMask(height: height, width: width, window: m, shift: shift)
  let inside = x.moved { windows(cyclicShift($0, by: shift), size: m) }
  return windowAttention(inside, p, mask: mask, fill: fill, in: arithmetic).moved {
    cyclicShift(joinedWindows($0, size: m, height: height, width: width), by: -shift)
  }
}

private func swinBlock(
  _ x: Enclosure, _ p: SwinBlock<Double>, fill: MaskFill, in arithmetic: Arithmetic
) -> Enclosure {
  let attended = residual(x, (.preNorm, p.attentionNorm), in: arithmetic) {
    shiftedWindowAttention($0, p.attention, shift: p.shift, fill: fill, in: arithmetic)
  }
  return residual(attended, (.preNorm, p.feedForwardNorm), in: arithmetic) {
    feedForward($0, p.feedForward, in: arithmetic)
  }
}

private func patchMerging(
  _ x: Enclosure, _ p: PatchMerging<Double>, in arithmetic: Arithmetic
) -> Enclosure {
  let (leading, height, width, channels) = mapShape(x.values.shape)
  let four = x.moved { x in
    // Windows go row by row, the four of a merging column by column.
    let windows = windows(x, size: 2).matrices
    return Tensor(
      shape: leading + [height / 2, width / 2, 4 * channels],
      storage: (0..<windows.shape[0]).flatMap { g in
        [0, 2, 1, 3].flatMap { windows.slice(g).slice($0).storage }
      })
  }
  return affineMap(layerNorm(four, p.norm, in: arithmetic), p.reduction, in: arithmetic)
}

private func meanOfPositions(_ x: Enclosure, in arithmetic: Arithmetic) -> Enclosure {
  let (leading, height, width, channels) = mapShape(x.values.shape)
  let n = height * width
  func mean(_ x: Tensor<Double>) -> Tensor<Double> {
    let x3 = x.reshaped([leading.reduce(1, *), n, channels])
    let means = (0..<x3.shape[0]).flatMap { g in
      (0..<channels).map { k in (0..<n).reduce(0) { $0 + x3[g, $1, k] } / Double(n) }
    }
    return Tensor(shape: leading + [channels], storage: means)
  }
  return Enclosure(
    mean(x.values),
    errors: mean(x.errors)
      + mean(x.magnitudes).map { arithmetic.gamma(n) * $0 + arithmetic.smallestNormal })
}
