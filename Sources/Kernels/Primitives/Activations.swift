import Notation

/// An activation, element by element, a vector at a time.
///
/// Differs from the equation in its exponential, tanh and normal distribution, see
/// `Support/ElementaryFunctions.swift`; results below 2⁻¹²⁶ may be 0. relu and identity are exact.
///
/// Error: see `ErrorBounds`. Equation: `Equations/Primitives/Activations.swift`.
///
/// - Parameters:
///   - x: Any shape.
///   - activation: The function.
/// - Returns: The shape of x.
public func activate(_ x: Tensor<Float>, _ activation: Activation) -> Tensor<Float> {
  if activation == .identity { return x }
  let elements = x.storage.withMemory { x in
    [Float].written(x.count) { y in
      let perTask = 16384  // 64 KiB, some 10 µs
      Threads.share(tasks: (x.count + perTask - 1) / perTask) { task, _ in
        let start = task * perTask
        forEachVector(min(perTask, x.count - start)) { i, length in
          y.store(
            activated(x.vector(start + i, first: length), activation), start + i, first: length)
        }
      }
    }
  }
  return Tensor(shape: x.shape, storage: elements)
}

/// The activation of each lane.
@inline(always)
func activated(_ x: Vector, _ activation: Activation) -> Vector {
  switch activation {
  case .identity: return x
  case .relu: return larger(x, Vector.zero)  // NaN is not below 0, and stays
  case .gelu:
    let tail = normalTail(larger(x, -x))
    return x * tail.replacing(with: 1 - tail, where: x .>= Vector.zero)
  case .geluTanh:
    let cubic = x.addingProduct(x * x * x, Vector(repeating: 0.044715))
    return x * sigmoid(cubic * 0x1.988454p+0)  // √(8/π)
  case .sigmoid: return sigmoid(x)
  case .tanh: return tanh(x)
  }
}

/// The activation of each lane.
@inline(always)
func activated(_ x: VectorPair, _ activation: Activation) -> VectorPair {
  VectorPair(activated(x.low, activation), activated(x.high, activation))
}
