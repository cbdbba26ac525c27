import Notation

/// The Vision Transformer, from an image to a score for every class.
///
/// Differs from the equation as its parts do, and in what it leaves out: of the last layer the class
/// token's position alone is computed, whose vector is all that is looked at. In ViT-B/16 that is a
/// thirteenth of the work.
///
/// Error: see `ErrorBounds`. Equation: `Equations/Vision/VisionTransformer.swift`.
///
/// - Parameters:
///   - images: … × height × width × C.
///   - p: The parameters.
/// - Returns: Logits, … × classes.
public func visionTransformer(
  _ images: Tensor<Float>, _ p: VisionTransformer<Float>
) -> Tensor<Float> {
  let embedded = embedded(patches(images, size: p.patchSize, order: p.patchOrder), p)
  let z = encoder(embedded, layers: p.layers.dropLast())
  let first = p.layers.last.map { firstPositions(encodedBy: $0, z) } ?? firstPositions(of: z)
  let classVectors = first.reshaped(z.leadingShape + [p.patch.outputs])
  return affineMap(layerNorm(classVectors, p.norm), p.head)
}

/// z₀ of patches: their vectors behind the class token, all with their positions.
private func embedded(
  _ patches: Tensor<Float>, _ p: VisionTransformer<Float>
) -> Tensor<Float> {
  let x = affineMap(patches, p.patch)
  let (n, d) = (x.shape[x.rank - 2], p.patch.outputs)
  p.checkPositions(patches: n)
  let shape = x.leadingShape + [n + 1, d]
  let elements = [Float].written(shape.reduce(1, *)) { y in
    x.storage.withMemory { x in
      p.classToken.storage.withMemory { token in
        p.positions.storage.withMemory { positions in
          guard y.count > 0 else { return }
          Threads.share(rows: y.count / d, width: d) { row in
            let (g, i) = (row / (n + 1), row % (n + 1))
            let vector = i == 0 ? token : x.part((g * n + i - 1) * d, d)
            add(
              vector, positions.part(i * d, d), dropping: nil, at: 0, into: y.part(row * d, d))
          }
        }
      }
    }
  }
  return Tensor(shape: shape, storage: elements)
}

/// The first positions of all sequences, as a layer leaves them: … × 1 × dModel.
private func firstPositions(
  encodedBy p: EncoderLayer<Float>, _ z: Tensor<Float>
) -> Tensor<Float> {
  let seen = p.placement == .preNorm ? layerNorm(z, p.attentionNorm) : z
  let attended = residual(firstPositions(of: z), p.placement, p.attentionNorm) { x in
    multiHeadAttention(queries: x, keys: seen, values: seen, p.attention)
  }.output
  return residual(attended, p.placement, p.feedForwardNorm) { a in
    feedForward(a, p.feedForward)
  }.output
}

/// The first positions of all sequences: … × 1 × dModel.
private func firstPositions(of z: Tensor<Float>) -> Tensor<Float> {
  let (n, d) = (z.shape[z.rank - 2], z.shape[z.rank - 1])
  let sequences = z.leadingShape.reduce(1, *)
  return Tensor(
    shape: z.leadingShape + [1, d],
    storage: (0..<sequences).flatMap { sequence in
      let start = sequence * n * d
      return z.storage[start..<start + d]
    })
}

/// An image cut into squares, each a row of numbers.
///
/// Differs from the equation in that a square's row of pixels is copied at once, or turned where
/// channels come first. Equation: `Equations/Vision/VisionTransformer.swift`.
///
/// - Parameters:
///   - x: … × H × W × C.
///   - p: P, how many pixels a patch is high and wide; it divides H and W.
///   - order: In which order the numbers of a patch stand in its row.
/// - Returns: … × N × P²C: the patches row by row of the image.
public func patches(
  _ x: Tensor<Float>, size p: Int, order: PatchOrder = .rowColumnChannel
) -> Tensor<Float> {
  let (leading, height, width, channels) = mapShape(x.shape)
  requireSquares(of: p, dividing: (height, width))
  let squares = WindowOrder(of: x.shape, window: (p, p))
  let elements = [Float].written(x.count) { y in
    x.storage.withMemory { x in
      squares.share(channels: channels) { inSquares, inImage, count in
        let pixels = x.part(inImage, count)
        switch order {
        case .rowColumnChannel: y.part(inSquares, count).copy(pixels)
        case .channelRowColumn:
          // Runs of a square are its rows of p pixels; each is p columns of every channel's p × p.
          let (square, row) = (inSquares / (p * count), inSquares / count % p)
          for channel in 0..<channels {
            let numbers = y.part(square * p * count + (channel * p + row) * p, p)
            for column in 0..<p { numbers[column] = pixels[column * channels + channel] }
          }
        }
      }
    }
  }
  return Tensor(
    shape: leading + [height / p * (width / p), p * p * channels], storage: elements)
}
