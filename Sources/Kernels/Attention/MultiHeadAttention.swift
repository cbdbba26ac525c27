import Notation

/// Multi-head attention: projections, the attention of all heads, and the output map.
///
/// Differs from the equation as its parts do: `affineMap` and `scaledDotProductAttention`. Packed maps to
/// queries, keys and values are one piece of work for the threads. Heads are not split: they lie side by
/// side in the rows that the projections give, and each is read and written where it is. It is the
/// attention of evaluation: no weights are dropped.
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
  let shape = AttentionShape(queries: x.shape, keys: y.shape, values: z.shape, through: p, mask)
  let output = x.leadingShape + [shape.n, p.output.outputs]
  let elements = [Float].written(output.reduce(1, *)) { output in
    x.storage.withMemory { x in
      y.storage.withMemory { y in
        z.storage.withMemory { z in
          multiHeadAttention(
            queries: x, keys: y, values: z, shape, p, mask: mask, fill: fill, scale: scale,
            into: output)
        }
      }
    }
  }
  return Tensor(shape: output, storage: elements)
}

extension AttentionShape {
  /// Reads the extents of all heads' attention off the shapes of what is projected, and stops unless they
  /// fit each other.
  init(
    queries x: [Int], keys y: [Int], values z: [Int], through p: MultiHeadAttention<Float>,
    _ mask: AttentionMask<Float>
  ) {
    self.init(
      queries: p.headShape(x, p.query), keys: p.headShape(y, p.key),
      values: p.headShape(z, p.value), mask: mask)
  }
}

extension MultiHeadAttention<Float> {
  /// … × h × rows × width of a head, of what a map makes of … × rows × its inputs.
  func headShape(_ x: [Int], _ map: AffineMap<Float>) -> [Int] {
    let rows = MatrixProductShape(x, through: map).output
    require(
      rows.count >= 2, "a width that \(heads) heads divide is needed: got \(described(rows))")
    return rows.dropLast(2) + [heads, rows[rows.count - 2], map.outputs / heads]
  }
}

/// Multi-head attention from memory to memory; `addend`, if there is one, is added to the output.
func multiHeadAttention(
  queries x: Memory<Float>, keys y: Memory<Float>, values z: Memory<Float>,
  _ shape: AttentionShape, _ p: MultiHeadAttention<Float>, mask: AttentionMask<Float>,
  fill: MaskFill, scale: ScoreScale = .rootKeyWidth, adding addend: Memory<Float>? = nil,
  into output: Memory<Float>
) {
  let sequences = shape.groups / p.heads
  let (n, m) = (sequences * shape.n, sequences * shape.m)
  Workspace.with([p.query.outputs * n, p.key.outputs * m, p.value.outputs * m, p.value.outputs * n])
  { parts in
    let (q, k, v, concatenated) = (parts[0], parts[1], parts[2], parts[3])
    p.query.withProduct(x, rows: n, into: q) { query in
      p.key.withProduct(y, rows: m, into: k) { key in
        p.value.withProduct(z, rows: m, into: v) { value in
          Product.compute([query, key, value])
        }
      }
    }
    func heads(_ x: Memory<Float>, _ rows: Int, _ width: Int) -> HeadRows {
      HeadRows(x, rows: rows, heads: p.heads, width: width)
    }
    attend(
      shape, queries: heads(q, shape.n, shape.dk), keys: heads(k, shape.m, shape.dk),
      values: heads(v, shape.m, shape.dv), into: heads(concatenated, shape.n, shape.dv),
      mask: mask, fill: fill, factor: Float(scale.factor(keyWidth: shape.dk)))
    p.output.withProduct(concatenated, rows: n, adding: addend, into: output) {
      Product.compute([$0])
    }
  }
}
