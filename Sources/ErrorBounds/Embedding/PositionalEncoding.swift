import Equations
import Foundation
import Notation

/// The largest error that a table of positions may have, element by element.
///
///     sinusoidal  3u |PE| + 2⁻⁴⁷ p ω
///     learned     0
///
/// The polynomials are off by 0.9 ulp, 1.8u, and the reduced angle r by u |r|, which is u of a sine and
/// π/4 u of a cosine. The angle in Double is off by 13 · 2⁻⁵³ of itself, of which ω's exponent, up to
/// ln 10000, makes the most; that of the equation, to which it is compared, by up to 31 · 2⁻⁵³.
///
/// - Parameters:
///   - length: How many positions.
///   - d: The width of a vector.
///   - offset: The first position, below 2⁵⁰ with the length.
///   - encoding: Sinusoids, or the rows of a table.
///   - arithmetic: Whose table it is.
/// - Returns: length × d.
public func positionalEncodingBound(
  length: Int, width d: Int, offset: Int = 0,
  _ encoding: PositionalEncoding<Double> = .sinusoidal(), in arithmetic: Arithmetic = .kernel
) -> Tensor<Double> {
  positions(length: length, width: d, offset: offset, encoding, in: arithmetic).errors
}

/// The largest error that a sum with positions may have: theirs, and one rounding.
///
/// - Parameters:
///   - x: … × t × d.
///   - encoding: PE.
///   - offset: The position of the first vector.
///   - arithmetic: Whose sum it is.
/// - Returns: … × t × d; of no meaning where the sum is not finite.
public func addPositionsBound(
  _ x: Tensor<Double>, _ encoding: PositionalEncoding<Double> = .sinusoidal(), offset: Int = 0,
  in arithmetic: Arithmetic = .kernel
) -> Tensor<Double> {
  addPositions(Enclosure(x), encoding, offset: offset, in: arithmetic).errors
}

/// A table of positions.
func positions(
  length: Int, width d: Int, offset: Int, _ encoding: PositionalEncoding<Double>,
  in arithmetic: Arithmetic
) -> Enclosure {
  let table = positionalEncoding(length: length, width: d, offset: offset, encoding)
  if case .learned = encoding { return Enclosure(table) }
  let errors = table.storage.indices.map { element in
    let (p, i) = (Double(offset + element / d), element % d / 2)
    let angle = p * pow(10000, -2 * Double(i) / Double(d))
    return 3 * arithmetic.unitRoundoff * abs(table.storage[element]) + 0x1p-47 * angle
  }
  return Enclosure(table, errors: Tensor(shape: table.shape, storage: errors))
}

/// The sum of what may be off and of positions.
func addPositions(
  _ x: Enclosure, _ encoding: PositionalEncoding<Double>, offset: Int, in arithmetic: Arithmetic
) -> Enclosure {
  let shape = x.values.shape
  let (t, d) = (shape[shape.count - 2], shape[shape.count - 1])
  let rows = positions(length: t, width: d, offset: offset, encoding, in: arithmetic)
  func stacked(_ rows: Tensor<Double>) -> Tensor<Double> {
    rows.reshaped(Array(repeating: 1, count: shape.count - 2) + [t, d]).broadcast(to: shape)
  }
  return sum(x, Enclosure(stacked(rows.values), errors: stacked(rows.errors)), in: arithmetic)
}
