import Notation

/// Gradients shortened together, so that they are no longer than allowed as one vector.
///
///     norm        = √(Σ g²)                                       over all gradients
///     coefficient = min(1, maximumNorm / (norm + ε))
///     clipped     = coefficient · g
///
/// - Parameters:
///   - gradients: g, tensors of any shapes: one for each tensor of parameters.
///   - maximumNorm: What the norm may be.
///   - epsilon: ε, which keeps the divisor away from 0; it makes what is clipped shorter by a trifle.
/// - Returns: The gradients in their order, all times the one coefficient. Under an infinite norm finite
///   numbers become 0 and infinite ones NaN; under NaN all become NaN.
///
/// OPT-3. R. Pascanu et al. 2013, algorithm 1. SPEC.md, Gradient clipping.
@specialized(where S == Float)
@specialized(where S == Double)
public func clipped<S: Scalar>(
  _ gradients: [Tensor<S>], maximumNorm: Double, epsilon: Double = 1e-6
) -> [Tensor<S>] {
  let coefficient = clippingCoefficient(
    norm: globalNorm(gradients), maximumNorm: maximumNorm, epsilon: epsilon)
  return gradients.map { gradient in gradient.map { coefficient * $0 } }
}

/// What gradients of a norm are multiplied by: min(1, maximumNorm / (norm + ε)); NaN for NaN.
@specialized(where S == Float)
@specialized(where S == Double)
public func clippingCoefficient<S: Scalar>(
  norm: S, maximumNorm: Double, epsilon: Double = 1e-6
) -> S {
  checkClipping(maximumNorm: maximumNorm, epsilon: epsilon)
  let coefficient = S(maximumNorm) / (norm + S(epsilon))
  return coefficient > 1 ? 1 : coefficient
}

/// The length of all gradients together, as one vector.
///
///     norm = M √(Σ (g / M)²),  M = max |g|
///
/// The squares of g / M cannot overflow, nor vanish all at once; those of g can.
///
/// - Returns: 0 without numbers, ∞ if one is infinite and none is NaN, NaN if one is.
///
/// OPT-3. SPEC.md, Gradient clipping.
@specialized(where S == Float)
@specialized(where S == Double)
public func globalNorm<S: Scalar>(_ gradients: [Tensor<S>]) -> S {
  let magnitudes = gradients.flatMap { $0.storage.map { $0 < 0 ? -$0 : $0 } }
  var largest: S = 0
  for x in magnitudes where x > largest { largest = x }
  // Without a finite M above 0 the sum is as good: 0, ∞ or NaN.
  guard largest > 0 && largest < S.infinity else { return magnitudes.reduce(0, +) }
  let squares = magnitudes.reduce(S(0)) { sum, x in sum + (x / largest) * (x / largest) }
  return largest * S.sqrt(squares)
}
