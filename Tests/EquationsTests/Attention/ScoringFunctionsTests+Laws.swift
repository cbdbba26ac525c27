import Equations
import ErrorBounds
import Foundation
import Notation
import TestSupport

// MARK: - Scores

let scoreLaws: [Law<Scores>] = [
  Law("every pair of query and key is scored by the definition") { scores, draw in
    let input = draw.scored()
    let tracked = input.converted(to: RunningError.self)
    let (n, m) = (input.q.shape[1], input.k.shape[1])
    let byPair = (0..<input.q.shape[0]).flatMap { g in
      (0..<n).flatMap { i in
        (0..<m).map { j in
          asDefined(
            tracked.k.slice(g).slice(j).storage, tracked.q.slice(g).slice(i).storage,
            tracked.function)
        }
      }
    }
    let expected = Tensor(shape: [input.q.shape[0], n, m], storage: byPair)
    try ErrorGauge(
      got: scores(input.q, input.k, input.function), expected: expected.map(\.value),
      bound: expected.bounds + input.scoreBounds)
  },
  Law("the scaled dot product is the dot product by √dk") { scores, draw in
    let input = draw.scored(by: ["scaledDot"])
    let root = Double(max(input.k.shape[2], 1)).squareRoot()
    try ErrorGauge(
      got: scores(input.q, input.k, .scaledDot).map { $0 * root },
      expected: scores(input.q, input.k, .dot),
      bound: input.with(.scaledDot).scoreBounds.map { $0 * root + 0x1p-40 }
        + input.with(.dot).scoreBounds)
  },
  Law("bilinear with the identity is the dot product") { scores, draw in
    let input = draw.scored(by: ["dot"])
    let d = input.k.shape[2]
    let identity = Tensor(
      shape: [d, d], storage: (0..<d * d).map { $0 / d == $0 % d ? 1.0 : 0 })
    try ErrorGauge(
      got: scores(input.q, input.k, .bilinear(identity)), expected: scores(input.q, input.k, .dot),
      bound: input.with(.bilinear(identity)).scoreBounds + input.with(.dot).scoreBounds)
  },
  Law("queries and keys change places if the weight is transposed") { scores, draw in
    let input = draw.scored(by: ["bilinear"])
    guard case .bilinear(let w) = input.function else { return }
    let turned = Scored(q: input.k, k: input.q, function: .bilinear(w.transposed))
    try ErrorGauge(
      got: scores(turned.q, turned.k, turned.function).transposed,
      expected: scores(input.q, input.k, input.function),
      bound: turned.scoreBounds.transposed + input.scoreBounds)
  },
  Law("concat with the weight [U W] is additive") { scores, draw in
    let input = draw.scored(by: ["additive"])
    guard case .additive(let score) = input.function else { return }
    let both = Tensor(
      shape: [score.vector.count, score.query.shape[1] + score.key.shape[1]],
      storage: (0..<score.vector.count).flatMap {
        score.query.slice($0).storage + score.key.slice($0).storage
      })
    let concat = ScoringFunction.concat(weight: both, vector: score.vector)
    try ErrorGauge(
      got: scores(input.q, input.k, concat), expected: scores(input.q, input.k, input.function),
      bound: input.with(concat).scoreBounds + input.scoreBounds)
  },
]

/// The definition of one score.
private func asDefined<S: Scalar>(_ k: [S], _ q: [S], _ function: ScoringFunction<S>) -> S {
  func dot(_ a: [S], _ b: [S]) -> S { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
  switch function {
  case .dot: return dot(k, q)
  case .scaledDot: return k.isEmpty ? 0 : dot(k, q) / S.sqrt(S(Double(k.count)))
  case .bilinear(let w):
    return k.indices.reduce(0) { sum, a in
      q.indices.reduce(sum) { $0 + k[a] * w[a, $1] * q[$1] }
    }
  case .additive(let score):
    return (0..<score.vector.count).reduce(0) { sum, a in
      let inner = dot(score.key.slice(a).storage, k) + dot(score.query.slice(a).storage, q)
      return sum + score.vector[a] * S.tanh(inner)
    }
  case .concat(let w, let v):
    return (0..<v.count).reduce(0) { $0 + v[$1] * S.tanh(dot(w.slice($1).storage, q + k)) }
  }
}

// MARK: - Key–value attention

let scoredAttentionLaws: [Law<ScoredAttention>] = [
  Law("the weights are the softmax of the scores") { attention, draw in
    let (input, v) = draw.scoredWithValues()
    let steps = attention(input.q, input.k, v, input.function)
    try ErrorGauge(
      got: steps.scores, expected: correctScores(input.q, input.k, input.function),
      bound: input.scoreBounds.map { 2 * $0 })
    let weights = softmax(steps.scores.tracked)
    try ErrorGauge(
      got: steps.weights, expected: weights.map(\.value), bound: weights.bounds.map { 2 * $0 })
  },
  Law("what a query gets is the sum of the values by its weights") { attention, draw in
    let (input, v) = draw.scoredWithValues()
    let steps = attention(input.q, input.k, v, input.function)
    let output = matrixProduct(steps.weights.tracked, v.tracked)
    try ErrorGauge(
      got: steps.output, expected: output.map(\.value), bound: output.bounds.map { 2 * $0 })
  },
  Law("key–value attention to keys that are the values is soft attention") { attention, draw in
    let input = draw.scored()
    let bound = input.attentionBounds(input.k)
    try ErrorGauge(
      got: attention(input.q, input.k, input.k, input.function).output,
      expected: softAttention(queries: input.q, inputs: input.k, by: input.function).output,
      bound: bound.map { 2 * $0 })
  },
  Law("scored by scaledDot it is scaled dot-product attention") { attention, draw in
    let (input, v) = draw.scoredWithValues(by: ["scaledDot"])
    let plain = AttentionCase(q: input.q, k: input.k, v: v)
    try ErrorGauge(
      got: attention(input.q, input.k, v, .scaledDot).output, expected: equation(plain).output,
      bound: input.attentionBounds(v) + bounds(plain).output)
  },
]

// MARK: - Hard attention

let hardAttentionLaws: [Law<HardAttention>] = [
  Law("hard attention takes the first input with the largest score, whole") { hard, draw in
    // Small integers: scores are exact, and often equal.
    let shape = (g: draw.integer("g", in: 1...2), d: draw.size("d", upTo: 3))
    let n = draw.size("n", upTo: 4)
    let q = draw.integerTensor("q", [shape.g, n, shape.d], magnitude: 2)
      .converted(to: Double.self)
    let m = draw.size("m", from: 1, upTo: 6)
    let x = draw.integerTensor("x", [shape.g, m, shape.d], magnitude: 2)
      .converted(to: Double.self)
    let got = hard(q, x, .dot, .largest)
    try expect(got.choices.shape == [shape.g, n], "the choices are \(got.choices.shape)")
    for g in 0..<shape.g {
      for i in 0..<n {
        let scores = (0..<m).map { j in
          (0..<shape.d).reduce(0) { $0 + q[g, i, $1] * x[g, j, $1] }
        }
        let best = scores.firstIndex(of: scores.max()!)!
        try expect(got.choices[g, i] == best, "query \(i) of \(g) takes \(got.choices[g, i])")
        try expect(
          got.output.slice(g).slice(i) == x.slice(g).slice(best), "it does not get input \(best)")
      }
    }
  },
  Law("hard attention is the limit of soft attention") { hard, draw in
    let input = draw.scored(by: ["dot"], from: 1)
    let sharp = softAttention(queries: input.q.map { $0 * 0x1p30 }, inputs: input.k, by: .dot)
    let got = hard(input.q, input.k, .dot, .largest)
    for g in 0..<input.q.shape[0] {
      for i in 0..<input.q.shape[1] {
        // A gap of 2¹⁰ leaves e^−1024 for the others: nothing, in Double.
        let row = sharp.scores.slice(g).slice(i).storage
        let isClear = row.count { $0 > row.max()! - 0x1p10 } == 1
        draw.cover("one input is clearly the best", isClear, atLeast: 0.3)
        guard isClear else { continue }
        try expect(
          sharp.output.slice(g).slice(i) == got.output.slice(g).slice(i),
          "query \(i) of \(g) gets another input")
      }
    }
  },
  Law("the first score of NaN is chosen, else the first of +∞, and drawn is the last") {
    hard, draw in
    let m = draw.size("m", from: 1, upTo: 6)
    let specials: [Double] = [.nan, .infinity, -.infinity]
    let x = (0..<m).map { _ in
      let kind = draw.integer("kind", in: 0...5)
      return kind < 3 ? Double(kind) : specials[kind - 3]
    }
    let best = x.firstIndex { $0.isNaN } ?? x.firstIndex(of: x.max()!)!
    let inputs = Tensor(shape: [m, 1], storage: x)
    let got = hard([[1]], inputs, .dot, .largest).choices.storage
    try expect(got == [best], "\(got) is chosen of \(x)")
    guard softmax(inputs.reshaped([m]))[0].isNaN else { return }
    let drawn = hard([[1]], inputs, .dot, .sampled(seed: 1)).choices.storage
    try expect(drawn == [m - 1], "\(drawn) is drawn of \(x), though no sum exceeds anything")
  },
  Law("a draw takes the first input at which the weights exceed the query's number") {
    hard, draw in
    let input = draw.scored(from: 1)
    let (n, m) = (input.q.shape[1], input.k.shape[1])
    let seed = UInt64(draw.integer("seed", in: 0...1000))
    let got = hard(input.q, input.k, input.function, .sampled(seed: seed))
    let weights = softmax(
      scores(
        queries: input.q.tracked, keys: input.k.tracked,
        by: input.function.converted(to: RunningError.self))
    ).rows
    for (i, u) in uniform(input.q.shape[0] * n, seed).enumerated() {
      let j = got.choices.storage[i]
      let sums = (0..<m).map { last in (0...last).reduce(RunningError(0)) { $0 + weights[i, $1] } }
      let isReached = j == m - 1 || sums[j].value + 2 * sums[j].bound > u
      let wasNot = j == 0 || sums[j - 1].value - 2 * sums[j - 1].bound <= u
      try expect(isReached && wasNot, "query \(i) with \(u) takes \(j) of \(sums.map(\.value))")
      let (g, row) = (i / n, i % n)
      try expect(
        got.output.slice(g).slice(row) == input.k.slice(g).slice(j), "it does not get input \(j)")
    }
  },
  Law("a draw takes inputs as often as their weights say", cases: 20) { hard, draw in
    let (m, count) = (draw.size("m", from: 2, upTo: 4), 1000)
    let x = draw.tensor("x", [m, 1], .ordinary).converted(to: Double.self).map { $0 / 8 }
    let seed = UInt64(draw.integer("seed", in: 0...1000))
    let q = Tensor(shape: [count, 1], repeating: 1.0)
    let choices = hard(q, x, .dot, .sampled(seed: seed)).choices
    let weights = softmax(x.reshaped([m]))
    for j in 0..<m {
      let taken = Double(choices.storage.count { $0 == j })
      try expect(
        abs(taken - Double(count) * weights[j]) <= deviation(of: count, failing: 1e-9),
        "input \(j) of weight \(weights[j]) is taken \(taken) times")
    }
  },
  Law("a sum of weights that is the query's number itself does not exceed it") { hard, draw in
    // Word 0 of this seed gives 1/2, the sum of half of the weights.
    let m = draw.element("m", of: [2, 4, 8])
    let x = Tensor(shape: [m, 1], storage: (0..<m).map { Double($0) })
    let choices = hard([[0]], x, .dot, .sampled(seed: 26_849_042)).choices
    try expect(choices.storage == [m / 2], "\(choices.storage) is taken")
  },
]

// MARK: - Inputs

/// Queries, keys, and what scores them.
struct Scored<S: Scalar>: Sendable {
  var q: Tensor<S>
  var k: Tensor<S>
  var function: ScoringFunction<S>

  func converted<T: Scalar>(to type: T.Type = T.self) -> Scored<T> {
    Scored<T>(q: q.converted(), k: k.converted(), function: function.converted())
  }

  func with(_ function: ScoringFunction<S>) -> Scored { Scored(q: q, k: k, function: function) }
}

extension Scored<Double> {
  /// How far the equation's scores may be from the exact ones.
  fileprivate var scoreBounds: Tensor<Double> {
    let tracked = converted(to: RunningError.self)
    return scores(queries: tracked.q, keys: tracked.k, by: tracked.function).bounds
  }

  /// How far the equation's output may be from the exact one.
  fileprivate func attentionBounds(_ v: Tensor<Double>) -> Tensor<Double> {
    let tracked = converted(to: RunningError.self)
    return keyValueAttention(
      queries: tracked.q, keys: tracked.k, values: v.tracked, by: tracked.function
    ).output.bounds
  }
}

extension Draw {
  /// Numbers in −1 … 1, for which tanh is no constant.
  private func small(_ name: String, _ shape: [Int]) -> Tensor<Double> {
    tensor(name, shape, .ordinary).converted().map { $0 / 8 }
  }

  fileprivate func scored(
    by names: [String] = ["dot", "scaledDot", "bilinear", "additive", "concat"], from least: Int = 0
  ) -> Scored<Double> {
    let name = element("function", of: names)
    let (g, n, m) = (
      integer("g", in: 1...2), size("n", from: least, upTo: 4), size("m", from: least, upTo: 5)
    )
    let dk = size("dk", upTo: 4)
    let isSquare = name == "dot" || name == "scaledDot" || bool("square")
    let (dq, da) = (isSquare ? dk : size("dq", upTo: 4), isSquare ? dk : size("da", upTo: 5))
    let function: ScoringFunction<Double> =
      switch name {
      case "dot": .dot
      case "scaledDot": .scaledDot
      case "bilinear": .bilinear(small("W", [dk, dq]))
      case "additive":
        .additive(
          AdditiveScore(
            key: small("W", [da, dk]), query: small("U", [da, dq]), vector: small("v", [da])))
      default: .concat(weight: small("W", [da, dq + dk]), vector: small("v", [da]))
      }
    return Scored(q: small("q", [g, n, dq]), k: small("k", [g, m, dk]), function: function)
  }

  fileprivate func scoredWithValues(
    by names: [String] = ["dot", "scaledDot", "bilinear", "additive", "concat"]
  ) -> (Scored<Double>, v: Tensor<Double>) {
    let input = scored(by: names)
    let dv = bool("values as wide as keys") ? input.k.shape[2] : size("dv", upTo: 4)
    return (input, small("v", [input.k.shape[0], input.k.shape[1], dv]))
  }
}
