import Equations
import Foundation
import Notation
import TestSupport

let wrongScores: [WrongVersion<Scores>] = [
  wrong("not divided by √dk") { if case .scaledDot = $0.function { $0.function = .dot } },
  wrong("divided by √dk where it is not meant to be") {
    if case .dot = $0.function { $0.function = .scaledDot }
  },
  WrongVersion("divided by dk, not by its root") { q, k, function in
    let s = correctScores(q, k, function)
    guard case .scaledDot = function, k.shape.last! > 0 else { return s }
    return s.map { $0 / Double(k.shape.last!).squareRoot() }
  },
  wrong("the bilinear weight is transposed where it is square") { input in
    if case .bilinear(let w) = input.function, w.shape[0] == w.shape[1] {
      input.function = .bilinear(w.transposed)
    }
  },
  wrong("the bilinear weight is forgotten where it is square") { input in
    if case .bilinear(let w) = input.function, w.shape[0] == w.shape[1] { input.function = .dot }
  },
  wrong("the key stands first in concat where the widths are equal") { input in
    guard case .concat(let w, let v) = input.function, input.q.shape.last! == input.k.shape.last!
    else { return }
    let width = input.q.shape.last!
    let turned = (0..<v.count).flatMap { a in
      let row = w.slice(a).storage
      return row[width...] + row[..<width]
    }
    input.function = .concat(weight: Tensor(shape: w.shape, storage: turned), vector: v)
  },
  wrong("the two additive weights are exchanged where they are alike") { input in
    if case .additive(let score) = input.function, score.key.shape == score.query.shape {
      input.function = .additive(
        AdditiveScore(key: score.query, query: score.key, vector: score.vector))
    }
  },
  wrong("the query takes no part in an additive score") { input in
    if case .additive(let score) = input.function {
      input.function = .additive(
        AdditiveScore(
          key: score.key, query: score.query.map { _ in 0 }, vector: score.vector))
    }
  },
  wrong("the vector v is forgotten") { input in
    switch input.function {
    case .additive(let score):
      input.function = .additive(
        AdditiveScore(key: score.key, query: score.query, vector: score.vector.map { _ in 1 }))
    case .concat(let w, let v):
      input.function = .concat(weight: w, vector: v.map { _ in 1 })
    default: break
    }
  },
  wrongHidden("no tanh", ofSum: { $0 }) { $0 },
  wrongHidden("a sigmoid for tanh", ofSum: { $0 }) { 1 / (1 + exp(-$0)) },
  wrongHidden("ReLU for tanh", ofSum: { $0 }) { max($0, 0) },
  wrongHidden("tanh of the score, too", ofSum: { tanh($0) }) { tanh($0) },
  wrongHidden("tanh of the score only", ofSum: { tanh($0) }) { $0 },
  WrongVersion("queries and keys exchanged where they are alike") { q, k, function in
    q.shape == k.shape ? correctScores(k, q, function) : correctScores(q, k, function)
  },
  WrongVersion("keys are rows of the scores where they are as many as queries") { q, k, function in
    let s = correctScores(q, k, function)
    return q.shape[q.rank - 2] == k.shape[k.rank - 2] ? s.transposed : s
  },
  WrongVersion("the first of the stack scores all") { q, k, function in
    guard q.rank == 3, q.shape[0] > 1 else { return correctScores(q, k, function) }
    let first = Tensor(
      shape: k.shape, storage: (0..<k.shape[0]).flatMap { _ in k.slice(0).storage })
    return correctScores(q, first, function)
  },
]

private func wrong(
  _ name: String, _ change: @escaping @Sendable (inout Scored<Double>) -> Void
) -> WrongVersion<Scores> {
  WrongVersion(name) { q, k, function in
    var input = Scored(q: q, k: k, function: function)
    change(&input)
    return correctScores(input.q, input.k, input.function)
  }
}

/// Additive scores with other functions for tanh, and of the whole sum.
private func wrongHidden(
  _ name: String, ofSum outer: @escaping @Sendable (Double) -> Double,
  _ inner: @escaping @Sendable (Double) -> Double
) -> WrongVersion<Scores> {
  WrongVersion(name) { q, k, function in
    guard case .additive(let score) = function else { return correctScores(q, k, function) }
    let (queries, keys) = (
      affineMap(q, AffineMap(weight: score.query)).matrices,
      affineMap(k, AffineMap(weight: score.key)).matrices
    )
    var s = correctScores(q, k, function).matrices
    for g in 0..<s.shape[0] {
      for i in 0..<s.shape[1] {
        for j in 0..<s.shape[2] {
          s[g, i, j] = outer(
            (0..<score.vector.count).reduce(0) {
              $0 + score.vector[$1] * inner(queries[g, i, $1] + keys[g, j, $1])
            })
        }
      }
    }
    return s.reshaped(q.leadingShape + s.shape.suffix(2))
  }
}

// MARK: - Key–value attention

let wrongScoredAttentions: [WrongVersion<ScoredAttention>] = [
  wrongWeights("softmax over the queries") { softmax($0.transposed).transposed },
  wrongWeights("scores stand for weights") { $0 },
  wrongWeights("softmax without its shift, in Float") { s in
    let e = s.rows.map { exp(Float($0)) }
    let sums = (0..<e.shape[0]).map { e.slice($0).storage.reduce(0, +) }
    return Tensor(
      shape: s.shape,
      storage: e.storage.indices.map { Double(e.storage[$0] / sums[$0 / e.shape[1]]) })
  },
  wrongWeights("exponentials that are not divided by their sum") { $0.map { exp($0) } },
  wrongWeights("every input has the same weight") { s in softmax(s.map { _ in 0 }) },
  wrongWeights("the scores are halved before the softmax") { s in softmax(s.map { $0 / 2 }) },
  wrongWeights("softmin") { s in softmax(s.map { -$0 }) },
  WrongVersion("keys and values exchanged where they are alike") { q, k, v, function in
    k.shape == v.shape
      ? correctAttention(q, v, k, function) : correctAttention(q, k, v, function)
  },
  WrongVersion("the keys are summed where they are as wide as the values") { q, k, v, function in
    correctAttention(q, k, k.shape == v.shape ? k : v, function)
  },
]

/// Attention with something else made of its scores.
private func wrongWeights(
  _ name: String, _ weights: @escaping @Sendable (Tensor<Double>) -> Tensor<Double>
) -> WrongVersion<ScoredAttention> {
  WrongVersion(name) { q, k, v, function in
    var steps = correctAttention(q, k, v, function)
    steps.weights = weights(steps.scores)
    steps.output = matrixProduct(steps.weights, v)
    return steps
  }
}

// MARK: - Hard attention

let wrongHardAttentions: [WrongVersion<HardAttention>] = [
  wrongLargest("the last among equals") { s in
    s.lastIndex { x in !s.contains { $0 > x } } ?? 0
  },
  wrongLargest("the smallest score") { s in s.firstIndex(of: s.min()!) ?? 0 },
  wrongLargest("the largest size") { s in
    let sizes = s.map { abs($0) }
    return sizes.firstIndex(of: sizes.max()!) ?? 0
  },
  wrongLargest("NaN loses against numbers") { s in
    s.firstIndex(of: s.filter { !$0.isNaN }.max() ?? 0) ?? 0
  },
  wrongLargest("the largest weight, of weights that are NaN") { s in
    argmax(softmax(Tensor(shape: [s.count], storage: s))).storage[0]
  },
  wrongLargest("the input after the best") { s in
    (argmax(Tensor(shape: [s.count], storage: s)).storage[0] + 1) % s.count
  },
  WrongVersion("the soft output") { q, x, function, choice in
    var chosen = correctHardAttention(q, x, function, choice)
    chosen.output = softAttention(queries: q, inputs: x, by: function).output
    return chosen
  },
  WrongVersion("the largest where one is to be drawn") { q, x, function, _ in
    correctHardAttention(q, x, function, .largest)
  },
  WrongVersion("one drawn where the largest is meant") { q, x, function, choice in
    correctHardAttention(q, x, function, choice == .largest ? .sampled(seed: 0) : choice)
  },
  WrongVersion("drawn by the words of the next seed") { q, x, function, choice in
    guard case .sampled(let seed) = choice else {
      return correctHardAttention(q, x, function, choice)
    }
    return correctHardAttention(q, x, function, .sampled(seed: seed + 1))
  },
  wrongDraw("all inputs are equally likely") { weights, i, n, seed in
    min(Int(SplitMix64.uniform(i, seed: seed) * Double(weights.count)), weights.count - 1)
  },
  wrongDraw("every query takes the first word") { weights, i, n, seed in
    first(weights, above: SplitMix64.uniform(0, seed: seed))
  },
  wrongDraw("the words begin anew with every group") { weights, i, n, seed in
    first(weights, above: SplitMix64.uniform(i % n, seed: seed))
  },
  wrongDraw("the words begin with the second") { weights, i, n, seed in
    first(weights, above: SplitMix64.uniform(i + 1, seed: seed))
  },
  wrongDraw("the weights are added up from the last") { weights, i, n, seed in
    weights.count - 1 - first(weights.reversed(), above: SplitMix64.uniform(i, seed: seed))
  },
  wrongDraw("the last input that does not exceed") { weights, i, n, seed in
    max(first(weights, above: SplitMix64.uniform(i, seed: seed)) - 1, 0)
  },
  wrongDraw("the lower bits of the words") { weights, i, n, seed in
    first(weights, above: Double(SplitMix64.word(i, seed: seed) & 0xFF_FFFF) * 0x1p-24)
  },
  wrongDraw("NaN draws the first input") { weights, i, n, seed in
    weights[0].isNaN ? 0 : first(weights, above: SplitMix64.uniform(i, seed: seed))
  },
  wrongDraw("a sum that is the number itself exceeds it") { weights, i, n, seed in
    first(weights, above: SplitMix64.uniform(i, seed: seed).nextDown)
  },
]

/// The first index up to which the weights sum to more than a number, or else the last.
private func first(_ weights: [Double], above u: Double) -> Int {
  weights.indices.first { weights[...$0].reduce(0, +) > u } ?? weights.count - 1
}

/// Hard attention that takes another input than the one with the largest score.
private func wrongLargest(
  _ name: String, _ choose: @escaping @Sendable (_ scores: [Double]) -> Int
) -> WrongVersion<HardAttention> {
  WrongVersion(name) { q, x, function, choice in
    guard choice == .largest else { return correctHardAttention(q, x, function, choice) }
    return taken(q, x, function) { scores, _ in choose(scores) }
  }
}

/// Hard attention that draws another input; query i stands among n of its group.
private func wrongDraw(
  _ name: String,
  _ choose:
    @escaping @Sendable (_ weights: [Double], _ i: Int, _ n: Int, _ seed: UInt64) -> Int
) -> WrongVersion<HardAttention> {
  WrongVersion(name) { q, x, function, choice in
    guard case .sampled(let seed) = choice else {
      return correctHardAttention(q, x, function, choice)
    }
    return taken(q, x, function) { scores, i in
      let weights = softmax(Tensor(shape: [scores.count], storage: scores))
      return choose(weights.storage, i, q.shape[q.rank - 2], seed)
    }
  }
}

/// The inputs that are chosen by the scores and the number of a query.
private func taken(
  _ q: Tensor<Double>, _ x: Tensor<Double>, _ function: ScoringFunction<Double>,
  _ choose: ([Double], Int) -> Int
) -> Chosen {
  let rows = correctScores(q, x, function).rows
  let (n, inputs) = (q.shape[q.rank - 2], x.matrices)
  let choices = (0..<rows.shape[0]).map { choose(rows.slice($0).storage, $0) }
  return Chosen(
    choices: Tensor(shape: Array(q.shape.dropLast()), storage: choices),
    output: Tensor(
      shape: q.shape.dropLast() + x.shape.suffix(1),
      storage: choices.enumerated().flatMap { i, j in inputs.slice(i / n).slice(j).storage }))
}
