import Notation

/// A residual connection: what a sublayer gives is added to what it got.
///
///     y = x + F(x)
///
/// - Parameters:
///   - x: Any shape.
///   - sublayer: F, which keeps the shape.
///
/// RES-1. He et al. 2015. SPEC.md, Residual.
@specialized(where S == Float)
@specialized(where S == Double)
public func residual<S: Scalar>(
  _ x: Tensor<S>, _ sublayer: (Tensor<S>) -> Tensor<S>
) -> Tensor<S> {
  x + sublayer(x)
}

/// A residual sublayer with its normalisation.
///
///     postNorm  y = LayerNorm(x + dropout(F(x)))
///     preNorm   y = x + dropout(F(LayerNorm(x)))
///
/// - Parameters:
///   - x: … × d.
///   - placement: Whether x + F is normalised, or what F gets.
///   - norm: The normalisation.
///   - drop: What is dropped, in training, of what the sublayer gives.
///   - sublayer: F, which keeps the shape.
/// - Returns: What the sublayer gave, before dropout, and y.
///
/// RES-2, RES-3. Vaswani et al. 2017, section 3.1; Xiong et al. 2020. SPEC.md, Residual.
@specialized(where S == Float)
@specialized(where S == Double)
public func residual<S: Scalar>(
  _ x: Tensor<S>, _ placement: NormPlacement, _ norm: LayerNorm<S>, dropout drop: Dropout = .none,
  _ sublayer: (Tensor<S>) -> Tensor<S>
) -> (sublayer: Tensor<S>, output: Tensor<S>) {
  switch placement {
  case .postNorm:
    let f = sublayer(x)
    return (f, layerNorm(x + dropout(f, drop), norm))
  case .preNorm:
    let f = sublayer(layerNorm(x, norm))
    return (f, x + dropout(f, drop))
  }
}
