import Notation

/// Multi-head attention: projections, the attention of all heads, and the output map.
///
/// Differs from the equation as its parts do: `affineMap` and `scaledDotProductAttention`. Heads are not
/// split: they lie side by side in the rows that the projections give, and each is read and written
/// where it is.
///
/// Error: see `ErrorBounds`. Equation: `Equations/Attention/MultiHeadAttention.swift`.
///
/// - Parameters:
///   - x: What asks, … × n × its width.
///   - y: What is asked for keys, … × m × its width.
///   - z: What is asked for values, … × m × its width.
///   - p: The maps, each with a bias or without.
///   - mask: Which positions of y a position of x may see; its tensors have the rank of the scores,
///     … × h × n × m.
///   - fill: What becomes of the score of a position that may not be seen.
///   - scale: What the scores are multiplied by.
/// - Returns: … × n × the output map's width.
public func multiHeadAttention(
  queries x: Tensor<Float>, keys y: Tensor<Float>, values z: Tensor<Float>,
  _ p: MultiHeadAttention<Float>, mask: AttentionMask<Float> = .none, fill: MaskFill = .excluded,
  scale: ScoreScale = .rootKeyWidth
) -> Tensor<Float> {
  let (q, k, v) = (affineMap(x, p.query), affineMap(y, p.key), affineMap(z, p.value))
  func ofHeads(_ x: Tensor<Float>) -> [Int] {
    require(
      x.rank >= 2, "a width that \(p.heads) heads divide is needed: got \(described(x.shape))")
    return x.leadingShape + [p.heads, x.shape[x.rank - 2], x.shape[x.rank - 1] / p.heads]
  }
  let shape = AttentionShape(
    queries: ofHeads(q), keys: ofHeads(k), values: ofHeads(v), mask: mask)
  let concatenated = [Float].written(shape.groups * shape.n * shape.dv) { output in
    q.storage.withMemory { q in
      k.storage.withMemory { k in
        v.storage.withMemory { v in
          func heads(_ x: Memory<Float>, _ rows: Int, _ width: Int) -> HeadRows {
            HeadRows(x, rows: rows, heads: p.heads, width: width)
          }
          attend(
            shape, queries: heads(q, shape.n, shape.dk), keys: heads(k, shape.m, shape.dk),
            values: heads(v, shape.m, shape.dv), into: heads(output, shape.n, shape.dv),
            mask: mask, fill: fill, factor: Float(scale.factor(keyWidth: shape.dk)))
        }
      }
    }
  }
  return affineMap(
    Tensor(shape: x.leadingShape + [shape.n, p.heads * shape.dv], storage: concatenated), p.output)
}
