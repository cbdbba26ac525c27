import Notation

/// The product of two matrices, or of two stacks of them, in blocks that stay in registers and caches.
///
/// Differs from the equation in the order of operations only. Columns of b are packed into panels two
/// vectors wide; a tile of 6 rows × 2 vectors takes its rows from a as they lie and runs through a
/// block of the inner dimension with one fused multiply-add per element and step. a is not packed: its
/// rows are already contiguous where a tile reads them.
///
/// Error: γ_d · (|A||B|)_ij with d = min(k, 512) + ⌈k / 512⌉, or ⌈k / 8⌉ + 3 if that is more, see
/// `ErrorBounds`.
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
  let elements = a.storage.withMemory { a in
    b.storage.withMemory { b in
      [Float].written(shape.output.reduce(1, *)) { c in
        for g in 0..<shape.groups {
          Product.compute([
            Product(
              a: a.part(g * shape.n * shape.k, shape.n * shape.k),
              b: .rows(b.part(g * shape.k * shape.m, shape.k * shape.m)),
              c: c.part(g * shape.n * shape.m, shape.n * shape.m),
              n: shape.n, k: shape.k, m: shape.m)
          ])
        }
      }
    }
  }
  return Tensor(shape: shape.output, storage: elements)
}

/// y = activation(x Wᵀ + b) + addend for every row of x, all of it in the product's epilogue.
///
/// A map that is `packed()` is read as it lies; otherwise its weight is packed block by block in every
/// call, or, for few rows, multiplied as it lies, see `ProductBlock.rowsOfDots`: each result is then
/// summed lane by lane, and its last bits may differ.
///
/// Error: that of `matrixProduct`, one rounding more for each sum, and the activation's.
///
/// - Parameters:
///   - x: … × inputs.
///   - map: W, outputs × inputs, and b, outputs.
///   - activation: What follows, element by element.
///   - addend: What is added last, as a residual connection adds it, … × outputs.
/// - Returns: … × outputs.
///
/// Equation: `Equations/Primitives/MatrixProduct.swift`.
public func affineMap(
  _ x: Tensor<Float>, _ map: AffineMap<Float>, activation: Activation = .identity,
  adding addend: Tensor<Float>? = nil
) -> Tensor<Float> {
  let shape = MatrixProductShape(x, through: map)
  if let addend { checkTerms(shape.output, addend.shape) }
  let elements = [Float].written(shape.output.reduce(1, *)) { y in
    x.storage.withMemory { x in
      (addend?.storage ?? []).withMemory { added in
        map.withProduct(
          x, rows: shape.n, activation: activation, adding: addend == nil ? nil : added, into: y
        ) { Product.compute([$0]) }
      }
    }
  }
  return Tensor(shape: shape.output, storage: elements)
}

extension AffineMap<Float> {
  /// Calls `body` with the product that maps so many rows.
  func withProduct<R>(
    _ x: Memory<Float>, rows n: Int, activation: Activation = .identity,
    adding addend: Memory<Float>? = nil, into y: Memory<Float>, _ body: (Product) -> R
  ) -> R {
    weight.storage.withMemory { weight in
      (bias?.storage ?? []).withMemory { bias in
        (packed?.storage ?? []).withMemory { storage in
          body(
            Product(
              a: x, b: .columns(weight),
              panels: packed.map { Panels(memory: storage.from($0.start), stride: $0.panelStride) },
              bias: self.bias == nil ? nil : bias, activation: activation, addend: addend, c: y,
              n: n, k: inputs, m: outputs))
        }
      }
    }
  }
}
