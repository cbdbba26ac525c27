import Notation

/// An activation, element by element.
///
///     relu(x)     = max(x, 0)
///     gelu(x)     = x Φ(x) = x/2 erfc(−x / √2)
///     geluTanh(x) = x/2 (1 + tanh u) = x σ(2u),  u = √(2/π) (x + 0.044715 x³)
///     sigmoid(x)  = σ(x) = 1 / (1 + exp(−x))
///     tanh(x)     = (exp(x) − exp(−x)) / (exp(x) + exp(−x))
///
/// The last form of each is the one computed: 1 + erf and 1 + tanh cancel for negative x.
///
/// - Parameters:
///   - x: Any shape.
///   - activation: The function.
/// - Returns: The shape of x. NaN stays NaN; both GELUs make NaN of −∞, as −∞ · 0.
///
/// D. Hendrycks and K. Gimpel, 2016 (GELU). SPEC.md, Activations.
@specialized(where S == Float)
@specialized(where S == Double)
public func activate<S: Scalar>(_ x: Tensor<S>, _ activation: Activation) -> Tensor<S> {
  switch activation {
  case .identity: x
  case .relu: x.map { S.max($0, 0) }
  case .gelu: x.map { $0 / 2 * S.erfc(-$0 * S.sqrt(0.5)) }
  case .geluTanh:
    x.map { x in
      let u = S.sqrt(S(2 / Double.pi)) * (x + 0.044715 * x * x * x)
      return x * sigmoid(2 * u)
    }
  case .sigmoid: x.map { sigmoid($0) }
  case .tanh: x.map { S.tanh($0) }
  }
}

/// σ(x), from the exponential that cannot overflow.
@inline(__always)
private func sigmoid<S: Scalar>(_ x: S) -> S {
  let e = S.exp(x < 0 ? x : -x)
  return (x < 0 ? e : 1) / (1 + e)
}
