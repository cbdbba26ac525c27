import Equations
import ErrorBounds
import Notation
import Specification
import TestSupport
import Testing

/// What is given to greedy generation.
struct GenerationCase<S: Scalar>: Sendable {
  /// b × s.
  var source: Tensor<Int>
  var p: Transformer<S>
  var start: Int
  var stop: Int
  var maximumLength: Int
  var method: GenerationMethod

  func converted<T: Scalar>(to type: T.Type = T.self) -> GenerationCase<T> {
    GenerationCase<T>(
      source: source, p: p.converted(), start: start, stop: stop, maximumLength: maximumLength,
      method: method)
  }
}

typealias Generator = @Sendable (GenerationCase<Double>) -> [[Int]]
/// The likeliest token at every position of a target: b × t.
typealias Teacher = @Sendable (TransformerCase<Double>) -> Tensor<Int>
/// The scores after every token of a target, one token after the other.
typealias StepwiseScores = @Sendable (TransformerCase<Double>) -> Tensor<Double>

func generationEquation<S: Scalar>(_ input: GenerationCase<S>) -> [[Int]] {
  greedyGeneration(
    source: input.source, input.p, start: input.start, stop: input.stop,
    maximumLength: input.maximumLength, method: input.method)
}

let teacherEquation: Teacher = {
  teacherForcedTokens(source: $0.source, target: $0.target, $0.p)
}
let cachedScores: StepwiseScores = {
  stepwiseLogits(source: $0.source, target: $0.target, $0.p, method: .cached)
}
let fullPrefixScores: StepwiseScores = {
  stepwiseLogits(source: $0.source, target: $0.target, $0.p, method: .fullPrefix)
}

@Suite("Generation")
struct GenerationTests {
  @Test(
    "the tokens are those of the golden vectors", arguments: try vectors,
    GenerationMethod.allCases)
  func golden(_ vector: GoldenCase, _ method: GenerationMethod) throws {
    var input = try generationCase(vector)
    input.method = method
    try compare(generationEquation, input, with: vector)
    let inFloat = generationEquation(input.converted(to: Float.self))
    #expect(inFloat == generationEquation(input))
  }

  @Test(
    "the scores of every step agree with the golden vectors", arguments: try vectors,
    [cachedScores, fullPrefixScores])
  func goldenScores(_ vector: GoldenCase, _ scores: StepwiseScores) throws {
    try compareScores(scores, with: vector)
  }

  @Test(
    "the scores of every step in Float agree with the golden vectors", arguments: try vectors,
    GenerationMethod.allCases)
  func goldenScoresInFloat(_ vector: GoldenCase, _ method: GenerationMethod) throws {
    let logits = try logits(of: vector) { input in
      stepwiseLogits(
        source: input.source, target: input.target, input.p.converted(to: Float.self),
        method: method
      ).converted()
    }
    try vector.check(["logits": logits], unit: 0x1p-24)
  }

  @Test("teacher forcing gives a translation's own tokens back", arguments: try vectors)
  func ownTokens(_ vector: GoldenCase) throws {
    let input = try generationCase(vector)
    for (b, tokens) in try translations(vector).enumerated() {
      let target = Tensor(shape: [1, tokens.count], storage: [input.start] + tokens.dropLast())
      let likeliest = teacherForcedTokens(
        source: input.source.keeping(b), target: target, input.p)
      #expect(likeliest.storage == tokens, "sentence \(b)")
    }
  }

  @Test("teacher forcing agrees with the golden vectors", arguments: try forcedVectors)
  func goldenTeacher(_ vector: GoldenCase) throws {
    let input = try forcedCase(vector)
    let inFloat = input.converted(to: Float.self)
    let tokens = teacherForcedTokens(source: inFloat.source, target: inFloat.target, inFloat.p)
    #expect(try tokens == vector.expectedIntegers("tokens"))
    try vector.check([
      "logits": transformer(source: input.source, target: input.target, input.p)
    ])
    try compareForced(teacherEquation, with: vector)
  }

  @Test("the laws of teacher forcing hold", arguments: teacherLaws)
  func teacherLaw(_ law: Law<Teacher>) throws { try law.hold(for: teacherEquation) }

  @Test("every wrong teacher forcing is rejected", arguments: wrongTeachers)
  func wrongTeacher(_ version: WrongVersion<Teacher>) throws {
    version.expectRejection(by: try forcedVectors, comparedBy: compareForced, and: teacherLaws)
  }

  @Test("the laws of generation hold", arguments: generationLaws)
  func law(_ law: Law<Generator>) throws { try law.hold(for: generationEquation) }

  @Test(
    "the laws of one token after the other hold", arguments: stepwiseLaws,
    [cachedScores, fullPrefixScores])
  func stepwiseLaw(_ law: Law<StepwiseScores>, _ scores: @escaping StepwiseScores) throws {
    try law.hold(for: scores)
  }

  @Test("every wrong generation is rejected", arguments: wrongGenerators)
  func wrongGeneration(_ version: WrongVersion<Generator>) throws {
    version.expectRejection(by: try vectors, comparedBy: compare, and: generationLaws)
  }

  @Test("the last among equals is rejected, not the first")
  func lastAmongEquals() {
    // No golden vector has equal scores: they would be no test of numbers.
    #expect(generationLaws.contains { $0.rejects(lastAmongEqualsGenerator) })
  }

  @Test("every wrong way of one token after the other is rejected", arguments: wrongSteps)
  func wrongStep(_ version: WrongVersion<StepwiseScores>) throws {
    version.expectRejection(by: try vectors, comparedBy: compareScores, and: stepwiseLaws)
  }

  @Test("operands that do not fit stop the program with a sentence")
  func shapes() async throws {
    let length = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      var maker = LayerMaker(seed: 1, placement: .postNorm)
      let p = maker.transformer(encoderLayers: 1, decoderLayers: 1, norms: false)
      _ = greedyGeneration(source: [[0]], p, start: 0, stop: 1, maximumLength: -1)
    }
    expectSentence("a length cannot be negative: got -1", from: length)
    let source = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      var maker = LayerMaker(seed: 1, placement: .postNorm)
      let p = maker.transformer(encoderLayers: 1, decoderLayers: 1, norms: false)
      _ = greedyGeneration(source: [0, 1], p, start: 0, stop: 1, maximumLength: 3)
    }
    expectSentence("source must be b × tokens with a token at least: got 2", from: source)
    let start = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      var maker = LayerMaker(seed: 1, placement: .postNorm)
      let p = maker.transformer(encoderLayers: 1, decoderLayers: 1, norms: false)
      _ = greedyGeneration(source: [[0]], p, start: 6, stop: 1, maximumLength: 3)
    }
    expectSentence(
      "token 6, number 0 in order, is outside of the vocabulary 0 ..< 6", from: start)
  }
}

private var vectors: [GoldenCase] { get throws { try GoldenCase.all(of: "greedyGeneration") } }

private var forcedVectors: [GoldenCase] {
  get throws { try GoldenCase.all(of: "teacherForcedTokens") }
}

private func forcedCase(_ vector: GoldenCase) throws -> TransformerCase<Double> {
  TransformerCase(
    source: try vector.integers("source")!, target: try vector.integers("target")!,
    p: try TransformerParameters(vector).transformer(positionTable: nil, fill: vector.fill))
}

private func compareForced(_ teacher: Teacher, with vector: GoldenCase) throws {
  let (got, expected) = (teacher(try forcedCase(vector)), try vector.expectedIntegers("tokens")!)
  try expect(got == expected, "the tokens are \(got.storage) instead of \(expected.storage)")
}

private func generationCase(_ vector: GoldenCase) throws -> GenerationCase<Double> {
  func integer(_ name: String) -> Int { vector.attributes.integer(name)! }
  return GenerationCase(
    source: try vector.integers("source")!,
    p: try TransformerParameters(vector).transformer(
      positionTable: try vector.input("positionTable"), fill: vector.fill),
    start: integer("start"), stop: integer("stop"), maximumLength: integer("maximumLength"),
    method: .cached)
}

/// The expected tokens of every sentence, without what fills up.
private func translations(_ vector: GoldenCase) throws -> [[Int]] {
  let tokens = try vector.expectedIntegers("tokens")!
  return (0..<tokens.shape[0]).map { tokens.slice($0).storage.filter { $0 >= 0 } }
}

private func compare(_ generator: Generator, with vector: GoldenCase) throws {
  try compare(generator, try generationCase(vector), with: vector)
}

private func compare(
  _ generator: Generator, _ input: GenerationCase<Double>, with vector: GoldenCase
) throws {
  let (got, expected) = (generator(input), try translations(vector))
  try expect(got == expected, "the tokens are \(got) instead of \(expected)")
}

private func compareScores(_ scores: StepwiseScores, with vector: GoldenCase) throws {
  try vector.check(["logits": try logits(of: vector, scores)])
}

/// The scores along the expected tokens: b × maximum length × v, 0 after the end.
private func logits(
  of vector: GoldenCase, _ scores: (TransformerCase<Double>) -> Tensor<Double>
) throws -> Tensor<Double> {
  let input = try generationCase(vector)
  let (v, length) = (input.p.output.outputs, input.maximumLength)
  let rows = try translations(vector).enumerated().map { b, tokens in
    let target = Tensor(shape: [1, tokens.count], storage: [input.start] + tokens.dropLast())
    let logits = scores(
      TransformerCase(source: input.source.keeping(b), target: target, p: input.p))
    return logits.storage + Array(repeating: 0, count: (length - tokens.count) * v)
  }
  return Tensor(shape: [rows.count, length, v], storage: rows.flatMap { $0 })
}
