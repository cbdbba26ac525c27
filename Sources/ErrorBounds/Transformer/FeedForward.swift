import Equations
import Notation

/// The largest error that a feed-forward network may have, element by element.
///
/// Its parts one after the other: the first map and its activation are off by their bound, which enters
/// the second map as |W₂| e.
///
/// - Parameters:
///   - x: … × dModel.
///   - p: The two maps, and what stands between them.
///   - drop: What is dropped between the maps.
///   - arithmetic: Whose network it is.
/// - Returns: … × the outer map's width; of no meaning where the output is not finite.
public func feedForwardBound(
  _ x: Tensor<Double>, _ p: FeedForward<Double>, dropout drop: Dropout = .none,
  in arithmetic: Arithmetic = .kernel
) -> Tensor<Double> {
  feedForward(Enclosure(x), p, dropout: drop, in: arithmetic).errors
}

/// A feed-forward network of what may be off.
func feedForward(
  _ x: Enclosure, _ p: FeedForward<Double>, dropout drop: Dropout = .none,
  in arithmetic: Arithmetic
) -> Enclosure {
  let inner = affineMap(x, p.inner, activation: p.activation, in: arithmetic)
  return affineMap(dropout(inner, drop, in: arithmetic), p.outer, in: arithmetic)
}
