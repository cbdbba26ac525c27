import Equations
import Notation

/// The largest error that the logits of a Vision Transformer may have, element by element.
///
/// Its parts one after the other: patches through their map, the sum with the positions, the layers, the
/// norm of the class token's vector, and the head.
///
/// - Parameters:
///   - images: … × height × width × C.
///   - p: The parameters.
///   - arithmetic: Whose model it is.
/// - Returns: … × classes; of no meaning where the logits are not finite.
public func visionTransformerBound(
  _ images: Tensor<Double>, _ p: VisionTransformer<Double>, in arithmetic: Arithmetic = .kernel
) -> Tensor<Double> {
  let patches = patches(images, size: p.patchSize, order: p.patchOrder)
  let x = affineMap(Enclosure(patches), p.patch, in: arithmetic)
  let (n, d) = (patches.shape[patches.rank - 2], p.patch.outputs)
  let shape = patches.leadingShape + [n + 1, d]
  let (groups, token) = (patches.leadingShape.reduce(1, *), p.classToken.storage)
  func behind(_ first: [Double], _ x: Tensor<Double>) -> Tensor<Double> {
    let x = x.matrices
    return Tensor(
      shape: shape, storage: (0..<groups).flatMap { first + x.slice($0).storage })
  }
  let positions = Enclosure(
    Tensor(shape: shape, storage: (0..<groups).flatMap { _ in p.positions.storage }))
  let embedded = sum(
    Enclosure(behind(token, x.values), errors: behind(token.map { _ in 0 }, x.errors)),
    positions, in: arithmetic)
  let first = encoder(embedded, layers: p.layers, in: arithmetic).moved { z in
    let z3 = z.matrices
    return Tensor(
      shape: z.leadingShape + [d], storage: (0..<groups).flatMap { z3.slice($0).slice(0).storage })
  }
  return affineMap(layerNorm(first, p.norm, in: arithmetic), p.head, in: arithmetic).errors
}
