import Foundation
import Notation

/// A vector for every position, different for each.
///
/// Differs from the equation in its angles: they are computed in Double, in one way for both forms, and
/// their sines in Float, eight or sixteen pairs side by side: 0.26 ns a number.
///
/// Error: 3u |PE| + 2⁻⁴⁷ p ω, an ulp or two at any position, see `ErrorBounds`.
/// Equation: `Equations/Embedding/PositionalEncoding.swift`.
///
/// - Parameters:
///   - length: How many positions.
///   - d: The width of a vector; if it is odd, the last column is a sine.
///   - offset: The first position.
///   - encoding: Sinusoids, or the rows of a table.
/// - Returns: length × d.
public func positionalEncoding(
  length: Int, width d: Int, offset: Int = 0, _ encoding: PositionalEncoding<Float> = .sinusoidal()
) -> Tensor<Float> {
  encoding.check(length: length, width: d, offset: offset)
  if case .learned(let table) = encoding {
    return Tensor(
      shape: [length, d], storage: Array(table.storage[offset * d..<(offset + length) * d]))
  }
  let elements = [Float].written(length * d) { table in
    encoding.withRows(width: d, offset: offset) { rows in
      Threads.share(rows: length, width: d) { i in
        _ = rows.row(i, writtenTo: table.part(i * d, d))
      }
    }
  }
  return Tensor(shape: [length, d], storage: elements)
}

/// The vectors of a sequence, with the positions added to them, in one pass.
///
/// A position's vector is computed once and added to all sentences while it is in L1. Sinusoids cost more
/// than memory: who adds the same ones again and again keeps them as a learned table. At 5000 × 512 they
/// are added in 1.2 ms, where a stored table takes 0.9.
///
/// Error: that of the positions, and one rounding, see `ErrorBounds`.
/// Equation: `Equations/Embedding/PositionalEncoding.swift`.
///
/// - Parameters:
///   - x: … × t × d.
///   - encoding: PE.
///   - offset: The position of the first vector.
public func addPositions(
  _ x: Tensor<Float>, _ encoding: PositionalEncoding<Float> = .sinusoidal(), offset: Int = 0
) -> Tensor<Float> {
  checkSequence(x.shape)
  let (t, d) = (x.shape[x.rank - 2], x.shape[x.rank - 1])
  encoding.check(length: t, width: d, offset: offset)
  let elements = [Float].written(x.count) { y in
    x.storage.withMemory { x in
      encoding.withRows(width: d, offset: offset) { rows in
        guard x.count > 0 else { return }
        let sentences = x.count / (t * d)
        Threads.share(rows: t, width: sentences * d) { i in
          let position = rows.row(i, writtenTo: y.part(i * d, d))
          // The first sentence comes last: its place may hold the position until then.
          for g in (0..<sentences).reversed() {
            let start = (g * t + i) * d
            add(x.part(start, d), position, dropping: nil, at: start, into: y.part(start, d))
          }
        }
      }
    }
  }
  return Tensor(shape: x.shape, storage: elements)
}

extension PositionalEncoding<Float> {
  /// Calls `body` with the vectors of the positions from `offset` on.
  func withRows(width d: Int, offset: Int, _ body: (PositionRows) -> Void) {
    switch self {
    case .sinusoidal:
      let count = (d + 1) / 2
      Memory<Double>.withTemporary((count + lanes - 1) / lanes * lanes) { frequencies in
        for i in 0..<frequencies.count {
          frequencies[i] = i < count ? pow(10000, -Double(2 * i) / Double(d)) : 0
        }
        body(.sinusoids(frequencies: frequencies, offset: offset))
      }
    case .learned(let table):
      table.storage.withMemory { body(.table($0.from(offset * d), width: d)) }
    }
  }
}

/// The vectors of positions, one after the other.
enum PositionRows: Sendable {
  /// ω, filled up with 0 to whole vectors.
  case sinusoids(frequencies: Memory<Double>, offset: Int)
  case table(Memory<Float>, width: Int)

  /// The vector of position number `i`: where it is stored, or `memory`, to which it is then written.
  func row(_ i: Int, writtenTo memory: Memory<Float>) -> Memory<Float> {
    switch self {
    case .table(let table, let d): return table.part(i * d, d)
    case .sinusoids(let frequencies, let offset):
      let p = WideVector(repeating: Double(offset + i))
      for first in stride(from: 0, to: frequencies.count, by: lanes) {
        let (sine, cosine) = sineAndCosine(frequencies.vector(first) * p)
        var pair = VectorPair(repeating: 0)
        pair.low.evenHalf = sine.lowHalf
        pair.low.oddHalf = cosine.lowHalf
        pair.high.evenHalf = sine.highHalf
        pair.high.oddHalf = cosine.highHalf
        memory.store(pair, 2 * first, first: min(VectorPair.width, memory.count - 2 * first))
      }
      return memory
    }
  }
}
