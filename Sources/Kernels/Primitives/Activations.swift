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
      Threads.share(numbers: x.count) { numbers in
        activate(x.part(numbers), into: y.part(numbers), activation)
      }
    }
  }
  return Tensor(shape: x.shape, storage: elements)
}

/// Writes the activation of every element to memory that may be the same, in a loop for each function: relu
/// took three times as long where each vector asked which it is.
func activate(_ x: Memory<Float>, into y: Memory<Float>, _ activation: Activation) {
  @inline(__always) func map(_ f: (Vector) -> Vector) {
    forEachVector(x.count) { i, length in
      y.store(f(x.vector(i, first: length)), i, first: length)
    }
  }
  switch activation {
  case .identity: y.copy(x)
  case .relu: map(relu)
  case .gelu: map(gelu)
  case .geluTanh: map(geluTanh)
  case .sigmoid: map(sigmoid)
  case .tanh: map(tanh)
  }
}

/// The activation of each lane.
@inline(always)
func activated(_ x: Vector, _ activation: Activation) -> Vector {
  switch activation {
  case .identity: x
  case .relu: relu(x)
  case .gelu: gelu(x)
  case .geluTanh: geluTanh(x)
  case .sigmoid: sigmoid(x)
  case .tanh: tanh(x)
  }
}

/// The activation of each lane.
@inline(always)
func activated(_ x: VectorPair, _ activation: Activation) -> VectorPair {
  VectorPair(activated(x.low, activation), activated(x.high, activation))
}

@inline(always)
private func relu(_ x: Vector) -> Vector {
  larger(x, Vector.zero)  // NaN is not below 0, and stays
}

@inline(always)
private func gelu(_ x: Vector) -> Vector {
  let tail = normalTail(larger(x, -x))
  return x * tail.replacing(with: 1 - tail, where: x .>= Vector.zero)
}

@inline(always)
private func geluTanh(_ x: Vector) -> Vector {
  let cubic = x.addingProduct(x * x * x, Vector(repeating: 0.044715))
  return x * sigmoid(cubic * 0x1.988454p+0)  // √(8/π)
}
