import Equations
import Notation

/// The largest error that x + dropout(f) may have, element by element: the dropout's, and one rounding.
///
/// - Parameters:
///   - x: What the sublayer got; any shape.
///   - f: What it gave, of the same shape.
///   - drop: What is dropped of f.
///   - arithmetic: Whose sum it is.
/// - Returns: The shape of x; of no meaning where the sum is not finite.
public func residualBound(
  _ x: Tensor<Double>, adding f: Tensor<Double>, dropout drop: Dropout = .none,
  in arithmetic: Arithmetic = .kernel
) -> Tensor<Double> {
  residual(Enclosure(x), nil, dropout: drop, in: arithmetic) { _ in Enclosure(f) }.errors
}

/// The largest error that LayerNorm(x + dropout(f)) may have, element by element.
///
/// - Parameters:
///   - x: What the sublayer got, … × d.
///   - f: What it gave, of the same shape.
///   - drop: What is dropped of f.
///   - norm: The normalisation.
///   - arithmetic: Whose it is.
/// - Returns: … × d; of no meaning where the result is not finite.
public func layerNormBound(
  _ x: Tensor<Double>, adding f: Tensor<Double>, dropout drop: Dropout = .none,
  _ norm: LayerNorm<Double>, in arithmetic: Arithmetic = .kernel
) -> Tensor<Double> {
  residual(Enclosure(x), (.postNorm, norm), dropout: drop, in: arithmetic) { _ in Enclosure(f) }
    .errors
}

/// The largest error that a residual sublayer may have whose F is an affine map with an activation.
///
/// Its parts one after the other: what comes out of one is off by its bound, and enters the next. The
/// sum is rounded once. Bounds of layers are put together in the same way, of other sublayers.
///
/// - Parameters:
///   - x: … × d.
///   - norm: Whether x + F is normalised, or what F gets, and how; `nil` for neither.
///   - drop: What is dropped of what F gives.
///   - map: The map, d × d.
///   - activation: What follows it.
///   - arithmetic: Whose residual sublayer it is.
/// - Returns: … × d; of no meaning where the result is not finite.
public func residualBound(
  _ x: Tensor<Double>, _ norm: (placement: NormPlacement, parameters: LayerNorm<Double>)?,
  dropout drop: Dropout = .none, through map: AffineMap<Double>,
  activation: Activation = .identity, in arithmetic: Arithmetic = .kernel
) -> Tensor<Double> {
  residual(Enclosure(x), norm, dropout: drop, in: arithmetic) {
    affineMap($0, map, activation: activation, in: arithmetic)
  }.errors
}

/// The same where it is known what enters the map: the second of a feed-forward network.
public func residualBound(
  _ x: Tensor<Double>, _ norm: (placement: NormPlacement, parameters: LayerNorm<Double>)?,
  adding map: AffineMap<Double>, of h: Tensor<Double>, in arithmetic: Arithmetic = .kernel
) -> Tensor<Double> {
  residual(Enclosure(x), norm, in: arithmetic) { _ in
    affineMap(Enclosure(h), map, in: arithmetic)
  }.errors
}

/// A residual sublayer of what may be off.
func residual(
  _ x: Enclosure, _ norm: (placement: NormPlacement, parameters: LayerNorm<Double>)?,
  dropout drop: Dropout = .none, in arithmetic: Arithmetic, _ sublayer: (Enclosure) -> Enclosure
) -> Enclosure {
  func normalized(_ x: Enclosure, _ placement: NormPlacement) -> Enclosure {
    guard let norm, norm.placement == placement else { return x }
    return layerNorm(x, norm.parameters, in: arithmetic)
  }
  let f = sublayer(normalized(x, .preNorm))
  return normalized(sum(x, dropout(f, drop, in: arithmetic), in: arithmetic), .postNorm)
}
