import Notation

/// Attention without ever storing the scores: softmax(q kᵀ · scale + mask) v.
///
/// Differs from the equation in this: the scores of a strip of queries with one block of keys stand in
/// L1 only; a running maximum and a running sum per query turn them into weights, and what was summed
/// before is rescaled whenever the maximum grows. Queries are the lanes of the vectors, so maximum, sum
/// and rescaling never leave their lane, and keys and values are read as they lie. Scores are in units
/// of log₂ e, the scale folded into the packed queries.
///
/// Fewer than eight queries, as in a step with a cache, would leave most lanes empty: there keys are the
/// lanes of scores, and columns those of sums.
///
/// Under `.excluded`, keys that no query of a strip sees are not computed. A query whose result is not
/// finite, or that saw no key, is computed again on its own with the mask taken literally, so that
/// nothing behind the mask reaches it. So are one to three queries that no strip is left for: 49 of a
/// window are three strips and one query. Biases and masks are turned, a block at a time, so that they
/// meet the scores in vectors.
///
/// It is the attention of evaluation: no weights are dropped.
///
/// Memory beyond the operands and the output: below 64 KiB a thread, whatever the lengths.
///
/// Error: see `ErrorBounds`. Source of the algorithm: M. Milakov and N. Gimelshein, "Online normalizer
/// calculation for softmax", 2018; T. Dao et al., "FlashAttention", 2022.
/// Equation: `Equations/Attention/ScaledDotProductAttention.swift`.
///
/// - Parameters:
///   - q: Queries, … × n × dk.
///   - k: Keys, … × m × dk.
///   - v: Values, … × m × dv.
///   - mask: Which keys a query may see, and what is added to its scores.
///   - fill: What becomes of the score of a key that a query may not see.
///   - scale: What the scores are multiplied by.
/// - Returns: … × n × dv.
public func scaledDotProductAttention(
  queries q: Tensor<Float>, keys k: Tensor<Float>, values v: Tensor<Float>,
  mask: AttentionMask<Float> = .none, fill: MaskFill = .excluded,
  scale: ScoreScale = .rootKeyWidth
) -> Tensor<Float> {
  let shape = AttentionShape(queries: q, keys: k, values: v, mask: mask)
  let elements = [Float].written(shape.groups * shape.n * shape.dv) { output in
    q.storage.withMemory { q in
      k.storage.withMemory { k in
        v.storage.withMemory { v in
          attend(
            shape, queries: HeadRows(q, rows: shape.n, width: shape.dk),
            keys: HeadRows(k, rows: shape.m, width: shape.dk),
            values: HeadRows(v, rows: shape.m, width: shape.dv),
            into: HeadRows(output, rows: shape.n, width: shape.dv), mask: mask, fill: fill,
            factor: Float(scale.factor(keyWidth: shape.dk)))
        }
      }
    }
  }
  return Tensor(shape: shape.output, storage: elements)
}

/// The attention of every group, its strips shared among the threads.
func attend(
  _ shape: AttentionShape, queries: HeadRows, keys: HeadRows, values: HeadRows,
  into output: HeadRows, mask: AttentionMask<Float>, fill: MaskFill, factor: Float
) {
  (mask.keep?.storage ?? []).withMemory { keep in
    (mask.bias?.storage ?? []).withMemory { bias in
      let rules = MaskRules(mask, keep: keep, bias: bias, fill: fill, factor: factor, shape: shape)
      let strips = (shape.n + Strip.queries - 1) / Strip.queries
      let multiplyAdds = shape.groups * shape.n * shape.m * (shape.dk + shape.dv)
      Threads.share(
        tasks: shape.groups * strips,
        atMost: multiplyAdds >= Strip.worthSharing(queries: shape.n) ? .max : 1,
        scratch: Strip.scratch(shape)
      ) { task, scratch in
        // The last strips of a causal attention are the longest: begin with them.
        let (g, i0) = (task / strips, (strips - 1 - task % strips) * Strip.queries)
        let strip = Strip(
          group: g, queries: i0..<min(i0 + Strip.queries, shape.n), shape: shape,
          q: queries.group(g), k: keys.group(g), v: values.group(g), rules: rules,
          factor: factor, scratch: scratch)
        if shape.n < Strip.manyQueries {
          strip.attendFew(into: output.group(g))
        } else {
          strip.attend(into: output.group(g))
        }
      }
    }
  }
}

/// The rows of every group of an operand: one matrix after the other, or heads side by side.
struct HeadRows: Sendable {
  /// One group's rows, `stride` apart.
  struct Group {
    let memory: Memory<Float>
    let stride: Int

    /// The row of a number, from its first element on.
    @inline(__always) func row(_ i: Int) -> Memory<Float> { memory.from(i * stride) }
  }

  private let memory: Memory<Float>
  private let rows: Int
  private let heads: Int
  private let width: Int

  /// Heads of `width` columns each, side by side in rows; with one head, matrices.
  init(_ memory: Memory<Float>, rows: Int, heads: Int = 1, width: Int) {
    (self.memory, self.rows, self.heads, self.width) = (memory, rows, heads, width)
  }

  @inline(__always) func group(_ g: Int) -> Group {
    let stride = heads * width
    return Group(
      memory: memory.from(g / heads * rows * stride + g % heads * width), stride: stride)
  }
}

/// Attention between two sequences, the projections by `affineMap`.
///
/// - Parameters:
///   - x: What asks, … × n × the query map's inputs.
///   - memory: What is asked, … × m × the key and value maps' inputs.
///   - projections: The maps to queries, keys and values.
///   - mask: Which positions of the memory a position of x may see.
///   - fill: What becomes of the score of a position that may not be seen.
///   - scale: What the scores are multiplied by.
/// - Returns: … × n × dv.
///
/// Equation: `Equations/Attention/ScaledDotProductAttention.swift`.
public func crossAttention(
  _ x: Tensor<Float>, memory: Tensor<Float>, _ projections: AttentionProjections<Float>,
  mask: AttentionMask<Float> = .none, fill: MaskFill = .excluded,
  scale: ScoreScale = .rootKeyWidth
) -> Tensor<Float> {
  scaledDotProductAttention(
    queries: affineMap(x, projections.query), keys: affineMap(memory, projections.key),
    values: affineMap(memory, projections.value), mask: mask, fill: fill, scale: scale)
}

/// Attention of a sequence to itself, the projections by `affineMap`.
///
/// - Parameters:
///   - x: … × n × inputs.
///   - projections: The maps to queries, keys and values.
///   - mask: Which positions a position may see.
///   - fill: What becomes of the score of a position that may not be seen.
///   - scale: What the scores are multiplied by.
/// - Returns: … × n × dv.
///
/// Equation: `Equations/Attention/ScaledDotProductAttention.swift`.
public func selfAttention(
  _ x: Tensor<Float>, _ projections: AttentionProjections<Float>,
  mask: AttentionMask<Float> = .none, fill: MaskFill = .excluded,
  scale: ScoreScale = .rootKeyWidth
) -> Tensor<Float> {
  crossAttention(x, memory: x, projections, mask: mask, fill: fill, scale: scale)
}
