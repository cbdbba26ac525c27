import Notation

/// Document 000's `SelfAttention`: all heads share one map of a head's width.
///
/// Differs from the equation in that heads are not split: side by side in a row, they are so many rows of
/// one head's width to a map that they share, and the attention reads them where they lie.
///
/// Error: see `ErrorBounds`. Equation: `Equations/Attention/MultiHeadAttention.swift`.
///
/// - Parameters:
///   - z: What is asked for values, … × m × dModel.
///   - y: What is asked for keys, … × m × dModel.
///   - x: What asks, … × n × dModel.
///   - p: The shared maps.
///   - mask: Which positions may be seen, of rank … × h × n × m.
/// - Returns: The output alone, … × n × dModel.
public func sharedHeadAttention(
  values z: Tensor<Float>, keys y: Tensor<Float>, queries x: Tensor<Float>,
  _ p: SharedHeadAttention<Float>, mask: AttentionMask<Float> = .none
) -> Tensor<Float> {
  let h = p.heads
  /// Under the shape … × h × t × dk, its rows in the order that they had.
  func heads(_ x: Tensor<Float>, _ weight: Tensor<Float>) -> Tensor<Float> {
    require(
      x.rank >= 2 && x.shape[x.rank - 1] % h == 0,
      "a width that \(h) heads divide is needed: got \(described(x.shape))")
    let shape = x.leadingShape + [h, x.shape[x.rank - 2], x.shape[x.rank - 1] / h]
    return affineMap(x.reshaped(shape), AffineMap(weight: weight))
  }
  let (q, k, v) = (heads(x, p.query), heads(y, p.key), heads(z, p.value))
  let shape = AttentionShape(queries: q, keys: k, values: v, mask: mask)
  let concatenated = [Float].written(q.count) { output in
    q.storage.withMemory { q in
      k.storage.withMemory { k in
        v.storage.withMemory { v in
          func sideBySide(_ x: Memory<Float>, _ rows: Int) -> HeadRows {
            HeadRows(x, rows: rows, heads: h, width: shape.dk)
          }
          attend(
            shape, queries: sideBySide(q, shape.n), keys: sideBySide(k, shape.m),
            values: sideBySide(v, shape.m), into: sideBySide(output, shape.n), mask: mask,
            fill: .replacedBeforeScaling(by: -1e20),
            factor: Float(ScoreScale.rootModelWidth(p.output.inputs).factor(keyWidth: shape.dk)))
        }
      }
    }
  }
  return affineMap(Tensor(shape: x.shape, storage: concatenated), p.output)
}
