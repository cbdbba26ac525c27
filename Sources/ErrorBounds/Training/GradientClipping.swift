import Equations
import Notation

/// The largest error that a norm of gradients may have: 2u of itself, and η.
///
/// Squares are exact in Double, and what their sums lose there is nothing beside the rounding of a
/// block's norm and that of the result.
public func globalNormBound(_ gradients: [Tensor<Double>]) -> Double {
  2.001 * Arithmetic.kernel.unitRoundoff * globalNorm(gradients)
    + Arithmetic.kernel.smallestNormal
}

/// The largest error that a coefficient may have: it is computed in Double and rounded once.
///
/// - Parameters:
///   - norm: The norm.
///   - maximumNorm: What the norm may be.
///   - epsilon: ε.
public func clippingCoefficientBound(
  norm: Double, maximumNorm: Double, epsilon: Double = 1e-6
) -> Double {
  roundedOnce(clippingCoefficient(norm: norm, maximumNorm: maximumNorm, epsilon: epsilon))
}

/// The largest error that clipped gradients may have, element by element.
///
///     3u |y_i| + (|g_i| + 1) η
///
/// The blocks' norms, the coefficient and the product are rounded. η |g_i| is for a coefficient that
/// underflows.
///
/// - Parameters:
///   - gradients: g.
///   - maximumNorm: What the norm may be.
///   - epsilon: ε.
/// - Returns: The shapes of the gradients; of no meaning where the norm is beyond the largest Float.
public func clippedBound(
  _ gradients: [Tensor<Double>], maximumNorm: Double, epsilon: Double = 1e-6
) -> [Tensor<Double>] {
  let (u, tiny) = (Arithmetic.kernel.unitRoundoff, Arithmetic.kernel.smallestNormal)
  let exact = clipped(gradients, maximumNorm: maximumNorm, epsilon: epsilon)
  return zip(gradients, exact).map { g, y in
    Tensor(
      shape: g.shape,
      storage: zip(g.storage, y.storage).map { g, y in
        3.001 * u * abs(y) + (abs(g) + 1) * tiny
      })
  }
}
