import Equations
import ErrorBounds
import Kernels
import Notation
import Specification
import TestSupport
import Testing

@Suite("Scoring function kernels")
struct ScoringFunctionsKernelTests {
  @Test("the scores agree with the golden vectors", arguments: try GoldenCase.all(of: "scores"))
  func golden(_ vector: GoldenCase) throws {
    let (q, k) = (try vector.input("queries")!, try vector.input("keys")!)
    let function = try vector.scoring
    try ErrorGauge(
      got: fenced {
        Kernels::scores(queries: q.converted(), keys: k.converted(), by: function.float)
      },
      expected: try vector.expected("output")!,
      bound: scoresBound(queries: q.finite, keys: k.finite, by: function))
  }

  @Test(
    "key–value and soft attention agree with the golden vectors",
    arguments: try GoldenCase.all(of: "keyValueAttention") + GoldenCase.all(of: "softAttention"))
  func goldenAttention(_ vector: GoldenCase) throws {
    let q = try vector.input("queries")!
    let k = try vector.input("keys") ?? vector.input("inputs")!
    let v = try vector.input("values") ?? k
    let function = try vector.scoring
    let got = Kernels::keyValueAttention(
      queries: q.converted(), keys: k.converted(), values: v.converted(), by: function.float)
    let bounds = keyValueAttentionBounds(
      queries: q.finite, keys: k.finite, values: v.finite, by: function)
    try vector.check(
      [
        "scores": got.scores.converted(), "weights": got.weights.converted(),
        "output": got.output.converted(),
      ], unit: Float.unitRoundoff)
    try ErrorGauge(
      got: got.scores, expected: try vector.expected("scores")!, bound: bounds.scores)
    try ErrorGauge(
      got: got.weights, expected: try vector.expected("weights")!, bound: bounds.weights)
    try ErrorGauge(
      got: got.output, expected: try vector.expected("output")!, bound: bounds.output)
    if vector.function == "softAttention" {
      let soft = Kernels::softAttention(
        queries: q.converted(), inputs: k.converted(), by: function.float)
      try expectSameBits(soft.output, got.output)
    }
  }

  @Test(
    "hard attention chooses as the golden vectors do",
    arguments: try GoldenCase.all(of: "hardAttention"))
  func goldenHard(_ vector: GoldenCase) throws {
    let (q, x) = (try vector.input("queries")!, try vector.input("inputs")!)
    let choice: HardChoice =
      vector.attributes.integer("seed").map { .sampled(seed: UInt64($0)) } ?? .largest
    let got = fenced {
      Kernels::hardAttention(
        queries: q.converted(), inputs: x.converted(), by: try! vector.scoring.float,
        choosing: choice)
    }
    let output = try vector.expected("output")!
    try ErrorGauge(got: got, expected: output, bound: output.map { _ in 0 })
  }

  @Test("the scores agree with the equation, whatever shape and function")
  func agreement() throws {
    try checkProperty("scores agreement", cases: 400) { draw in
      let input = draw.scored { draw.tensor($0, $1, .ordinary) }
      try ErrorGauge(
        got: fenced { input.kernel() },
        expected: Equations::scores(
          queries: input.q.converted(), keys: input.k.converted(),
          by: input.function.converted(to: Double.self)),
        bound: scoresBound(
          queries: input.q.converted(), keys: input.k.converted(), by: input.function.converted()))
    }
  }

  @Test("key–value attention agrees with the equation, step by step")
  func attentionAgreement() throws {
    try checkProperty("key–value attention agreement", cases: 200) { draw in
      let input = draw.scored { name, shape in
        draw.tensor(name, shape, .ordinary).map { $0 / 8 }
      }
      let m = input.k.shape[1]
      let v = draw.tensor("v", [input.k.shape[0], m, draw.size("dv", upTo: 20)], .ordinary)
      let got = Kernels::keyValueAttention(
        queries: input.q, keys: input.k, values: v, by: input.function)
      let (q, k, wide) = (
        input.q.converted(to: Double.self), input.k.converted(to: Double.self),
        input.function.converted(to: Double.self)
      )
      let expected = Equations::keyValueAttention(
        queries: q, keys: k, values: v.converted(), by: wide)
      let bounds = keyValueAttentionBounds(queries: q, keys: k, values: v.converted(), by: wide)
      draw.cover(
        "the bound says something", bounds.output.storage.allSatisfy { $0 < 0.01 }, atLeast: 0.5)
      try expectSameBits(got.maskedScores, got.scores)
      try ErrorGauge(got: got.weights, expected: expected.weights, bound: bounds.weights)
      try ErrorGauge(got: got.output, expected: expected.output, bound: bounds.output)
    }
  }

  @Test("products of small integers are exact")
  func exact() throws {
    try checkProperty("scores exact", cases: 200) { draw in
      let input = draw.scored(by: ["dot", "bilinear"]) {
        draw.integerTensor($0, $1, magnitude: 8)
      }
      try expectSameBits(
        fenced { input.kernel() },
        Equations::scores(queries: input.q, keys: input.k, by: input.function))
    }
  }

  @Test("where tanh is exact, so is an additive score: 0 in every number, or far beyond 10")
  func exactSums() throws {
    for (n, m, da) in [(1, 1, 1), (3, 15, 7), (2, 16, 8), (5, 33, 40)] {
      var stream = RandomStream(seed: UInt64(m))
      func integers(_ shape: [Int], times factor: Float) -> Tensor<Float> {
        Tensor<Float>.uniform(shape, from: &stream).map { factor * (($0 * 7).rounded(.down) - 3) }
      }
      let score = AdditiveScore(
        key: integers([da, 1], times: 30), query: integers([da, 1], times: 90),
        vector: integers([da], times: 1))
      let (q, k) = (integers([n, 1], times: 1), integers([m, 1], times: 1))
      try expectSameBits(
        Kernels::scores(queries: q, keys: k, by: .additive(score)),
        Equations::scores(queries: q, keys: k, by: .additive(score)))
    }
  }

  @Test("a key of NaN reaches its own scores, and a query of NaN its own")
  func poison() throws {
    var stream = RandomStream(seed: 21)
    let clean = Scored(
      q: .normal([2, 5, 6], from: &stream), k: .normal([2, 40, 6], from: &stream),
      function: .additive(
        AdditiveScore(
          key: .normal([9, 6], from: &stream), query: .normal([9, 6], from: &stream),
          vector: .normal([9], from: &stream))))
    for function in [ScoringFunction<Float>.dot, .scaledDot, clean.function] {
      var input = clean
      input.function = function
      let s = input.kernel()
      input.k[1, 17, 3] = .nan
      input.q[0, 2, 0] = .nan
      let y = input.kernel()
      for g in 0..<2 {
        for i in 0..<5 {
          for j in 0..<40 {
            let isPoisoned = g == 1 ? j == 17 : i == 2
            #expect(
              isPoisoned ? y[g, i, j].isNaN : y[g, i, j].bitPattern == s[g, i, j].bitPattern)
          }
        }
      }
    }
  }

  @Test("one thread and more give the same bits, and so do the second queries and keys alone")
  func threads() throws {
    var stream = RandomStream(seed: 22)
    let q = Tensor<Float>.normal([2, 61, 40], from: &stream)
    let k = Tensor<Float>.normal([2, 201, 40], from: &stream)
    let additive = AdditiveScore<Float>(
      key: .normal([70, 40], from: &stream), query: .normal([70, 40], from: &stream),
      vector: .normal([70], from: &stream))
    let functions: [ScoringFunction<Float>] = [
      .scaledDot, .bilinear(.normal([40, 40], from: &stream)), .additive(additive),
      .concat(weight: .normal([70, 80], from: &stream), vector: .normal([70], from: &stream)),
    ]
    for function in functions {
      func score(_ count: Int) -> Tensor<Float> {
        Threads.$count.withValue(count) { Kernels::scores(queries: q, keys: k, by: function) }
      }
      let one = score(1)
      for count in [2, 2, 5] { try expectSameBits(score(count), one) }
      let alone = Kernels::scores(queries: q.slice(1), keys: k.slice(1), by: function)
      try expectSameBits(alone, one.slice(1))
    }
  }

  @Test("the largest and the drawn choice are those of the equation, NaN and equal scores included")
  func choices() throws {
    try checkProperty("hard choices agreement", cases: 200) { draw in
      let s = draw.tensor(
        "s", [draw.size("n", upTo: 5), draw.size("m", from: 1, upTo: 40, blocks: [32])], .any)
      try expect(
        Kernels::hardChoices(s, .largest) == Equations::hardChoices(s, .largest),
        "another is the largest")
      let seed = UInt64(draw.integer("seed", in: 0...1000))
      let (got, wide) = (
        Kernels::hardChoices(s, .sampled(seed: seed)), s.converted(to: Double.self)
      )
      let (weights, bounds) = (Equations::softmax(wide), softmaxBound(wide))
      let m = s.shape[1]
      for (i, j) in got.storage.enumerated() where weights[i, 0].isFinite {
        // What the sums of the weights up to the choice, and before it, may come to.
        func sum(_ end: Int, _ sign: Double) -> Double {
          (0..<end).reduce(0) { $0 + weights[i, $1] + sign * (bounds[i, $1] + Double(m) * 0x1p-24) }
        }
        let u = SplitMix64.uniform(i, seed: seed)
        try expect(
          sum(j, -1) <= u + 0x1p-24 && (j == m - 1 || sum(j + 1, 1) >= u - 0x1p-24),
          "\(j) for the number \(u)")
      }
    }
  }

  @Test("the kernels refuse what the equations refuse, in the same words")
  func shapes() async throws {
    let widths = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = Kernels::scores(queries: [[1, 2]], keys: [[1]], by: .dot) }
    expectSentence("a dot product needs keys as wide as queries, 1 × 2: got 1 × 1", from: widths)
    let hard = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let none = Tensor<Float>(shape: [0, 2], repeating: 0)
      _ = Kernels::hardAttention(queries: [[1, 2]], inputs: none, by: .dot)
    }
    expectSentence("hard attention needs an input to choose: got scores of 1 × 0", from: hard)
  }
}

/// Queries, keys, and what scores them.
private struct Scored {
  var q: Tensor<Float>
  var k: Tensor<Float>
  var function: ScoringFunction<Float>

  func kernel() -> Tensor<Float> { Kernels::scores(queries: q, keys: k, by: function) }
}

extension ScoringFunction<Double> {
  fileprivate var float: ScoringFunction<Float> { converted() }
}

extension Draw {
  /// Queries, keys and a scoring function, its numbers by name and shape.
  fileprivate func scored(
    by kinds: [String] = ["dot", "scaledDot", "bilinear", "additive", "concat"],
    _ tensor: (String, [Int]) -> Tensor<Float>
  ) -> Scored {
    let kind = element("function", of: kinds)
    let (g, n, m) = (
      integer("g", in: 1...2), size("n", upTo: 20), size("m", upTo: 70, blocks: [16])
    )
    let dq = size("dq", upTo: 20)
    let dk = kind == "dot" || kind == "scaledDot" ? dq : size("dk", upTo: 20)
    let (q, k) = (tensor("q", [g, n, dq]), tensor("k", [g, m, dk]))
    let da = size("da", upTo: 20)
    let function: ScoringFunction<Float> =
      switch kind {
      case "dot": .dot
      case "scaledDot": .scaledDot
      case "bilinear": .bilinear(tensor("w", [dk, dq]))
      case "additive":
        .additive(
          AdditiveScore(
            key: tensor("w", [da, dk]), query: tensor("u", [da, dq]), vector: tensor("v", [da])))
      default: .concat(weight: tensor("w", [da, dq + dk]), vector: tensor("v", [da]))
      }
    return Scored(q: q, k: k, function: function)
  }
}
