import Notation

/// Gradients shortened together, so that they are no longer than allowed as one vector.
///
/// Differs from the equation in that gradients which are short enough are returned as they are, without
/// a second pass, and in the norm, see `globalNorm`; norm and coefficient stay in Double until the
/// coefficient is rounded. A program that has no other use for the gradients calls
/// `clip(_:maximumNorm:epsilon:)`.
///
/// Error: see `ErrorBounds`. Equation: `Equations/Training/GradientClipping.swift`.
///
/// - Parameters:
///   - gradients: g, tensors of any shapes: one for each tensor of parameters.
///   - maximumNorm: What the norm may be.
///   - epsilon: ε, which keeps the divisor away from 0.
/// - Returns: The gradients in their order, all times the one coefficient.
public func clipped(
  _ gradients: [Tensor<Float>], maximumNorm: Double, epsilon: Double = 1e-6
) -> [Tensor<Float>] {
  let coefficient = coefficient(
    norm: preciseNorm(of: gradients), maximumNorm: maximumNorm, epsilon: epsilon)
  if coefficient == 1 { return gradients }
  return gradients.map { gradient in
    let elements = gradient.storage.withMemory { g in
      [Float].written(g.count) { y in multiply(g, by: coefficient, into: y) }
    }
    return Tensor(shape: gradient.shape, storage: elements)
  }
}

/// The same in place, without any new memory.
///
/// The bits are those of `clipped(_:maximumNorm:epsilon:)`.
///
/// - Parameters:
///   - gradients: g; tensors that somebody else holds, too, are copied before they are written.
///   - maximumNorm: What the norm may be.
///   - epsilon: ε, which keeps the divisor away from 0.
/// - Returns: The norm that they had; one that is not finite should end the step.
@discardableResult
public func clip(
  _ gradients: inout [Tensor<Float>], maximumNorm: Double, epsilon: Double = 1e-6
) -> Float {
  let norm = preciseNorm(of: gradients)
  let coefficient = coefficient(norm: norm, maximumNorm: maximumNorm, epsilon: epsilon)
  if coefficient != 1 {
    for i in gradients.indices {
      gradients[i].storage.withMutableMemory { g in multiply(g, by: coefficient, into: g) }
    }
  }
  return Float(norm)
}

/// What gradients of a norm are multiplied by: min(1, maximumNorm / (norm + ε)); NaN for NaN.
public func clippingCoefficient(
  norm: Float, maximumNorm: Double, epsilon: Double = 1e-6
) -> Float {
  coefficient(norm: Double(norm), maximumNorm: maximumNorm, epsilon: epsilon)
}

/// The length of all gradients together, as one vector, in one pass over memory.
///
/// Differs from the equation in that the squares are added up in Double, where those of no Float
/// overflow or vanish: the largest magnitude need not be known. Each block of a tensor gives its norm,
/// and the norm of all blocks' norms in their order is the result, for any number of threads.
///
/// Error: two roundings, see `ErrorBounds`. Equation: `Equations/Training/GradientClipping.swift`.
///
/// - Returns: 0 without numbers, ∞ if one is infinite and none is NaN, NaN if one is.
public func globalNorm(_ gradients: [Tensor<Float>]) -> Float { Float(preciseNorm(of: gradients)) }

private func coefficient(norm: Double, maximumNorm: Double, epsilon: Double) -> Float {
  checkClipping(maximumNorm: maximumNorm, epsilon: epsilon)
  let coefficient = maximumNorm / (norm + epsilon)
  return coefficient > 1 ? 1 : Float(coefficient)
}

/// The norm of the blocks' norms, before it is rounded.
private func preciseNorm(of gradients: [Tensor<Float>]) -> Double {
  let perBlock = Threads.numbersPerTask
  func blocks(_ gradient: Tensor<Float>) -> Int { (gradient.count + perBlock - 1) / perBlock }
  return Workspace.with(gradients.reduce(0) { $0 + blocks($1) }) { norms in
    var first = 0
    for gradient in gradients {
      let own = norms.from(first)
      gradient.storage.withMemory { g in
        Threads.share(numbers: g.count) { numbers in
          own[numbers.lowerBound / perBlock] = Float(norm(of: g.part(numbers)))
        }
      }
      first += blocks(gradient)
    }
    return norm(of: norms)
  }
}

/// √(Σ x²), its sum in four vectors of Double side by side.
private func norm(of x: Memory<Float>) -> Double {
  var sums = InlineArray<4, WideVector>(repeating: .zero)
  var i = 0
  while i + 4 * lanes <= x.count {
    for k in 0..<4 {
      let wide = WideVector(x.vector(i + k * lanes))
      sums[k] = sums[k].addingProduct(wide, wide)
    }
    i += 4 * lanes
  }
  forEachVector(x.count - i) { offset, length in
    let wide = WideVector(x.vector(i + offset, first: length))
    sums[0] = sums[0].addingProduct(wide, wide)
  }
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])).sum().squareRoot()
}

/// Writes the factor times x, into the same memory or another.
private func multiply(_ x: Memory<Float>, by factor: Float, into y: Memory<Float>) {
  Threads.share(numbers: x.count) { numbers in
    forEachVector(numbers) { i, length in
      y.store(x.vector(i, first: length) * factor, i, first: length)
    }
  }
}
