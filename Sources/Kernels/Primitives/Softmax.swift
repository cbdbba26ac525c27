import Foundation
import Notation

/// Softmax over the last dimension, three passes over a row while it stays in L1.
///
/// Differs from the equation in its exponential, at most 0.9 ulp off, and in the sum, which runs in two
/// vectors side by side. A weight below 2⁻¹²⁶ may be 0: from 87.3 below the row's maximum on.
///
/// Error, relative to each weight: see `ErrorBounds`. Equation: `Equations/Primitives/Softmax.swift`.
///
/// - Parameter x: … × m.
/// - Returns: … × m.
public func softmax(_ x: Tensor<Float>) -> Tensor<Float> {
  mapRows(of: x, named: "softmax") { softmax($0, into: $1) }
}

/// Writes the softmax of one row.
func softmax(_ row: Memory<Float>, into result: Memory<Float>) {
  let maximum = largest(row)
  let sum = exponentials(row, minus: maximum, into: result)
  scale(result, by: 1 / sum)
}

/// The logarithm of softmax over the last dimension: x − max − log Σ exp(x − max).
///
/// Error: see `ErrorBounds`. Equation: `Equations/Primitives/Softmax.swift`.
///
/// - Parameter x: … × m.
/// - Returns: … × m.
public func logSoftmax(_ x: Tensor<Float>) -> Tensor<Float> {
  mapRows(of: x, named: "logSoftmax") { row, result in
    let maximum = largest(row)
    let logOfSum = log(exponentials(row, minus: maximum, into: result))
    forEachVector(row.count) { i, length in
      result.store(row.vector(i, first: length) - maximum - logOfSum, i, first: length)
    }
  }
}

/// The index of the largest element of every row, the first among equals.
///
/// Equation: `Equations/Primitives/Softmax.swift`.
///
/// - Parameter z: … × m, with m ≥ 1.
/// - Returns: … . NaN counts as larger than any number.
public func argmax(_ z: Tensor<Float>) -> Tensor<Int> {
  let m = z.shape.last ?? 0
  require(m > 0, "argmax needs an element to choose: got \(described(z.shape))")
  let indices = z.storage.withMemory { z in
    (0..<z.count / m).map { indexOfLargest(z.part($0 * m, m)) }
  }
  return Tensor(shape: z.shape.dropLast(), storage: indices)
}

/// The index of the first NaN of a row, or else of its largest number.
func indexOfLargest(_ row: Memory<Float>) -> Int {
  let maximum = largest(row)
  return (0..<row.count).first { row[$0].isNaN } ?? (0..<row.count).first { row[$0] == maximum }!
}

/// Calls `body` with every row and the place for its result, rows shared among the threads.
private func mapRows(
  of x: Tensor<Float>, named name: String, _ body: @Sendable (Memory<Float>, Memory<Float>) -> Void
) -> Tensor<Float> {
  require(x.rank >= 1, "\(name) needs a dimension to sum over: got a single element")
  let m = x.shape[x.rank - 1]
  let elements = x.storage.withMemory { x in
    [Float].written(x.count) { result in
      guard m > 0 else { return }
      Threads.share(rows: x.count / m, width: m) { row in
        body(x.part(row * m, m), result.part(row * m, m))
      }
    }
  }
  return Tensor(shape: x.shape, storage: elements)
}

/// The largest number of a row; NaN is passed over, and comes back through the exponentials.
@inline(__always)
func largest(_ row: Memory<Float>) -> Float {
  var maxima = InlineArray<4, Vector>(repeating: Vector(repeating: -.infinity))
  var i = 0
  while i + 4 * lanes <= row.count {
    for part in 0..<4 { maxima[part] = larger(maxima[part], row.vector(i + part * lanes)) }
    i += 4 * lanes
  }
  var maximum = larger(larger(maxima[0], maxima[1]), larger(maxima[2], maxima[3]))
  forEachVector(row.count - i) { offset, length in
    maximum = larger(maximum, row.vector(i + offset, first: length, filler: -.infinity))
  }
  return largestLane(maximum)
}

/// Writes exp(row − maximum) and returns its sum.
@inline(__always)
private func exponentials(
  _ row: Memory<Float>, minus maximum: Float, into result: Memory<Float>
) -> Float {
  let shift = Vector(repeating: maximum)
  var (sum, other) = (Vector.zero, Vector.zero)
  var i = 0
  while i + 2 * lanes <= row.count {
    let e = exponential(row.vector(i) - shift)
    let f = exponential(row.vector(i + lanes) - shift)
    result.store(e, i)
    result.store(f, i + lanes)
    sum += e
    other += f
    i += 2 * lanes
  }
  sum += other
  forEachVector(row.count - i) { offset, length in
    let e = exponential(row.vector(i + offset, first: length, filler: -.infinity) - shift)
    result.store(e, i + offset, first: length)
    sum += e
  }
  return sum.sum()
}

@inline(__always)
func scale(_ row: Memory<Float>, by factor: Float) {
  var i = 0
  while i + 4 * lanes <= row.count {
    for part in 0..<4 { row.store(row.vector(i + part * lanes) * factor, i + part * lanes) }
    i += 4 * lanes
  }
  forEachVector(row.count - i) { offset, length in
    row.store(row.vector(i + offset, first: length) * factor, i + offset, first: length)
  }
}
