import Equations
import ErrorBounds
import Notation
import Specification
import TestSupport
import Testing

/// What is given to a Transformer.
struct TransformerCase<S: Scalar>: Sendable {
  /// b × s.
  var source: Tensor<Int>
  /// b × t.
  var target: Tensor<Int>
  var p: Transformer<S>
  var drop = LayerDropout.none

  func converted<T: Scalar>(to type: T.Type = T.self) -> TransformerCase<T> {
    TransformerCase<T>(source: source, target: target, p: p.converted(), drop: drop)
  }
}

typealias TransformerFunction<S: Scalar> = @Sendable (TransformerCase<S>) -> TransformerSteps<S>

func transformerEquation<S: Scalar>(_ input: TransformerCase<S>) -> TransformerSteps<S> {
  transformerSteps(source: input.source, target: input.target, input.p, dropout: input.drop)
}

@Suite("Transformer")
struct TransformerTests {
  @Test("the Transformer agrees with the golden vectors", arguments: try vectors)
  func golden(_ vector: GoldenCase) throws { try compare(transformerEquation, with: vector) }

  @Test("the Transformer in Float agrees with the golden vectors", arguments: try vectors)
  func goldenInFloat(_ vector: GoldenCase) throws {
    let steps = transformerEquation(try transformerCase(vector).converted(to: Float.self))
    try vector.check(steps.byName.mapValues { $0.converted() }, unit: 0x1p-24)
  }

  @Test("logits are PyTorch's, to 1e-12 of the largest", arguments: try vectors)
  func goldenLogits(_ vector: GoldenCase) throws {
    let (got, expected) = (
      transformerEquation(try transformerCase(vector)).logits.storage,
      try vector.expected("logits")!.storage
    )
    let largest = expected.map(abs).max()!
    for (y, t) in zip(got, expected) { #expect(abs(y - t) <= 1e-12 * largest) }
  }

  @Test("the laws of the Transformer hold", arguments: transformerLaws + transformerDrops)
  func law(_ law: Law<TransformerFunction<Double>>) throws {
    try law.hold(for: transformerEquation)
  }

  @Test("every wrong Transformer is rejected", arguments: wrongTransformers)
  func wrong(_ version: WrongVersion<TransformerFunction<Double>>) throws {
    version.expectRejection(by: try vectors, comparedBy: compare, and: transformerLaws)
  }

  @Test("wrong dropouts in a Transformer are rejected", arguments: wrongTransformerDrops)
  func wrongDrop(_ version: WrongVersion<TransformerFunction<Double>>) {
    #expect(transformerDrops.contains { $0.rejects(version.implementation) })
  }

  @Test("the dialects differ on a vector with padding")
  func dialectsDiffer() throws {
    let vector = try #require(try vectors.first { $0.id == "post-norm" })
    let input = try transformerCase(vector)
    let changes: [(inout Transformer<Double>) -> Void] = [
      { _ in },
      { $0.embeddingScale = .rootModelWidth },
      { $0.queryPadding = .hidden },
      { ($0.queryPadding, $0.fill) = (.hidden, .replaced(by: -10000)) },
      { $0.positions = .sinusoidal(.exponential) },
      { $0.positions = .learned($0.sourceTable) },
      { $0.sourcePadding = nil },
      { $0.targetPadding = nil },
    ]
    let logits = changes.map { change in
      var changed = input
      change(&changed.p)
      return transformerEquation(changed).logits
    }
    #expect(Set(logits).count == changes.count)
  }

  @Test("operands that do not fit stop the program with a sentence")
  func shapes() async throws {
    let source = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = transformer(source: Tensor(shape: [1, 0], storage: []), target: [[0]], ofWidth2()) }
    expectSentence("source must be b × tokens with a token at least: got 1 × 0", from: source)
    let target = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = transformer(source: [[0]], target: [0, 1], ofWidth2()) }
    expectSentence("target must be b × tokens with a token at least: got 2", from: target)
    let token = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = transformer(source: [[0]], target: [[0, 2]], ofWidth2()) }
    expectSentence(
      "token 2, number 1 in order, is outside of the vocabulary 0 ..< 2", from: token)
    let batch = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = transformer(source: [[0], [1]], target: [[0]], ofWidth2()) }
    expectSentence("there must be as many sources as targets: got 2 and 1", from: batch)
    let positions = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      var p = ofWidth2()
      p.positions = .sinusoidal(maximumLength: 2)
      _ = transformer(source: [[0, 1, 1]], target: [[0]], p)
    }
    expectSentence("a positional table of 2 rows is shorter than the 3 positions", from: positions)
  }
}

/// A Transformer with two words in either language, and one layer on the decoder's side.
private func ofWidth2() -> Transformer<Double> {
  let map = AffineMap(weight: [[1, 1], [1, 1]] as Tensor<Double>)
  let norm = LayerNorm<Double>(width: 2, epsilon: 1e-5)
  let attention = MultiHeadAttention(query: map, key: map, value: map, output: map, heads: 1)
  let layer = DecoderLayer(
    selfAttention: attention, selfAttentionNorm: norm, crossAttention: attention,
    crossAttentionNorm: norm, feedForward: FeedForward(inner: map, outer: map),
    feedForwardNorm: norm, placement: .postNorm)
  return Transformer(
    sourceTable: map.weight, targetTable: map.weight,
    stacks: TransformerStacks(encoderLayers: [], decoderLayers: [layer]), output: map)
}

private var vectors: [GoldenCase] { get throws { try GoldenCase.all(of: "transformer") } }

private func transformerCase(_ vector: GoldenCase) throws -> TransformerCase<Double> {
  TransformerCase(
    source: try vector.integers("source")!, target: try vector.integers("target")!,
    p: try TransformerParameters(vector).transformer(
      positionTable: try vector.input("positionTable"), fill: vector.fill))
}

private func compare(
  _ transformer: TransformerFunction<Double>, with vector: GoldenCase
) throws {
  try vector.check(transformer(try transformerCase(vector)).byName)
}

extension TransformerSteps {
  /// The steps under the names that the golden vectors have for them.
  var byName: [String: Tensor<S>] { ["memory": memory, "decoded": decoded, "logits": logits] }
}
