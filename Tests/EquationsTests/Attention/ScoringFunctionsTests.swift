import Equations
import ErrorBounds
import Notation
import Specification
import TestSupport
import Testing

typealias Scores =
  @Sendable (_ q: Tensor<Double>, _ k: Tensor<Double>, ScoringFunction<Double>) -> Tensor<Double>

/// Key–value attention, and soft attention where the values are the keys.
typealias ScoredAttention =
  @Sendable (
    _ q: Tensor<Double>, _ k: Tensor<Double>, _ v: Tensor<Double>, ScoringFunction<Double>
  ) -> AttentionSteps<Double>

/// What hard attention chooses, by number and itself.
struct Chosen: Sendable, Equatable {
  var choices: Tensor<Int>
  var output: Tensor<Double>
}

typealias HardAttention =
  @Sendable (_ q: Tensor<Double>, _ x: Tensor<Double>, ScoringFunction<Double>, HardChoice)
  -> Chosen

let correctScores: Scores = { scores(queries: $0, keys: $1, by: $2) }

let correctAttention: ScoredAttention = {
  keyValueAttention(queries: $0, keys: $1, values: $2, by: $3)
}

let correctHardAttention: HardAttention = { q, x, function, choice in
  Chosen(
    choices: hardChoices(scores(queries: q, keys: x, by: function), choice),
    output: hardAttention(queries: q, inputs: x, by: function, choosing: choice))
}

@Suite("Scoring functions")
struct ScoringFunctionsTests {
  @Test("scores agree with the golden vectors", arguments: try scoreVectors)
  func golden(_ vector: GoldenCase) throws { try compareScores(correctScores, with: vector) }

  @Test("key–value attention agrees with the golden vectors", arguments: try weightedVectors)
  func goldenAttention(_ vector: GoldenCase) throws {
    try compareAttention(correctAttention, with: vector)
  }

  @Test("soft attention agrees with the golden vectors", arguments: try softVectors)
  func goldenSoft(_ vector: GoldenCase) throws {
    let soft: ScoredAttention = { q, x, _, function in
      softAttention(queries: q, inputs: x, by: function)
    }
    try compareAttention(soft, with: vector)
  }

  @Test("hard attention agrees with the golden vectors", arguments: try hardVectors)
  func goldenHard(_ vector: GoldenCase) throws {
    try compareHard(correctHardAttention, with: vector)
    try vector.check([
      "weights": softmax(correctScores(try vector.queries, try vector.keys, try vector.scoring)),
      "output": try vector.expected("output")!,
    ])
  }

  @Test("scores in Float agree with the golden vectors", arguments: try scoreVectors)
  func goldenInFloat(_ vector: GoldenCase) throws {
    try vector.check(
      ["output": try floatScores(of: vector).converted()], unit: 0x1p-24)
  }

  @Test("attention in Float agrees with the golden vectors", arguments: try weightedVectors)
  func goldenAttentionInFloat(_ vector: GoldenCase) throws {
    let steps = keyValueAttention(
      queries: try vector.queries.converted(to: Float.self), keys: try vector.keys.converted(),
      values: try vector.values.converted(), by: try vector.scoring.converted())
    try vector.check(
      [
        "scores": steps.scores.converted(), "weights": steps.weights.converted(),
        "output": steps.output.converted(),
      ], unit: 0x1p-24)
  }

  @Test("hard attention in Float agrees with the golden vectors", arguments: try hardVectors)
  func goldenHardInFloat(_ vector: GoldenCase) throws {
    let (q, x) = (try vector.queries.converted(to: Float.self), try vector.keys)
    let (function, choice) = (try vector.scoring.converted(to: Float.self), vector.choice)
    let scores = try floatScores(of: vector)
    #expect(hardChoices(scores, choice) == (try vector.expectedIntegers("choices")))
    let output = hardAttention(queries: q, inputs: x.converted(), by: function, choosing: choice)
    try vector.check(
      ["weights": softmax(scores).converted(), "output": output.converted()], unit: 0x1p-24)
  }

  @Test("the laws of scores hold", arguments: scoreLaws)
  func law(_ law: Law<Scores>) throws { try law.hold(for: correctScores) }

  @Test("the laws of key–value attention hold", arguments: scoredAttentionLaws)
  func attentionLaw(_ law: Law<ScoredAttention>) throws { try law.hold(for: correctAttention) }

  @Test("the laws of hard attention hold", arguments: hardAttentionLaws)
  func hardLaw(_ law: Law<HardAttention>) throws { try law.hold(for: correctHardAttention) }

  @Test("every wrong score is rejected", arguments: wrongScores)
  func wrong(_ version: WrongVersion<Scores>) throws {
    version.expectRejection(by: try scoreVectors, comparedBy: compareScores, and: scoreLaws)
  }

  @Test("every wrong key–value attention is rejected", arguments: wrongScoredAttentions)
  func wrongAttention(_ version: WrongVersion<ScoredAttention>) throws {
    version.expectRejection(
      by: try weightedVectors, comparedBy: compareAttention, and: scoredAttentionLaws)
  }

  @Test("every wrong hard attention is rejected", arguments: wrongHardAttentions)
  func wrongHard(_ version: WrongVersion<HardAttention>) throws {
    version.expectRejection(by: try hardVectors, comparedBy: compareHard, and: hardAttentionLaws)
  }

  @Test("the scoring functions differ on the same queries and keys")
  func functionsDiffer() throws {
    let vector = try #require(try scoreVectors.first { $0.id == "concat-square" })
    let (q, k) = (try vector.queries, try vector.keys)
    guard case .concat(let w, let v) = try vector.scoring else { Issue.record("no concat"); return }
    let rows = (0..<5).map { w.slice($0).storage }
    let left = Tensor(shape: [5, 5], storage: rows.flatMap { $0.prefix(5) })
    let right = Tensor(shape: [5, 5], storage: rows.flatMap { $0.suffix(5) })
    let functions: [ScoringFunction<Double>] = [
      .dot, .scaledDot, .bilinear(left), .concat(weight: w, vector: v),
      .additive(AdditiveScore(key: left, query: right, vector: v)),
    ]
    #expect(Set(functions.map { correctScores(q, k, $0) }).count == functions.count)
  }

  @Test("operands that do not fit stop the program with a sentence")
  func shapes() async {
    let rank = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = scores(queries: [1, 2], keys: [[1, 2]] as Tensor<Double>, by: .dot) }
    expectSentence("queries must be … × n × dq: got 2", from: rank)
    let leading = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = scores(queries: [[1, 2]], keys: [[[1, 2]]] as Tensor<Double>, by: .dot) }
    expectSentence(
      "keys must have the leading dimensions of queries, 1 × 2: got 1 × 1 × 2", from: leading)
    let additive = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = AdditiveScore<Double>(key: [[1, 2]], query: [[1]], vector: [1, 2]) }
    expectSentence(
      "an additive score takes da × dk, da × dq and da numbers: got 1 × 2, 1 × 1 and 2",
      from: additive)
    let concat = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let x: Tensor<Double> = [[1, 2]]
      _ = scores(queries: x, keys: x, by: .concat(weight: [[1, 2, 3]], vector: [1]))
    }
    expectSentence(
      "a score of 2 and 2 numbers together takes da × 4 and da numbers: got 1 × 3 and 1",
      from: concat)
    let hard = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let none = Tensor<Double>(shape: [0, 2], repeating: 0)
      _ = hardAttention(queries: [[1, 2]], inputs: none, by: .dot)
    }
    expectSentence("hard attention needs an input to choose: got scores of 1 × 0", from: hard)
  }
}

// MARK: - Vectors

private var scoreVectors: [GoldenCase] { get throws { try GoldenCase.all(of: "scores") } }
private var softVectors: [GoldenCase] { get throws { try GoldenCase.all(of: "softAttention") } }
private var hardVectors: [GoldenCase] { get throws { try GoldenCase.all(of: "hardAttention") } }
private var weightedVectors: [GoldenCase] {
  get throws { try softVectors + GoldenCase.all(of: "keyValueAttention") }
}

extension GoldenCase {
  fileprivate var queries: Tensor<Double> { get throws { try input("queries")! } }
  /// The keys, or the inputs that serve as keys.
  fileprivate var keys: Tensor<Double> { get throws { try input("keys") ?? input("inputs")! } }
  /// The values, or the inputs that serve as values.
  fileprivate var values: Tensor<Double> { get throws { try input("values") ?? input("inputs")! } }

  fileprivate var choice: HardChoice {
    attributes.integer("seed").map { .sampled(seed: UInt64($0)) } ?? .largest
  }
}

private func floatScores(of vector: GoldenCase) throws -> Tensor<Float> {
  scores(
    queries: try vector.queries.converted(), keys: try vector.keys.converted(),
    by: try vector.scoring.converted())
}

private func compareScores(_ scores: Scores, with vector: GoldenCase) throws {
  try vector.check(["output": scores(try vector.queries, try vector.keys, try vector.scoring)])
}

private func compareAttention(_ attention: ScoredAttention, with vector: GoldenCase) throws {
  let steps = attention(
    try vector.queries, try vector.keys, try vector.values, try vector.scoring)
  try vector.check(["scores": steps.scores, "weights": steps.weights, "output": steps.output])
}

private func compareHard(_ hard: HardAttention, with vector: GoldenCase) throws {
  let got = hard(try vector.queries, try vector.keys, try vector.scoring, vector.choice)
  let choices = try vector.expectedIntegers("choices")!
  try expect(got.choices == choices, "\(got.choices.storage), not \(choices.storage)")
  let output = try vector.expected("output")!
  try ErrorGauge(got: got.output, expected: output, bound: output.map { _ in 0 })
}
