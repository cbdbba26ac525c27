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

/// The same for keys and values that are there already, and are exact.
public func multiHeadAttentionBound(
  queries x: Tensor<Double>, _ cache: KeyValueCache<Double>, _ p: MultiHeadAttention<Double>,
  mask: AttentionMask<Double> = .none, fill: MaskFill = .excluded,
  scale: ScoreScale = .rootKeyWidth, in arithmetic: Arithmetic = .kernel
) -> Tensor<Double> {
  attended(
    by: Enclosure(x), keys: Enclosure(cache.keys), values: Enclosure(cache.values), p, mask: mask,
    fill: fill, scale: scale, in: arithmetic
  ).errors
}

/// The largest errors that keys and values may have: those of affine maps.
///
/// - Parameters:
///   - y: What is asked for keys, … × m × its width.
///   - z: What is asked for values, … × m × its width.
///   - p: The maps.
///   - arithmetic: Whose keys and values they are.
public func keyValueCacheBound(
  keys y: Tensor<Double>, values z: Tensor<Double>, _ p: MultiHeadAttention<Double>,
  in arithmetic: Arithmetic = .kernel
) -> KeyValueCache<Double> {
  KeyValueCache(
    keys: heads(Enclosure(y), p.key, p.heads, in: arithmetic).errors,
    values: heads(Enclosure(z), p.value, p.heads, in: arithmetic).errors)
}

/// The parts of an affine map that belong to each head.
private func heads(
  _ x: Enclosure, _ map: AffineMap<Double>, _ h: Int, in arithmetic: Arithmetic
) -> Enclosure {
  affineMap(x, map, in: arithmetic).moved { splitHeads($0, heads: h) }
}

/// Multi-head attention of what may be off.
func multiHeadAttention(
  queries x: Enclosure, keys y: Enclosure, values z: Enclosure, _ p: MultiHeadAttention<Double>,
  mask: AttentionMask<Double>, fill: MaskFill, scale: ScoreScale, in arithmetic: Arithmetic
) -> Enclosure {
  attended(
    by: x, keys: heads(y, p.key, p.heads, in: arithmetic),
    values: heads(z, p.value, p.heads, in: arithmetic), p, mask: mask, fill: fill, scale: scale,
    in: arithmetic)
}

/// Multi-head attention to the keys and values of all heads.
private func attended(
  by x: Enclosure, keys k: Enclosure, values v: Enclosure, _ p: MultiHeadAttention<Double>,
  mask: AttentionMask<Double>, fill: MaskFill, scale: ScoreScale, in arithmetic: Arithmetic
) -> Enclosure {
  let q = heads(x, p.query, p.heads, in: arithmetic)
  let attended = Enclosure(
    scaledDotProductAttention(
      queries: q.values, keys: k.values, values: v.values, mask: mask, fill: fill, scale: scale),
    errors: scaledDotProductAttentionBounds(
      queries: q, keys: k, values: v, mask: mask, fill: fill, scale: scale, in: arithmetic
    ).output)
  return affineMap(attended.moved { concatenateHeads($0) }, p.output, in: arithmetic)
}

/// The largest error that document 000's attention may have, element by element.
///
/// That of the multi-head attention whose heads have the shared map each for itself; its sums are taken
/// to be as long as all heads are wide, though all but one head's terms are 0.
///
/// - Parameters:
///   - z: What is asked for values, … × m × dModel.
///   - y: What is asked for keys, … × m × dModel.
///   - x: What asks, … × n × dModel.
///   - p: The shared maps.
///   - mask: Which positions may be seen.
///   - arithmetic: Whose attention it is.
/// - Returns: … × n × dModel; of no meaning where the output is not finite.
public func sharedHeadAttentionBound(
  values z: Tensor<Double>, keys y: Tensor<Double>, queries x: Tensor<Double>,
  _ p: SharedHeadAttention<Double>, mask: AttentionMask<Double> = .none,
  in arithmetic: Arithmetic = .kernel
) -> Tensor<Double> {
  multiHeadAttentionBound(
    queries: x, keys: y, values: z, p.expanded, mask: mask,
    fill: .replacedBeforeScaling(by: -1e20), scale: .rootModelWidth(p.output.inputs),
    in: arithmetic)
}
