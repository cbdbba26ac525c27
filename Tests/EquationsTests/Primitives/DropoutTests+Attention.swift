import Equations
import ErrorBounds
import Notation
import Specification
import TestSupport
import Testing

/// What attention with dropout computes; its weights are those before dropout.
private struct Dropped: Sendable {
  var weights: Tensor<Double>
  var droppedWeights: Tensor<Double>
  var output: Tensor<Double>
}

private typealias DroppingAttention = @Sendable (AttentionCase, Dropout) -> Dropped

private let correct: DroppingAttention = { input, drop in
  let steps = scaledDotProductAttentionSteps(
    queries: input.q, keys: input.k, values: input.v, mask: input.mask, fill: input.fill,
    scale: input.scale, dropout: drop)
  return Dropped(
    weights: steps.weights, droppedWeights: dropout(steps.weights, drop), output: steps.output)
}

@Suite("Attention with dropout")
struct AttentionDropoutTests {
  @Test("attention with dropout agrees with the golden vectors", arguments: try vectors)
  func golden(_ vector: GoldenCase) throws { try compare(correct, with: vector) }

  @Test("attention with dropout in Float agrees with the golden vectors", arguments: try vectors)
  func goldenInFloat(_ vector: GoldenCase) throws {
    let (input, drop) = (try attentionCase(vector), vector.dropout)
    let steps = scaledDotProductAttentionSteps(
      queries: input.q.converted(to: Float.self), keys: input.k.converted(),
      values: input.v.converted(), mask: input.mask.converted(), fill: input.fill,
      scale: input.scale, dropout: drop)
    try vector.check(
      [
        "weights": steps.weights.converted(),
        "droppedWeights": dropout(steps.weights, drop).converted(),
        "output": steps.output.converted(),
      ], unit: 0x1p-24)
  }

  @Test("the laws of attention with dropout hold", arguments: laws)
  fileprivate func law(_ law: Law<DroppingAttention>) throws { try law.hold(for: correct) }

  @Test("every wrong attention with dropout is rejected", arguments: wrongVersions)
  fileprivate func wrong(_ version: WrongVersion<DroppingAttention>) throws {
    version.expectRejection(by: try vectors, comparedBy: compare, and: laws)
  }

  @Test("rows of dropped weights no longer sum to 1, but do so in the mean")
  func rowSums() {
    // Ten weights of 1/10 at p = 1/10 sum to 1 if nine are kept, which has the probability 0.9⁹.
    let (rows, m, p) = (20_000, 10, 0.1)
    let weights = dropout(
      Tensor(shape: [rows, m], repeating: 1 / Double(m)), Dropout(probability: p, seed: 3))
    let sums = (0..<rows).map { weights.slice($0).storage.reduce(0, +) }
    let bound = deviation(of: rows, failing: 1e-9) / Double(rows)
    let mean = sums.reduce(0, +) / Double(rows)
    #expect(abs(mean - 1) <= bound / (1 - p))
    // A weight is rounded four times at most, and eight sums of nine: any other count is off by 1/9.
    let share = Double(sums.count { abs($0 - 1) <= 16 * 0x1p-53 }) / Double(rows)
    #expect(abs(share - 0.387_420_489) <= bound)
  }
}

private var vectors: [GoldenCase] {
  get throws { try GoldenCase.all(of: "attentionWithDropout") }
}

private func compare(_ attention: DroppingAttention, with vector: GoldenCase) throws {
  let result = attention(try attentionCase(vector), vector.dropout)
  try vector.check([
    "weights": result.weights, "droppedWeights": result.droppedWeights, "output": result.output,
  ])
}

// MARK: - Laws

private let laws: [Law<DroppingAttention>] = [
  Law("the weights before dropout are those of evaluation") { attention, draw in
    let input = draw.attention()
    try ErrorGauge(
      got: attention(input, draw.dropout()).weights, expected: equation(input).weights,
      bound: bounds(input).weights.map { 2 * $0 })
  },
  Law("attention with dropout sums the values by the weights that are left") { attention, draw in
    let (input, drop) = (draw.attention(), draw.dropout())
    let result = attention(input, drop)
    let left = droppedByHand(equation(input).weights.tracked, drop)
    let output = matrixProduct(left, input.v.tracked)
    // The weights begin with the error that attention allows them, which dropout divides by 1 − p.
    let error = bounds(input).weights.map { 2 * $0 / (1 - drop.probability) }
    let reached = matrixProduct(error, input.v.map { abs($0) })
    try ErrorGauge(
      got: result.droppedWeights, expected: left.map(\.value), bound: error + left.bounds)
    try ErrorGauge(
      got: result.output, expected: output.map(\.value),
      bound: reached + output.bounds.map { 2 * $0 })
  },
]

extension Draw {
  fileprivate func attention() -> AttentionCase {
    let leading = [integer("b", in: 1...2), integer("h", in: 1...2)]
    let (n, m) = (size("n", from: 1, upTo: 4), size("m", from: 1, upTo: 7))
    let (dk, dv) = (size("dk", from: 1, upTo: 4), size("dv", from: 1, upTo: 4))
    var input = AttentionCase(
      q: tensor("q", leading + [n, dk], .ordinary).converted(),
      k: tensor("k", leading + [m, dk], .ordinary).converted(),
      v: tensor("v", leading + [m, dv], .ordinary).converted())
    input.mask = mask(leading: leading, rows: n, columns: m).mask.converted()
    return input
  }
}

// MARK: - Wrong versions

private let wrongVersions: [WrongVersion<DroppingAttention>] = [
  WrongVersion("nothing is dropped") { input, _ in correct(input, .none) },
  wrong("what is kept of the weights is not scaled up") { weights, input, drop in
    dropout(weights, drop).map { $0 * (1 - drop.probability) }
  },
  wrong("the weights that are left are made to sum to 1") { weights, input, drop in
    var rows = dropout(weights, drop).rows
    for i in 0..<rows.shape[0] {
      let sum = rows.slice(i).storage.reduce(0, +)
      for j in 0..<rows.shape[1] where sum > 0 { rows[i, j] /= sum }
    }
    return rows.reshaped(weights.shape)
  },
  wrong("every head drops the same") { weights, input, drop in
    let size = input.shape.n * input.shape.m
    return dropped(weights, drop) { $0 % size }
  },
  wrong("every query drops the same keys") { weights, input, drop in
    dropped(weights, drop) { $0 % input.shape.m }
  },
  wrong("whole queries are dropped") { weights, input, drop in
    dropped(weights, drop) { $0 / input.shape.m }
  },
  wrong("the weights are dropped key by key") { weights, input, drop in
    dropout(weights.transposed, drop).transposed
  },
  wrong("hidden keys use up no words") { weights, input, drop in
    let visible = visibleKeys(input.mask, fill: input.fill, shape: input.shape.scores).storage
    var (words, next) = ([Int](), 0)
    for isVisible in visible {
      words.append(next)
      next += isVisible ? 1 : 0
    }
    return dropped(weights, drop) { words[$0] }
  },
  wrong("the scores are dropped before the softmax") { weights, input, drop in
    softmax(dropout(equation(input).maskedScores, drop)).map { $0.isNaN ? 0 : $0 }
  },
  WrongVersion("the output is dropped") { input, drop in
    var result = correct(input, .none)
    result.output = dropout(result.output, drop)
    return result
  },
  WrongVersion("the values are dropped") { input, drop in
    var input = input
    input.v = dropout(input.v, drop)
    return correct(input, .none)
  },
  WrongVersion("the weights are those after dropout") { input, drop in
    var result = correct(input, drop)
    result.weights = result.droppedWeights
    return result
  },
]

/// Attention with something else made of its weights.
private func wrong(
  _ name: String,
  _ dropped:
    @escaping @Sendable (_ weights: Tensor<Double>, AttentionCase, Dropout) -> Tensor<Double>
) -> WrongVersion<DroppingAttention> {
  WrongVersion(name) { input, drop in
    if drop.probability == 0 { return correct(input, drop) }
    var result = correct(input, drop)
    result.droppedWeights = dropped(result.weights, input, drop)
    result.output = matrixProduct(result.droppedWeights, input.v)
    return result
  }
}

/// Weights of which each is dropped by the word of another.
private func dropped(
  _ weights: Tensor<Double>, _ drop: Dropout, _ word: (Int) -> Int
) -> Tensor<Double> {
  Tensor(
    shape: weights.shape,
    storage: weights.storage.indices.map {
      drop.keeps(word($0)) ? weights.storage[$0] / (1 - drop.probability) : 0
    })
}
