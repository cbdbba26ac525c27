import Notation

/// A residual sublayer with its normalisation, from memory to memory.
///
/// - Parameters:
///   - x: Rows of the normalisation's width.
///   - placement: Whether x + F is normalised, or what F gets.
///   - norm: The normalisation.
///   - y: The output, as large as x; not the same memory.
///   - f: F, given its input, what it has to add to its output, and where the sum goes.
func sublayer(
  _ x: Memory<Float>, _ placement: NormPlacement, _ norm: LayerNorm<Float>, into y: Memory<Float>,
  _ f: (_ x: Memory<Float>, _ addend: Memory<Float>, _ y: Memory<Float>) -> Void
) {
  switch placement {
  case .postNorm:
    f(x, x, y)
    layerNorm(y, norm, into: y)
  case .preNorm:
    Workspace.with(x.count) { normalized in
      layerNorm(x, norm, into: normalized)
      f(normalized, x, y)
    }
  }
}

/// Stops unless a sublayer of this output width can be added to x and normalised.
func checkSublayer(_ x: [Int], _ width: Int, _ norm: LayerNorm<Float>) {
  checkTerms(x, x.dropLast() + [width])
  norm.checkWidth(of: x)
}

/// A stack of layers that work in place on a copy of x, and the normalisation of their output.
func inPlace(
  _ x: Tensor<Float>, _ norm: LayerNorm<Float>?, _ layers: (Memory<Float>) -> Void
) -> Tensor<Float> {
  norm?.checkWidth(of: x.shape)
  let elements = [Float].written(x.count) { y in
    x.storage.withMemory { x in y.copy(x) }
    layers(y)
    if let norm { layerNorm(y, norm, into: y) }
  }
  return Tensor(shape: x.shape, storage: elements)
}
