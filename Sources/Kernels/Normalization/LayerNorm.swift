import Notation

/// Layer normalisation, three passes over a row of which the first alone reads memory, the others L1.
///
/// Differs from the equation in its sums, which run in four vectors side by side, and in the division,
/// a product with the divisor's reciprocal. A row of one number repeated gives exactly β here, too.
/// Measured at 4096 × 512: half as fast as a memcpy in L3, 1.5 times as fast as PyTorch. The next row's sum,
/// taken during the second pass as `softmax` takes its maximum, gained 5 % there and lost 10 % at 2048.
///
/// Error: see `ErrorBounds`. Equation: `Equations/Normalization/LayerNorm.swift`.
///
/// - Parameters:
///   - x: … × d.
///   - p: γ, β, ε, and where ε stands.
/// - Returns: … × d.
public func layerNorm(_ x: Tensor<Float>, _ p: LayerNorm<Float>) -> Tensor<Float> {
  p.checkWidth(of: x.shape)
  let elements = [Float].written(x.count) { y in
    x.storage.withMemory { x in layerNorm(x, p, into: y) }
  }
  return Tensor(shape: x.shape, storage: elements)
}

/// The normalisation of all rows of x, from memory to memory, which may be the same.
func layerNorm(_ x: Memory<Float>, _ p: LayerNorm<Float>, into y: Memory<Float>) {
  let d = p.width
  guard d > 0 else { return }
  p.withRowNorm { norm in
    Threads.share(rows: x.count / d, width: d) { row in
      norm.normalize(x.part(row * d, d), into: y.part(row * d, d))
    }
  }
}

extension LayerNorm<Float> {
  /// Calls `body` with the parameters as kernels read them, row by row.
  func withRowNorm(_ body: (RowNorm) -> Void) {
    gain.storage.withMemory { gain in
      (bias?.storage ?? []).withMemory { bias in
        body(
          RowNorm(
            gain: gain, bias: self.bias == nil ? nil : bias, epsilon: Float(epsilon), form: form))
      }
    }
  }
}

/// The normalisation of one row.
struct RowNorm: Sendable {
  let gain: Memory<Float>
  let bias: Memory<Float>?
  let epsilon: Float
  let form: LayerNormForm

  /// Normalises x into y, which may be the same memory.
  func normalize(_ x: Memory<Float>, into y: Memory<Float>) {
    let d = Float(x.count)
    let shift = sumOfDifferences(x) / d
    let squares = center(x, by: shift, into: y)
    let divisor =
      switch form {
      case .epsilonInsideRoot: (squares / d + epsilon).squareRoot()
      case .epsilonOutsideRoot: (squares / (d - 1)).squareRoot() + epsilon
      }
    finish(y, times: 1 / divisor)
  }

  /// Σ x_i − x_0.
  @inline(__always)
  private func sumOfDifferences(_ x: Memory<Float>) -> Float {
    let first = Vector(repeating: x[0])
    var sums = InlineArray<4, Vector>(repeating: .zero)
    var i = 0
    while i + 4 * lanes <= x.count {
      for part in 0..<4 { sums[part] += x.vector(i + part * lanes) - first }
      i += 4 * lanes
    }
    var sum = (sums[0] + sums[1]) + (sums[2] + sums[3])
    forEachVector(x.count - i) { offset, length in
      sum += x.vector(i + offset, first: length, filler: x[0]) - first
    }
    return sum.sum()
  }

  /// Writes c_i = x_i − x_0 − shift and returns Σ c_i².
  @inline(__always)
  private func center(_ x: Memory<Float>, by shift: Float, into c: Memory<Float>) -> Float {
    let (first, shift) = (Vector(repeating: x[0]), Vector(repeating: shift))
    var sums = InlineArray<4, Vector>(repeating: .zero)
    var i = 0
    while i + 4 * lanes <= x.count {
      for part in 0..<4 {
        let centered = x.vector(i + part * lanes) - first - shift
        c.store(centered, i + part * lanes)
        sums[part] = sums[part].addingProduct(centered, centered)
      }
      i += 4 * lanes
    }
    var sum = (sums[0] + sums[1]) + (sums[2] + sums[3])
    forEachVector(x.count - i) { offset, length in
      c.store(x.vector(i + offset, first: length) - first - shift, i + offset, first: length)
      let centered = c.vector(i + offset, first: length)  // zeros behind the row's end
      sum = sum.addingProduct(centered, centered)
    }
    return sum.sum()
  }

  /// Multiplies by the factor and the gain, and adds the bias.
  @inline(__always)
  private func finish(_ y: Memory<Float>, times factor: Float) {
    let factor = Vector(repeating: factor)
    var i = 0
    while i + 4 * lanes <= y.count {
      for part in 0..<4 {
        let at = i + part * lanes
        let beta = bias?.vector(at) ?? .zero
        y.store(beta.addingProduct(gain.vector(at), y.vector(at) * factor), at)
      }
      i += 4 * lanes
    }
    forEachVector(i..<y.count) { i, length in
      let beta = bias?.vector(i, first: length) ?? .zero
      let scaled = y.vector(i, first: length) * factor
      y.store(beta.addingProduct(gain.vector(i, first: length), scaled), i, first: length)
    }
  }
}
