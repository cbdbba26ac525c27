import Notation

/// The product of two matrices, or of two stacks of them, in blocks that stay in registers and caches.
///
/// Differs from the equation in the order of operations only. Columns of b are packed into panels two
/// vectors wide; a tile of 6 rows × 2 vectors takes its rows from a as they lie and runs through a
/// block of the inner dimension with one fused multiply-add per element and step. a is not packed: its
/// rows are already contiguous where a tile reads them.
///
/// Error: γ_d · (|A||B|)_ij with d = min(k, 512) + ⌈k / 512⌉, see `ErrorBounds`.
///
/// - Parameters:
///   - a: … × n × k.
///   - b: … × k × m, with the same leading dimensions.
/// - Returns: … × n × m.
///
/// Source of the blocking: K. Goto and R. van de Geijn, "Anatomy of high-performance matrix
/// multiplication", 2008. Equation: `Equations/Primitives/MatrixProduct.swift`.
public func matrixProduct(_ a: Tensor<Float>, _ b: Tensor<Float>) -> Tensor<Float> {
  let shape = MatrixProductShape(a, b)
  let elements = [Float].written(shape.output.reduce(1, *)) { c in
    a.storage.withMemory { a in
      b.storage.withMemory { b in
        for g in 0..<shape.groups {
          multiply(
            a.part(g * shape.n * shape.k, shape.n * shape.k),
            .rows(b.part(g * shape.k * shape.m, shape.k * shape.m)),
            into: c.part(g * shape.n * shape.m, shape.n * shape.m),
            n: shape.n, k: shape.k, m: shape.m)
        }
      }
    }
  }
  return Tensor(shape: shape.output, storage: elements)
}

/// y = activation(x Wᵀ + b) for every row of x, bias and activation in the product's epilogue.
///
/// Error: that of `matrixProduct`, one rounding more for the sum with the bias, and the activation's.
///
/// - Parameters:
///   - x: … × inputs.
///   - map: W, outputs × inputs, and b, outputs.
///   - activation: What follows, element by element.
/// - Returns: … × outputs.
///
/// Equation: `Equations/Primitives/MatrixProduct.swift`.
public func affineMap(
  _ x: Tensor<Float>, _ map: AffineMap<Float>, activation: Activation = .identity
) -> Tensor<Float> {
  let shape = MatrixProductShape(x, through: map)
  let elements = [Float].written(shape.output.reduce(1, *)) { y in
    x.storage.withMemory { x in
      map.weight.storage.withMemory { weight in
        (map.bias?.storage ?? []).withMemory { bias in
          multiply(
            x, .columns(weight), bias: map.bias == nil ? nil : bias,
            activation: activation, into: y, n: shape.n, k: shape.k, m: shape.m)
        }
      }
    }
  }
  return Tensor(shape: shape.output, storage: elements)
}
