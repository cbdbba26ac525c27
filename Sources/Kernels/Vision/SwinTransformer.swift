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
  let (leading, height, width, _) = mapShape(images.shape)
  let vectors = affineMap(rows, p.patch)
    .reshaped(leading + [height / p.patchSize, width / p.patchSize, p.patch.outputs])
  var x = p.patchNorm.map { layerNorm(vectors, $0) } ?? vectors
  for stage in p.stages {
    if let merging = stage.merging { x = patchMerging(x, merging) }
    x = swinBlocks(x, stage.blocks, fill: fill)
  }
  return affineMap(meanOfPositions(x, normalizedBy: p.norm), p.head)
}

/// The mean of all normalised positions of a map: … × C; 0 / 0 without positions.
private func meanOfPositions(
  _ x: Tensor<Float>, normalizedBy p: LayerNorm<Float>
) -> Tensor<Float> {
  p.checkWidth(of: x.shape)
  let (leading, height, width, channels) = mapShape(x.shape)
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
/// it. All else is as in `encoderLayer`. Beside the output, only the heads' biases and the mask of a shift
/// are allocated anew. On a map of 56² × 96 it is 2.3 times as fast as PyTorch.
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
  swinBlocks(x, [p], fill: fill)
}

/// Blocks one after the other, all but the first in place.
private func swinBlocks(
  _ x: Tensor<Float>, _ blocks: [SwinBlock<Float>], fill: MaskFill
) -> Tensor<Float> {
  if blocks.isEmpty { return x }
  let maps = blocks.map { p in
    p.attentionNorm.checkWidth(of: x.shape)
    let map = WindowedMap(x.shape, p.attention, shift: p.shift)
    checkTerms(x.shape, map.output)
    _ = MatrixProductShape(x.shape, through: p.feedForward.inner)
    checkSublayer(x.shape, p.feedForward.outer.outputs, p.feedForwardNorm)
    return map
  }
  let elements = [Float].written(x.count) { y in
    x.storage.withMemory { x in
      for (l, map) in maps.enumerated() {
        swinBlock(l == 0 ? x : y, map, blocks[l], fill: fill, into: y)
      }
    }
  }
  return Tensor(shape: x.shape, storage: elements)
}

/// A block from memory to memory, which may be the same.
private func swinBlock(
  _ x: Memory<Float>, _ map: WindowedMap, _ p: SwinBlock<Float>, fill: MaskFill,
  into y: Memory<Float>
) {
  let c = p.attentionNorm.width
  Workspace.with([x.count, x.count]) { parts in
    let (inside, a) = (parts[0], parts[1])
    p.attentionNorm.withRowNorm { norm in
      map.order.share(channels: c) { inWindows, inMap, count in
        for i in stride(from: 0, to: count, by: c) {
          norm.normalize(x.part(inMap + i, c), into: inside.part(inWindows + i, c))
        }
      }
    }
    Workspace.with(x.count) { attended in
      map.attend(inside, p.attention, fill: fill, into: attended)
      map.order.share(channels: c) { inWindows, inMap, count in
        add(
          x.part(inMap, count), attended.part(inWindows, count), dropping: nil, at: 0,
          into: a.part(inMap, count))
      }
    }
    sublayer(a, .preNorm, p.feedForwardNorm, into: y) { a, addend, y in
      feedForward(a, rows: c == 0 ? 0 : a.count / c, p.feedForward, adding: addend, into: y)
    }
  }
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
  let map = WindowedMap(x.shape, p, shift: s)
  let count = map.output.reduce(1, *)
  let elements = [Float].written(count) { y in
    x.storage.withMemory { x in
      Workspace.with([x.count, count]) { parts in
        let (inside, attended) = (parts[0], parts[1])
        map.order.share(channels: p.attention.query.inputs) { inWindows, inMap, count in
          inside.part(inWindows, count).copy(x.part(inMap, count))
        }
        map.attend(inside, p, fill: fill, into: attended)
        map.order.share(channels: p.attention.output.outputs) { inWindows, inMap, count in
          y.part(inMap, count).copy(attended.part(inWindows, count))
        }
      }
    }
  }
  return Tensor(shape: map.output, storage: elements)
}

/// A map of positions, checked, and the windows that attention on it stays in.
private struct WindowedMap {
  let order: WindowOrder
  /// … × H × W × the width that the attention gives.
  let output: [Int]
  private let attention: AttentionShape
  private let mask: AttentionMask<Float>

  init(_ map: [Int], _ p: WindowAttention<Float>, shift s: Int) {
    let (leading, height, width, channels) = mapShape(map)
    let m = p.windowSize
    requireShift(s, of: m)
    requireSquares(of: m, dividing: (height, width))
    let shift = min(height, width) <= m ? 0 : s
    let keep =
      shift == 0 ? nil : shiftedWindowMask(height: height, width: width, window: m, shift: shift)
    let windows = leading + [height / m * (width / m), m * m, channels]
    order = WindowOrder(of: map, window: (m, m), shift: shift)
    output = map.dropLast() + [p.attention.output.outputs]
    mask = p.mask(of: windows, keep)
    attention = AttentionShape(
      queries: windows, keys: windows, values: windows, through: p.attention, mask)
  }

  /// The attention of positions that stand in the windows' order, in which its results stand, too.
  func attend(
    _ x: Memory<Float>, _ p: WindowAttention<Float>, fill: MaskFill, into y: Memory<Float>
  ) {
    multiHeadAttention(
      queries: x, keys: x, values: x, attention, p.attention, mask: mask, fill: fill, into: y)
  }
}

/// Multi-head attention inside every window by itself, with a bias for the way between two positions.
///
/// Differs from the equation as `multiHeadAttention` does. On a map of 56² × 96 in windows of 7 × 7 the
/// projections take two thirds of the time, biases and masks a fortieth.
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
  _ = p.checkWindows(x, mask: mask)
  return multiHeadAttention(
    queries: x, keys: x, values: x, p.attention, mask: p.mask(of: x.shape, mask), fill: fill)
}

extension WindowAttention<Float> {
  /// The mask of windows, … × N × M² × C: biases, and what may be seen.
  fileprivate func mask(of windows: [Int], _ keep: Tensor<Bool>?) -> AttentionMask<Float> {
    let (n, size, heads) = (windows[windows.count - 3], windowSize * windowSize, attention.heads)
    let leading = windows.dropLast(3).map { _ in 1 }  // to the rank of the scores
    return AttentionMask(
      keep: keep?.reshaped(leading + [n, 1, size, size]),
      bias: relativePositionBias.reshaped(leading + [1, heads, size, size]))
  }
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
  let (leading, height, width, c) = mapShape(x.shape)
  requireSquares(of: 2, dividing: (height, width))
  let shape = leading + [height / 2, width / 2, 4 * c]
  p.norm.checkWidth(of: shape)
  let product = MatrixProductShape(shape, through: p.reduction)
  let elements = [Float].written(product.output.reduce(1, *)) { y in
    x.storage.withMemory { x in
      Workspace.with(x.count) { rows in
        p.norm.withRowNorm { norm in
          Threads.share(rows: product.n, width: 4 * c) { row in
            // Rows of all maps, one below the other; the four go column by column.
            let (r, column) = (row / (width / 2) * 2, row % (width / 2) * 2)
            let four = rows.part(row * 4 * c, 4 * c)
            for (part, (down, right)) in [(0, 0), (1, 0), (0, 1), (1, 1)].enumerated() {
              let position = (r + down) * width + column + right
              four.part(part * c, c).copy(x.part(position * c, c))
            }
            if c > 0 { norm.normalize(four, into: four) }
          }
        }
        p.reduction.withProduct(rows, rows: product.n, into: y) { Product.compute([$0]) }
      }
    }
  }
  return Tensor(shape: product.output, storage: elements)
}
