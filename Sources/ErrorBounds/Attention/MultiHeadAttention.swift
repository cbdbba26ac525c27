import Equations
import Notation

/// The largest error that multi-head attention may have, element by element.
///
/// Its parts one after the other: the errors of queries, keys and values are those of affine maps
/// (`affineMapBound`), and enter the attention; the errors of the heads enter the output map, as |W^O| e.
///
/// - Parameters:
///   - x: What asks, … × n × its width.
///   - y: What is asked for keys, … × m × its width.
///   - z: What is asked for values, … × m × its width.
///   - p: The maps.
///   - mask: Which positions of y a position of x may see.
///   - fill: What becomes of the score of a position that may not be seen.
///   - scale: What the scores are multiplied by.
///   - arithmetic: Whose attention it is.
/// - Returns: … × n × the output map's width; of no meaning where the output is not finite.
public func multiHeadAttentionBound(
  queries x: Tensor<Double>, keys y: Tensor<Double>, values z: Tensor<Double>,
  _ p: MultiHeadAttention<Double>, mask: AttentionMask<Double> = .none,
  fill: MaskFill = .excluded, scale: ScoreScale = .rootKeyWidth,
  in arithmetic: Arithmetic = .kernel
) -> Tensor<Double> {
  multiHeadAttention(
    queries: Enclosure(x), keys: Enclosure(y), values: Enclosure(z), p, mask: mask, fill: fill,
    scale: scale, in: arithmetic
  ).errors
}

/// Multi-head attention of what may be off.
func multiHeadAttention(
  queries x: Enclosure, keys y: Enclosure, values z: Enclosure, _ p: MultiHeadAttention<Double>,
  mask: AttentionMask<Double>, fill: MaskFill, scale: ScoreScale, in arithmetic: Arithmetic
) -> Enclosure {
  func heads(_ x: Enclosure, _ map: AffineMap<Double>) -> Enclosure {
    let y = affineMap(x, map, in: arithmetic)
    return Enclosure(
      splitHeads(y.values, heads: p.heads), errors: splitHeads(y.errors, heads: p.heads))
  }
  let (q, k, v) = (heads(x, p.query), heads(y, p.key), heads(z, p.value))
  let attended = Enclosure(
    scaledDotProductAttention(
      queries: q.values, keys: k.values, values: v.values, mask: mask, fill: fill, scale: scale),
    errors: scaledDotProductAttentionBounds(
      queries: q, keys: k, values: v, mask: mask, fill: fill, scale: scale, in: arithmetic
    ).output)
  return affineMap(
    Enclosure(concatenateHeads(attended.values), errors: concatenateHeads(attended.errors)),
    p.output, in: arithmetic)
}
