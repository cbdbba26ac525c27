import Equations
import Notation

/// The largest error that a dropout may have, element by element.
///
///     2u |y_i| + η
///
/// 1 − p is rounded to the type of x, and so is the quotient. What is dropped is exact, and so is
/// everything if p = 0.
///
/// - Parameters:
///   - x: Any shape.
///   - drop: p, and the seed.
///   - arithmetic: Whose dropout it is.
/// - Returns: The shape of x; of no meaning where the result is NaN or infinite.
public func dropoutBound(
  _ x: Tensor<Double>, _ drop: Dropout, in arithmetic: Arithmetic = .kernel
) -> Tensor<Double> {
  dropout(Enclosure(x), drop, in: arithmetic).errors
}

/// The dropout of what may be off.
func dropout(_ x: Enclosure, _ drop: Dropout, in arithmetic: Arithmetic) -> Enclosure {
  if drop.probability == 0 { return x }
  let (y, brought) = (dropout(x.values, drop), dropout(x.errors, drop))
  // The factor makes up for the product of two roundings.
  let u = 2.001 * arithmetic.unitRoundoff
  let errors = y.storage.indices.map { i in
    let e = brought.storage[i]
    return drop.keeps(i) ? e + u * (abs(y.storage[i]) + e) + arithmetic.smallestNormal : 0
  }
  return Enclosure(y, errors: Tensor(shape: y.shape, storage: errors))
}
