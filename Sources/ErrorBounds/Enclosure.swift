import Equations
import Notation

/// What a tensor is in exact arithmetic, and how far computed numbers may be from it.
///
/// The bounds of layers are put together from it: what one function may be off by is what the operands
/// of the next are off by.
struct Enclosure {
  /// The exact numbers.
  var values: Tensor<Double>
  /// How far each may be missed, not negative.
  var errors: Tensor<Double>

  /// Numbers that are known exactly.
  init(_ values: Tensor<Double>) {
    self.init(values, errors: values.map { _ in 0 })
  }

  init(_ values: Tensor<Double>, errors: Tensor<Double>) {
    (self.values, self.errors) = (values, errors)
  }

  /// How large the computed numbers may be.
  var magnitudes: Tensor<Double> { values.map(abs) + errors }

  /// The numbers at other places, each still off by as much.
  func moved(_ move: (Tensor<Double>) -> Tensor<Double>) -> Enclosure {
    Enclosure(move(values), errors: move(errors))
  }
}

/// The product of matrices that may be off: e_A (|B| + e_B) + |A| e_B more than its own roundings.
func matrixProduct(_ a: Enclosure, _ b: Enclosure, in arithmetic: Arithmetic) -> Enclosure {
  let brought =
    matrixProduct(a.errors, b.magnitudes) + matrixProduct(a.values.map(abs), b.errors)
  return Enclosure(
    matrixProduct(a.values, b.values),
    errors: matrixProductBound(a.magnitudes, b.magnitudes, in: arithmetic) + brought)
}

/// An affine map of what may be off: |W| e more than the map's own roundings.
func affineMap(
  _ x: Enclosure, _ map: AffineMap<Double>, activation: Activation = .identity,
  in arithmetic: Arithmetic
) -> Enclosure {
  let z = affineMap(x.values, map)
  let brought = affineMap(x.errors, AffineMap(weight: map.weight.map(abs)))
  return Enclosure(
    activate(z, activation),
    errors: errors(
      affineMapBound(x.magnitudes, map, in: arithmetic) + brought, of: z, through: activation,
      in: arithmetic))
}

/// The sum of two tensors, rounded once.
func sum(_ a: Enclosure, _ b: Enclosure, in arithmetic: Arithmetic) -> Enclosure {
  let (values, errors) = (a.values + b.values, a.errors + b.errors)
  return Enclosure(
    values,
    errors: errors + (values.map(abs) + errors).map { arithmetic.unitRoundoff * $0 })
}
