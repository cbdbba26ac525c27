import Notation

/// The Swin Transformer, from an image to a score for every class.
///
/// Differs from the equation as its parts do; the last normalisation and the mean of all positions are
/// one pass.
///
/// Error: see `ErrorBounds`. Equation: `Equations/Vision/SwinTransformer.swift`.
///
/// - Parameters:
///   - images: … × height × width × channels.
///   - p: The parameters.
///   - fill: What becomes of the score of a position that was no neighbour before the shift.
/// - Returns: Logits, … × classes.
public func swinTransformer(
  _ images: Tensor<Float>, _ p: SwinTransformer<Float>, fill: MaskFill = .excluded
) -> Tensor<Float> {
  let rows = patches(images, size: p.patchSize, order: p.patchOrder)
  let (leading, height, width, _) = mapShape(images)
  let vectors = affineMap(rows, p.patch)
    .reshaped(leading + [height / p.patchSize, width / p.patchSize, p.patch.outputs])
  var x = p.patchNorm.map { layerNorm(vectors, $0) } ?? vectors
  for stage in p.stages {
    if let merging = stage.merging { x = patchMerging(x, merging) }
    for block in stage.blocks { x = swinBlock(x, block, fill: fill) }
  }
  return affineMap(meanOfPositions(x, normalizedBy: p.norm), p.head)
}

/// The mean of all normalised positions of a map: … × C; 0 / 0 without positions.
private func meanOfPositions(
  _ x: Tensor<Float>, normalizedBy p: LayerNorm<Float>
) -> Tensor<Float> {
  p.checkWidth(of: x.shape)
  let (leading, height, width, channels) = mapShape(x)
  let (maps, positions) = (leading.reduce(1, *), height * width)
  let means = [Float].written(maps * channels) { means in
    x.storage.withMemory { x in
      p.withRowNorm { norm in
        guard channels > 0 else { return }
        Threads.share(tasks: maps, scratch: channels) { map, normalized in
          let mean = means.part(map * channels, channels)
          mean.fill(0)
          for i in map * positions..<(map + 1) * positions {
            norm.normalize(x.part(i * channels, channels), into: normalized)
            add(mean, normalized, dropping: nil, at: 0, into: mean)
          }
          for k in 0..<channels { mean[k] /= Float(positions) }
        }
      }
    }
  }
  return Tensor(shape: leading + [channels], storage: means)
}

/// One block of a Swin Transformer: attention inside windows, then a feed-forward network.
///
/// Differs from the equation in that neither the shift nor the windows copy anything: the first
/// normalisation writes its rows in the windows' order, and the sum behind the attention reads them in
/// it. All else is `windowAttention` and `feedForward`.
///
/// Error: see `ErrorBounds`. Equation: `Equations/Vision/SwinTransformer.swift`.
///
/// - Parameters:
///   - x: … × H × W × C.
///   - p: The parameters, and by how much the windows are shifted.
///   - fill: What becomes of the score of a position that was no neighbour before the shift.
public func swinBlock(
  _ x: Tensor<Float>, _ p: SwinBlock<Float>, fill: MaskFill = .excluded
) -> Tensor<Float> {
  p.attentionNorm.checkWidth(of: x.shape)
  let map = ShiftedMap(x, p.attention, shift: p.shift)
  let normalized = [Float].written(x.count) { y in
    x.storage.withMemory { x in
      p.attentionNorm.withRowNorm { norm in
        let c = p.attentionNorm.width
        map.order.share { inWindows, inMap, count in
          for i in stride(from: 0, to: count, by: c) {
            norm.normalize(x.part(inMap + i, c), into: y.part(inWindows + i, c))
          }
        }
      }
    }
  }
  let attended = map.attend(normalized, p.attention, fill: fill)
  checkTerms(x.shape, x.shape.dropLast() + [p.attention.attention.output.outputs])
  let sum = [Float].written(x.count) { y in
    x.storage.withMemory { x in
      attended.storage.withMemory { f in
        map.order.share { inWindows, inMap, count in
          add(
            x.part(inMap, count), f.part(inWindows, count), dropping: nil, at: 0,
            into: y.part(inMap, count))
        }
      }
    }
  }
  return residual(Tensor(shape: x.shape, storage: sum), .preNorm, p.feedForwardNorm) { a in
    feedForward(a, p.feedForward)
  }.output
}

/// Attention inside the windows of a map, which may be shifted.
///
/// Shift and windows are one copy before the attention and one behind it.
///
/// Error: see `ErrorBounds`. Equation: `Equations/Vision/SwinTransformer.swift`.
///
/// - Parameters:
///   - x: … × H × W × C.
///   - p: The parameters, and the windows' size M, which divides H and W.
///   - s: By how much the windows are shifted down and to the right. A map that is no higher or no
///     wider than a window is not shifted.
///   - fill: What becomes of the score of a position that was no neighbour.
/// - Returns: … × H × W × the output map's width.
public func shiftedWindowAttention(
  _ x: Tensor<Float>, _ p: WindowAttention<Float>, shift s: Int = 0, fill: MaskFill = .excluded
) -> Tensor<Float> {
  let map = ShiftedMap(x, p, shift: s)
  let y = map.attend(map.order.windows(x).storage, p, fill: fill)
    .reshaped(x.shape.dropLast() + [p.attention.output.outputs])
  return map.order(of: y).joined(y)
}

/// A map of positions and the windows that attention on it stays in.
private struct ShiftedMap {
  let order: WindowOrder
  private let windows: [Int]  // … × N × M² × C
  private let mask: Tensor<Bool>?
  private let size: Int
  private let shift: Int

  init(_ x: Tensor<Float>, _ p: WindowAttention<Float>, shift s: Int) {
    let (leading, height, width, channels) = mapShape(x)
    size = p.windowSize
    requireShift(s, of: size)
    requireSquares(of: size, dividing: (height, width))
    shift = min(height, width) <= size ? 0 : s
    mask =
      shift == 0 ? nil : shiftedWindowMask(height: height, width: width, window: size, shift: shift)
    order = WindowOrder(x, window: (size, size), shift: shift)
    windows = leading + [height / size * (width / size), size * size, channels]
  }

  /// The order of the same windows in a map of another width.
  func order(of y: Tensor<Float>) -> WindowOrder {
    WindowOrder(y, window: (size, size), shift: shift)
  }

  /// The attention of positions that stand in the windows' order.
  func attend(
    _ x: [Float], _ p: WindowAttention<Float>, fill: MaskFill
  ) -> Tensor<Float> {
    windowAttention(Tensor(shape: windows, storage: x), p, mask: mask, fill: fill)
  }
}

/// Multi-head attention inside every window by itself, with a bias for the way between two positions.
///
/// Differs from the equation as `multiHeadAttention` does. Measured on maps of 28² × 192 and 56² × 96 in
/// windows of 7 × 7, the projections take all but a fifth of the time.
///
/// Error: see `ErrorBounds`. Equation: `Equations/Vision/SwinTransformer.swift`.
///
/// - Parameters:
///   - x: … × N × M² × C.
///   - p: The parameters.
///   - mask: Which positions of a window may see each other, N × M² × M²; `nil` for all.
///   - fill: What becomes of the score of a position that may not be seen.
/// - Returns: … × N × M² × the output map's width.
public func windowAttention(
  _ x: Tensor<Float>, _ p: WindowAttention<Float>, mask: Tensor<Bool>? = nil,
  fill: MaskFill = .excluded
) -> Tensor<Float> {
  let (n, size) = p.checkWindows(x, mask: mask)
  // The rank of the scores, … × N × h × M² × M².
  let leading = x.shape.dropLast(3).map { _ in 1 }
  return multiHeadAttention(
    queries: x, keys: x, values: x, p.attention,
    mask: AttentionMask(
      keep: mask?.reshaped(leading + [n, 1, size, size]),
      bias: p.relativePositionBias.reshaped(leading + [1, p.attention.heads, size, size])),
    fill: fill)
}

/// Four neighbours made one position, half as many rows and columns of twice the width.
///
/// Differs from the equation in that the four are brought together by the normalisation.
///
/// Error: see `ErrorBounds`. Equation: `Equations/Vision/SwinTransformer.swift`.
///
/// - Parameters:
///   - x: … × H × W × C, with H and W even.
///   - p: The norm of four vectors side by side, and the map from 4C to 2C.
/// - Returns: … × H/2 × W/2 × the map's width.
public func patchMerging(_ x: Tensor<Float>, _ p: PatchMerging<Float>) -> Tensor<Float> {
  let (leading, height, width, c) = mapShape(x)
  requireSquares(of: 2, dividing: (height, width))
  let shape = leading + [height / 2, width / 2, 4 * c]
  p.norm.checkWidth(of: shape)
  let rows = [Float].written(x.count) { y in
    x.storage.withMemory { x in
      p.norm.withRowNorm { norm in
        guard x.count > 0 else { return }
        Threads.share(rows: x.count / (4 * c), width: 4 * c) { row in
          // Rows of all maps, one below the other; the four go column by column.
          let (r, column) = (row / (width / 2) * 2, row % (width / 2) * 2)
          let four = y.part(row * 4 * c, 4 * c)
          for (part, (down, right)) in [(0, 0), (1, 0), (0, 1), (1, 1)].enumerated() {
            let position = (r + down) * width + column + right
            copy(x.part(position * c, c), into: four.part(part * c, c))
          }
          norm.normalize(four, into: four)
        }
      }
    }
  }
  return affineMap(Tensor(shape: shape, storage: rows), p.reduction)
}
