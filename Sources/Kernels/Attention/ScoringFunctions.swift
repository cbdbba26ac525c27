import Notation

/// How well each key answers each query.
///
/// Differs from the equation in the order of operations. dot, scaledDot and bilinear are products as
/// `matrixProduct` has them, the scale folded into the queries. In additive, U q is computed once for
/// all queries and W k once for all keys, transposed, so that keys are the lanes of the vectors: one
/// pass takes two vectors of keys through sum, tanh and multiply-add of all da numbers, and no
/// n × m × da tensor is stored. concat is additive with the two halves of its weight.
///
/// Almost all of an additive score's time is tanh, some 25 instructions for a vector.
///
/// Error: see `ErrorBounds`. Equation: `Equations/Attention/ScoringFunctions.swift`.
///
/// - Parameters:
///   - q: Queries, … × n × dq.
///   - k: Keys, … × m × dk.
///   - function: The scoring function; the first two need dq = dk.
/// - Returns: … × n × m.
public func scores(
  queries q: Tensor<Float>, keys k: Tensor<Float>, by function: ScoringFunction<Float>
) -> Tensor<Float> {
  let shape = ScoreShape(queries: q, keys: k, by: function)
  let elements = [Float].written(shape.scores.reduce(1, *)) { s in
    q.storage.withMemory { q in
      k.storage.withMemory { k in
        write(shape, queries: q, keys: k, function, into: s)
      }
    }
  }
  return Tensor(shape: shape.scores, storage: elements)
}

private func write(
  _ shape: ScoreShape, queries q: Memory<Float>, keys k: Memory<Float>,
  _ function: ScoringFunction<Float>, into s: Memory<Float>
) {
  let (queries, dq, dk) = (shape.groups * shape.n, shape.dq, shape.dk)
  switch function {
  case .dot: writeProducts(shape, queries: q, keys: k, into: s)
  case .scaledDot:
    let factor = Float(ScoreScale.rootKeyWidth.factor(keyWidth: dk))
    Workspace.with(queries * dk) { scaled in
      forEachVector(q.count) { scaled.store(q.vector($0, first: $1) * factor, $0, first: $1) }
      writeProducts(shape, queries: scaled, keys: k, into: s)
    }
  case .bilinear(let w):
    w.storage.withMemory { w in
      Workspace.with(queries * dk) { mapped in
        Product.compute([Product(a: q, b: .columns(w), c: mapped, n: queries, k: dq, m: dk)])
        writeProducts(shape, queries: mapped, keys: k, into: s)
      }
    }
  case .additive(let score):
    score.key.storage.withMemory { w in
      score.query.storage.withMemory { u in
        score.vector.storage.withMemory { v in
          writeSums(shape, queries: q, keys: k, keyWeight: w, queryWeight: u, vector: v, into: s)
        }
      }
    }
  case .concat(let both, let v):
    let da = v.count
    both.storage.withMemory { both in
      v.storage.withMemory { v in
        Workspace.with(both.count) { halves in
          let (u, w) = (halves.part(0, da * dq), halves.from(da * dq))
          for a in 0..<da {
            u.part(a * dq, dq).copy(both.part(a * (dq + dk), dq))
            w.part(a * dk, dk).copy(both.part(a * (dq + dk) + dq, dk))
          }
          writeSums(shape, queries: q, keys: k, keyWeight: w, queryWeight: u, vector: v, into: s)
        }
      }
    }
  }
}

/// Writes k_j · q_i for queries as wide as the keys.
private func writeProducts(
  _ shape: ScoreShape, queries q: Memory<Float>, keys k: Memory<Float>, into s: Memory<Float>
) {
  let (n, m, dk) = (shape.n, shape.m, shape.dk)
  Product.compute(
    (0..<shape.groups).map { g in
      Product(
        a: q.part(g * n * dk, n * dk), b: .columns(k.part(g * m * dk, m * dk)),
        c: s.part(g * n * m, n * m), n: n, k: dk, m: m)
    })
}

/// Writes vᵀ tanh(W k_j + U q_i).
private func writeSums(
  _ shape: ScoreShape, queries q: Memory<Float>, keys k: Memory<Float>, keyWeight w: Memory<Float>,
  queryWeight u: Memory<Float>, vector v: Memory<Float>, into s: Memory<Float>
) {
  let (n, m, dk, da) = (shape.n, shape.m, shape.dk, v.count)
  let width = VectorPair.width
  let panels = (m + width - 1) / width
  Workspace.with(shape.groups * n * da) { asked in  // groups × n × da
    Product.compute([
      Product(a: q, b: .columns(u), c: asked, n: shape.groups * n, k: shape.dq, m: da)
    ])
    // The last vectors of a row reach into the next, and those of the last row beyond the matrix.
    Workspace.with(da * m + width) { answers in  // da × m
      for g in 0..<shape.groups {
        Product.compute([
          Product(
            a: w, b: .columns(k.part(g * m * dk, m * dk)), c: answers, n: da, k: dk, m: m)
        ])
        Threads.share(rows: n * panels, width: da * width) { task in
          let (i, j) = (g * n + task / panels, task % panels * width)
          let score = additiveScore(asked.part(i * da, da), answers.from(j), stride: m, v)
          s.store(score, i * m + j, first: min(width, m - j))
        }
      }
    }
  }
}

/// Σ_a v_a tanh(answer_a + asked_a), the answers of two vectors of keys being `stride` apart.
@inline(__always)
func additiveScore(
  _ asked: Memory<Float>, _ answers: Memory<Float>, stride: Int, _ v: Memory<Float>
) -> VectorPair {
  var (low, high) = (Vector.zero, Vector.zero)
  for a in 0..<v.count {
    let answer = answers.pair(a * stride) + VectorPair(repeating: asked[a])
    let weight = Vector(repeating: v[a])
    low = low.addingProduct(weight, tanh(answer.low))
    high = high.addingProduct(weight, tanh(answer.high))
  }
  return VectorPair(low, high)
}

/// Key–value attention: each query takes the values by the scores of their keys.
///
/// Differs from the equation as its parts do: `scores`, `softmax` and `matrixProduct`.
///
/// Error: see `ErrorBounds`. Equation: `Equations/Attention/ScoringFunctions.swift`.
///
/// - Parameters:
///   - q: Queries, … × n × dq.
///   - k: Keys, … × m × dk.
///   - v: Values, … × m × dv.
///   - function: What scores a key.
/// - Returns: Scores, weights and output; zeros without keys.
public func keyValueAttention(
  queries q: Tensor<Float>, keys k: Tensor<Float>, values v: Tensor<Float>,
  by function: ScoringFunction<Float>
) -> AttentionSteps<Float> {
  let s = scores(queries: q, keys: k, by: function)
  let weights = softmax(s)
  return AttentionSteps(
    scores: s, maskedScores: s, weights: weights, output: matrixProduct(weights, v))
}

/// Soft attention: each query takes the mean of all inputs by their weights.
///
/// - Parameters:
///   - q: Queries, … × n × dq.
///   - x: Inputs, keys and values in one, … × m × dk.
///   - function: What scores an input.
///
/// Equation: `Equations/Attention/ScoringFunctions.swift`.
public func softAttention(
  queries q: Tensor<Float>, inputs x: Tensor<Float>, by function: ScoringFunction<Float>
) -> AttentionSteps<Float> {
  keyValueAttention(queries: q, keys: x, values: x, by: function)
}

/// Hard attention: each query takes one input whole.
///
/// The choice is that of the kernel's scores; what is chosen is copied.
///
/// - Parameters:
///   - q: Queries, … × n × dq.
///   - x: Inputs, … × m × dk, with m ≥ 1.
///   - function: What scores an input.
///   - choice: How the input follows from the weights.
/// - Returns: … × n × dk.
///
/// Equation: `Equations/Attention/ScoringFunctions.swift`.
public func hardAttention(
  queries q: Tensor<Float>, inputs x: Tensor<Float>, by function: ScoringFunction<Float>,
  choosing choice: HardChoice = .largest
) -> Tensor<Float> {
  let chosen = hardChoices(scores(queries: q, keys: x, by: function), choice)
  let (n, m, dk) = (q.shape[q.rank - 2], x.shape[x.rank - 2], x.shape[x.rank - 1])
  let elements = [Float].written(chosen.count * dk) { y in
    x.storage.withMemory { x in
      chosen.storage.withMemory { chosen in
        Threads.share(rows: chosen.count, width: dk) { i in
          y.part(i * dk, dk).copy(x.part((i / n * m + chosen[i]) * dk, dk))
        }
      }
    }
  }
  return Tensor(shape: q.leadingShape + [n, dk], storage: elements)
}

/// Which input each query gets from hard attention.
///
/// Weights are those of the kernel `softmax`, added up from the first key on: a number within rounding
/// of a sum may choose another key than in the equation.
///
/// - Parameters:
///   - s: Scores, … × n × m, with m ≥ 1.
///   - choice: The largest score, or one drawn by the weights.
/// - Returns: … × n.
///
/// Equation: `Equations/Attention/ScoringFunctions.swift`.
public func hardChoices(_ s: Tensor<Float>, _ choice: HardChoice) -> Tensor<Int> {
  checkChoices(s.shape)
  switch choice {
  case .largest: return argmax(s)
  case .sampled(let seed):
    let weights = softmax(s)
    let m = s.shape[s.rank - 1]
    let choices = weights.storage.withMemory { weights in
      (0..<s.count / m).map { i in
        let row = weights.part(i * m, m)
        let u = Float(SplitMix64.uniform(i, seed: seed))
        var (j, sum) = (0, row[0])
        while j < m - 1 && !(sum > u) {
          j += 1
          sum += row[j]
        }
        return j
      }
    }
    return Tensor(shape: s.shape.dropLast(), storage: choices)
  }
}
