import Equations
import Notation

/// The largest error that a matrix product may have, element by element.
///
///     γ_d (|A| |B|)_ij + k η
///     d = min(k, 512) + ⌈k / 512⌉ for the kernel, or ⌈k / 8⌉ + 3 if it is more;  k for the equation
///
/// The chains of a block of steps are added block by block, or those of eight lanes or more at last.
/// η, 2⁻¹²⁶ in `Float`, is for products that underflow.
///
/// - Parameters:
///   - a: … × n × k.
///   - b: … × k × m.
///   - arithmetic: Whose product it is.
/// - Returns: … × n × m.
public func matrixProductBound(
  _ a: Tensor<Double>, _ b: Tensor<Double>, in arithmetic: Arithmetic = .kernel
) -> Tensor<Double> {
  let k = a.shape[a.rank - 1]
  return matrixProduct(a.map(abs), b.map(abs)).map { gauge in
    arithmetic.gamma(arithmetic.productDepth(k)) * gauge + Double(k) * arithmetic.smallestNormal
  }
}

/// The largest error that an affine map may have, element by element.
///
///     e_ij = γ_(d+1) (|X| |Wᵀ| + |b|)_ij + k η
///     identity, relu  e_ij          sigmoid, tanh  e_ij + 4u         GELUs  1.13 e_ij + 8u |z_ij|
///
/// The bias is added last, one rounding more. The first four activations have slopes in 0 … 1, the
/// GELUs in −0.129 … 1.129. Exponential and quotient, or the library's own function, take up to 4u of a
/// number below 1; in a GELU it is multiplied by z, the activation's operand, and the roundings of its
/// argument come to less than 2u |z| more.
///
/// - Parameters:
///   - x: … × inputs.
///   - map: W and b.
///   - activation: What follows.
///   - arithmetic: Whose map it is.
/// - Returns: … × outputs.
public func affineMapBound(
  _ x: Tensor<Double>, _ map: AffineMap<Double>, activation: Activation = .identity,
  in arithmetic: Arithmetic = .kernel
) -> Tensor<Double> {
  let depth = arithmetic.productDepth(map.inputs) + 1
  let absolute = AffineMap(weight: map.weight.map(abs), bias: map.bias?.map(abs))
  let beforeActivation = affineMap(x.map(abs), absolute).map { gauge in
    arithmetic.gamma(depth) * gauge + Double(map.inputs) * arithmetic.smallestNormal
  }
  return errors(beforeActivation, of: affineMap(x, map), through: activation, in: arithmetic)
}

/// What errors of an activation's operand become, with the activation's own, as in `affineMapBound`.
func errors(
  _ errors: Tensor<Double>, of z: Tensor<Double>, through activation: Activation,
  in arithmetic: Arithmetic
) -> Tensor<Double> {
  let u = arithmetic.unitRoundoff
  switch activation {
  case .identity, .relu: return errors
  case .sigmoid, .tanh: return errors.map { $0 + 4 * u }
  case .gelu, .geluTanh:
    return Tensor(
      shape: z.shape,
      storage: zip(errors.storage, z.storage).map { e, z in
        1.13 * e + 8 * u * (abs(z) + e) + arithmetic.smallestNormal
      })
  }
}

/// The error to be expected of a kernel's product, (4 + 2 √d) u |A| |B|, its roundings independent.
///
/// A kernel that exceeds it is not wrong, but worth a look: tests report it as a warning.
public func expectedMatrixProductError(
  _ a: Tensor<Double>, _ b: Tensor<Double>
) -> Tensor<Double> {
  let arithmetic = Arithmetic.kernel
  let depth = Double(arithmetic.productDepth(a.shape[a.rank - 1]))
  return matrixProduct(a.map(abs), b.map(abs)).map {
    (4 + 2 * depth.squareRoot()) * arithmetic.unitRoundoff * $0 + arithmetic.smallestNormal
  }
}
