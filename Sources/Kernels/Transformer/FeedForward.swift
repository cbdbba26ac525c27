import Notation

/// A position-wise feed-forward network: W₂ · dropout(activation(W₁ x + b₁)) + b₂.
///
/// Differs from the equation as its parts do, `affineMap` and `dropout`; the activation is part of the
/// first product's epilogue.
///
/// Error: see `ErrorBounds`. Equation: `Equations/Transformer/FeedForward.swift`.
///
/// - Parameters:
///   - x: … × dModel.
///   - p: The two maps, and what stands between them.
///   - drop: What is dropped between the maps, in training.
/// - Returns: … × the outer map's width.
public func feedForward(
  _ x: Tensor<Float>, _ p: FeedForward<Float>, dropout drop: Dropout = .none
) -> Tensor<Float> {
  if drop.probability > 0 {
    let inner = affineMap(x, p.inner, activation: p.activation)
    return affineMap(dropout(inner, drop), p.outer)
  }
  let shape = MatrixProductShape(x, through: p.inner)
  let output: [Int] = x.shape.dropLast() + [p.outer.outputs]
  let elements = [Float].written(output.reduce(1, *)) { y in
    x.storage.withMemory { x in feedForward(x, rows: shape.n, p, into: y) }
  }
  return Tensor(shape: output, storage: elements)
}

/// A feed-forward network from memory to memory; `addend`, if there is one, is added to the output.
func feedForward(
  _ x: Memory<Float>, rows n: Int, _ p: FeedForward<Float>, adding addend: Memory<Float>? = nil,
  into y: Memory<Float>
) {
  Workspace.with(n * p.inner.outputs) { inner in
    p.inner.withProduct(x, rows: n, activation: p.activation, into: inner) {
      Product.compute([$0])
    }
    p.outer.withProduct(inner, rows: n, adding: addend, into: y) { Product.compute([$0]) }
  }
}
