import Notation

/// The product of two matrices, or of two stacks of them.
///
///     c_ij = Σ_p a_ip b_pj        … × n × m
///
/// - Parameters:
///   - a: … × n × k.
///   - b: … × k × m, with the same leading dimensions.
/// - Returns: … × n × m; zeros where k is 0.
///
/// SPEC.md, Matrix product. Kernel: `Kernels/Primitives/MatrixProduct.swift`.
@specialized(where S == Float)
@specialized(where S == Double)
public func matrixProduct<S: Scalar>(_ a: Tensor<S>, _ b: Tensor<S>) -> Tensor<S> {
  let shape = MatrixProductShape(a, b)
  let (a, b) = (a.matrices, b.matrices)
  var c = Tensor<S>(shape: [shape.groups, shape.n, shape.m], repeating: 0)
  for g in 0..<shape.groups {
    for i in 0..<shape.n {
      for j in 0..<shape.m {
        var sum: S = 0
        for p in 0..<shape.k { sum += a[g, i, p] * b[g, p, j] }
        c[g, i, j] = sum
      }
    }
  }
  return c.reshaped(shape.output)
}

/// An affine map of every row, and what follows it.
///
///     y_i = activation(W x_i + b), in rows: Y = activation(X Wᵀ + b)        … × outputs
///
/// - Parameters:
///   - x: … × inputs.
///   - map: W, outputs × inputs, and b, outputs.
///   - activation: What follows, element by element.
/// - Returns: … × outputs.
///
/// SPEC.md, Matrix product. Kernel: `Kernels/Primitives/MatrixProduct.swift`.
@specialized(where S == Float)
@specialized(where S == Double)
public func affineMap<S: Scalar>(
  _ x: Tensor<S>, _ map: AffineMap<S>, activation: Activation = .identity
) -> Tensor<S> {
  let shape = MatrixProductShape(x, through: map)
  var y = matrixProduct(x.rows, map.weight.transposed)
  for i in 0..<shape.n {
    for j in 0..<shape.m {
      if let b = map.bias { y[i, j] += b[j] }
    }
  }
  return activate(y.reshaped(shape.output), activation)
}
