import Equations
import Notation

/// The largest error that the kernel's matrix product may have, element by element.
///
///     γ_d (|A| |B|)_ij + k 2⁻¹⁴⁹,  d = min(k, 512) + ⌈k / 512⌉
///
/// A block of 512 steps is one chain of fused multiply-adds, each rounding once, and the sums of the
/// blocks are added one after the other. The last term is for products that underflow.
///
/// - Parameters:
///   - a: … × n × k.
///   - b: … × k × m.
/// - Returns: … × n × m.
public func matrixProductBound(_ a: Tensor<Double>, _ b: Tensor<Double>) -> Tensor<Double> {
  let k = a.shape[a.rank - 1]
  return matrixProduct(a.map(abs), b.map(abs)).map { gauge in
    gamma(productDepth(k)) * gauge + Double(k) * 0x1p-149
  }
}

/// The largest error that the kernel's affine map may have, element by element.
///
///     γ_(d+1) (|X| |Wᵀ| + |b|)_ij + k 2⁻¹⁴⁹
///
/// The bias is added last, one rounding more. An activation with slopes in 0 … 1 adds nothing.
///
/// - Parameters:
///   - x: … × inputs.
///   - map: W and b.
///   - activation: What follows.
/// - Returns: … × outputs.
public func affineMapBound(
  _ x: Tensor<Double>, _ map: AffineMap<Double>, activation: Activation = .identity
) -> Tensor<Double> {
  let absolute = AffineMap(weight: map.weight.map(abs), bias: map.bias?.map(abs))
  return affineMap(x.map(abs), absolute).map { gauge in
    gamma(productDepth(map.inputs) + 1) * gauge + Double(map.inputs) * 0x1p-149
  }
}

/// The error to be expected of a product of independent roundings, about (4 + 2 √d) u |A| |B|.
///
/// A kernel that exceeds it is not wrong, but worth a look: tests report it as a warning.
public func expectedMatrixProductError(
  _ a: Tensor<Double>, _ b: Tensor<Double>
) -> Tensor<Double> {
  let depth = Double(productDepth(a.shape[a.rank - 1]))
  return matrixProduct(a.map(abs), b.map(abs)).map {
    (4 + 2 * depth.squareRoot()) * unitRoundoff * $0 + smallestNormal
  }
}

/// The number of roundings that the first product of an inner dimension of `k` goes through.
private func productDepth(_ k: Int) -> Int { min(k, 512) + (k + 511) / 512 }
