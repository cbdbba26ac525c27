import Notation

/// Attention with everything that it computes on the way, for those who need the weights.
///
/// Scores, masked scores and weights are stored, each … × n × m: memory grows with n m, as it does not
/// in `scaledDotProductAttention`, which computes the output here too.
///
/// Error: see `ErrorBounds`. Equation: `Equations/Attention/ScaledDotProductAttention.swift`.
///
/// - Parameters:
///   - q: Queries, … × n × dk.
///   - k: Keys, … × m × dk.
///   - v: Values, … × m × dv.
///   - mask: Which keys a query may see, and what is added to its scores.
///   - fill: What becomes of the score of a key that a query may not see.
///   - scale: What the scores are multiplied by.
/// - Returns: Scores, masked scores, weights and output.
public func scaledDotProductAttentionSteps(
  queries q: Tensor<Float>, keys k: Tensor<Float>, values v: Tensor<Float>,
  mask: AttentionMask<Float> = .none, fill: MaskFill = .excluded,
  scale: ScoreScale = .rootKeyWidth
) -> AttentionSteps<Float> {
  let shape = AttentionShape(queries: q, keys: k, values: v, mask: mask)
  let factor = Float(scale.factor(keyWidth: shape.dk))
  let (n, m) = (shape.n, shape.m)

  var scores = Tensor(
    shape: shape.scores,
    storage: [Float].written(shape.groups * n * m) { scores in
      q.storage.withMemory { q in
        k.storage.withMemory { k in
          for g in 0..<shape.groups {
            Product.compute([
              Product(
                a: q.part(g * n * shape.dk, n * shape.dk),
                b: .columns(k.part(g * m * shape.dk, m * shape.dk)),
                c: scores.part(g * n * m, n * m), n: n, k: shape.dk, m: m)
            ])
          }
        }
      }
    })
  for at in scores.storage.indices { scores.storage[at] *= factor }

  var masked = scores
  var hidden: [Int] = []
  (mask.keep?.storage ?? []).withMemory { keep in
    (mask.bias?.storage ?? []).withMemory { bias in
      let rules = MaskRules(mask, keep: keep, bias: bias, fill: fill, factor: factor, shape: shape)
      if rules.isEmpty { return }
      for at in scores.storage.indices {
        let score = rules.row(group: at / (n * m), query: at / m % n)
          .masked(scores.storage[at], key: at % m)
        masked.storage[at] = score ?? -.infinity
        if score == nil { hidden.append(at) }
      }
    }
  }
  var weights = softmax(masked)
  for at in hidden { weights.storage[at] = 0 }

  return AttentionSteps(
    scores: scores, maskedScores: masked, weights: weights,
    output: scaledDotProductAttention(
      queries: q, keys: k, values: v, mask: mask, fill: fill, scale: scale))
}
