import Foundation
import Notation

/// Softmax over the last dimension, two passes over each row.
///
/// Differs from the equation in the sum, which runs in two vectors side by side. A weight below 2⁻¹²⁶ may
/// be 0: from 87.3 below the row's maximum on. The first pass looks for the next row's maximum, too, so that
/// memory is read while exponentials are computed, and writes them to scratch memory in L1, so that the
/// result is written once. At 4096 × 512, ns for a vector of sixteen: 2.3; without the former 2.8, without
/// the latter 2.7, without both 2.55. All three steps of three rows in one loop took 2.4.
///
/// Error, relative to each weight: see `ErrorBounds`. Equation: `Equations/Primitives/Softmax.swift`.
///
/// - Parameter x: … × m.
/// - Returns: … × m.
public func softmax(_ x: Tensor<Float>) -> Tensor<Float> {
  mapRows(of: x, named: "softmax") { row, maximum, next, scratch, result in
    let (sum, largestOfNext) = exponentials(row, minus: maximum, into: scratch, largestOf: next)
    scale(scratch, by: 1 / sum, into: result)
    return largestOfNext
  }
}

/// Writes the softmax of one row.
func softmax(_ row: Memory<Float>, into result: Memory<Float>) {
  let (sum, _) = exponentials(row, minus: largest(row), into: result, largestOf: row)
  scale(result, by: 1 / sum, into: result)
}

/// The logarithm of softmax over the last dimension: x − max − log Σ exp(x − max).
///
/// As `softmax`, but no exponential is stored.
///
/// Error: see `ErrorBounds`. Equation: `Equations/Primitives/Softmax.swift`.
///
/// - Parameter x: … × m.
/// - Returns: … × m.
public func logSoftmax(_ x: Tensor<Float>) -> Tensor<Float> {
  mapRows(of: x, named: "logSoftmax") { row, maximum, next, _, result in
    let (sum, largestOfNext) = exponentials(row, minus: maximum, into: nil, largestOf: next)
    let logOfSum = log(sum)
    forEachVector(row.count) { i, length in
      result.store(row.vector(i, first: length) - maximum - logOfSum, i, first: length)
    }
    return largestOfNext
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

/// Calls `body` with every row, its maximum, the next row, scratch memory and the place for the result, and
/// takes from it the next row's maximum; ranges of rows are shared among the threads.
@inline(__always)
private func mapRows(
  of x: Tensor<Float>, named name: String,
  _ body:
    @Sendable (
      _ row: Memory<Float>, _ maximum: Float, _ next: Memory<Float>, _ scratch: Memory<Float>,
      _ result: Memory<Float>
    ) -> Float
) -> Tensor<Float> {
  require(x.rank >= 1, "\(name) needs a dimension to sum over: got a single element")
  let m = x.shape[x.rank - 1]
  let elements = x.storage.withMemory { x in
    [Float].written(x.count) { result in
      guard m > 0 else { return }
      Threads.share(rangesOfRows: x.count / m, width: m, scratch: m) { rows, scratch in
        var maximum = largest(x.part(rows.lowerBound * m, m))
        for row in rows {
          let next = x.part(min(row + 1, rows.upperBound - 1) * m, m)
          maximum = body(
            x.part(row * m, m), maximum, next, scratch, result.part(row * m, m))
        }
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

/// Writes exp(row − maximum), if anywhere, and returns its sum and the largest number of the next row.
@inline(__always)
private func exponentials(
  _ row: Memory<Float>, minus maximum: Float, into result: Memory<Float>?,
  largestOf next: Memory<Float>
) -> (sum: Float, largestOfNext: Float) {
  let shift = Vector(repeating: maximum)
  var sums = InlineArray<2, Vector>(repeating: .zero)
  var maxima = InlineArray<2, Vector>(repeating: Vector(repeating: -.infinity))
  var i = 0
  while i + 2 * lanes <= row.count {
    for part in 0..<2 {
      let e = fastExponential(row.vector(i + part * lanes) - shift)
      result?.store(e, i + part * lanes)
      sums[part] += e
      maxima[part] = larger(maxima[part], next.vector(i + part * lanes))
    }
    i += 2 * lanes
  }
  var (sum, largest) = (sums[0] + sums[1], larger(maxima[0], maxima[1]))
  forEachVector(i..<row.count) { i, length in
    let e = fastExponential(row.vector(i, first: length, filler: -.infinity) - shift)
    result?.store(e, i, first: length)
    sum += e
    largest = larger(largest, next.vector(i, first: length, filler: -.infinity))
  }
  return (sum.sum(), largestLane(largest))
}

@inline(__always)
func scale(_ row: Memory<Float>, by factor: Float, into result: Memory<Float>) {
  var i = 0
  while i + 4 * lanes <= row.count {
    for part in 0..<4 { result.store(row.vector(i + part * lanes) * factor, i + part * lanes) }
    i += 4 * lanes
  }
  forEachVector(i..<row.count) { i, length in
    result.store(row.vector(i, first: length) * factor, i, first: length)
  }
}
