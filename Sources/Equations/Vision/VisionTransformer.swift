import Notation

/// The Vision Transformer, from an image to a score for every class.
///
///     z₀ = [x_class; x¹ E; …; x^N E] + E_pos            … × (N + 1) × dModel
///     z'_l = MSA(LN(z_(l−1))) + z_(l−1)
///     z_l  = MLP(LN(z'_l)) + z'_l
///     y    = LN(z_L⁰),  logits = y Wᵀ + b                … × classes
///
/// - Parameters:
///   - images: … × height × width × C.
///   - p: The parameters. The paper's layers are pre-norm, with `gelu` between their maps.
/// - Returns: Logits, no probabilities.
///
/// VIT-1 to VIT-3. Dosovitskiy et al. 2020, equations 1 to 4. SPEC.md, Vision Transformer.
@specialized(where S == Float)
@specialized(where S == Double)
public func visionTransformer<S: Scalar>(
  _ images: Tensor<S>, _ p: VisionTransformer<S>
) -> Tensor<S> {
  visionTransformerSteps(images, p).logits
}

/// The Vision Transformer with what it computes on the way.
@specialized(where S == Float)
@specialized(where S == Double)
public func visionTransformerSteps<S: Scalar>(
  _ images: Tensor<S>, _ p: VisionTransformer<S>
) -> VisionTransformerSteps<S> {
  let patches = patches(images, size: p.patchSize, order: p.patchOrder)
  let leading = patches.leadingShape
  let x = affineMap(patches, p.patch).matrices
  let (n, d) = (x.shape[1], x.shape[2])
  p.checkPositions(patches: n)
  let embedded = Tensor(
    shape: leading + [n + 1, d],
    storage: (0..<x.shape[0]).flatMap { g in
      zip(p.classToken.storage + x.slice(g).storage, p.positions.storage).map { $0 + $1 }
    })
  var layers: [Tensor<S>] = []
  for layer in p.layers { layers.append(encoderLayer(layers.last ?? embedded, layer)) }
  let z = (layers.last ?? embedded).matrices
  let first = Tensor(
    shape: leading + [d], storage: (0..<z.shape[0]).flatMap { z.slice($0).slice(0).storage })
  let classVector = layerNorm(first, p.norm)
  return VisionTransformerSteps(
    patches: patches, embedded: embedded, layers: layers, classVector: classVector,
    logits: affineMap(classVector, p.head))
}

/// An image cut into squares, each a row of numbers.
///
///     y_(i·W/P + j),(a·P + b)·C + k = x_(i·P + a),(j·P + b),k        … × N × P²C, N = H W / P²
///
/// - Parameters:
///   - x: … × H × W × C.
///   - p: P, how many pixels a patch is high and wide; it divides H and W.
///   - order: In which order the numbers of a patch stand in its row; above, `.rowColumnChannel`.
/// - Returns: … × N × P²C: the patches row by row of the image.
///
/// VIT-1. Dosovitskiy et al. 2020, section 3.1. SPEC.md, Vision Transformer.
@specialized(where S == Float)
@specialized(where S == Double)
public func patches<S: Scalar>(
  _ x: Tensor<S>, size p: Int, order: PatchOrder = .rowColumnChannel
) -> Tensor<S> {
  let (leading, height, width, channels) = mapShape(x.shape)
  requireSquares(of: p, dividing: (height, width))
  let x3 = x.reshaped([leading.reduce(1, *), height, width * channels])
  let (n, columns) = (height / p * (width / p), width / p)
  var y = Tensor<S>(shape: [x3.shape[0], n, p * p * channels], repeating: 0)
  for g in 0..<x3.shape[0] {
    for r in 0..<height {
      for c in 0..<width {
        let (patch, a, b) = (r / p * columns + c / p, r % p, c % p)
        for k in 0..<channels {
          let place =
            switch order {
            case .rowColumnChannel: (a * p + b) * channels + k
            case .channelRowColumn: (k * p + a) * p + b
            }
          y[g, patch, place] = x3[g, r, c * channels + k]
        }
      }
    }
  }
  return y.reshaped(leading + [n, p * p * channels])
}
