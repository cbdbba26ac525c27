import Equations
import ErrorBounds
import Notation
import Specification
import TestSupport
import Testing

/// What tokens are embedded with.
struct TokenCase<S: Scalar>: Sendable {
  var tokens: Tensor<Int>
  var table: Tensor<S>
  var scale = EmbeddingScale.none
  var zeroed: Int?

  func converted<T: Scalar>(to type: T.Type = T.self) -> TokenCase<T> {
    TokenCase<T>(tokens: tokens, table: table.converted(), scale: scale, zeroed: zeroed)
  }
}

/// What tokens and their positions are embedded with; `tokens.zeroed` has no part in it.
struct SentenceCase<S: Scalar>: Sendable {
  var tokens: TokenCase<S>
  var positions = PositionalEncoding<S>.sinusoidal()
  var offset = 0
  var dropout = Dropout.none

  func converted<T: Scalar>(to type: T.Type = T.self) -> SentenceCase<T> {
    SentenceCase<T>(
      tokens: tokens.converted(), positions: positions.converted(), offset: offset,
      dropout: dropout)
  }
}

typealias Embed<S: Scalar> = @Sendable (TokenCase<S>) -> Tensor<S>
typealias EmbedSentence<S: Scalar> = @Sendable (SentenceCase<S>) -> Tensor<S>

func embed<S: Scalar>(_ input: TokenCase<S>) -> Tensor<S> {
  tokenEmbedding(input.tokens, table: input.table, scale: input.scale, zeroing: input.zeroed)
}

func embedSentence<S: Scalar>(_ input: SentenceCase<S>) -> Tensor<S> {
  transformerEmbedding(
    input.tokens.tokens, table: input.tokens.table, positions: input.positions,
    offset: input.offset, scale: input.tokens.scale, dropout: input.dropout)
}

@Suite("Token embedding")
struct TokenEmbeddingTests {
  @Test("token embedding agrees with the golden vectors", arguments: try tokenVectors)
  func golden(_ vector: GoldenCase) throws { try compare(embed, with: vector) }

  @Test("token embedding in Float agrees with the golden vectors", arguments: try tokenVectors)
  func goldenInFloat(_ vector: GoldenCase) throws {
    let vectors = embed(try tokenCase(vector).converted(to: Float.self))
    try vector.check(["output": vectors.converted()], unit: 0x1p-24)
  }

  @Test("embedded sentences agree with the golden vectors", arguments: try sentenceVectors)
  func goldenSentence(_ vector: GoldenCase) throws {
    try compareSentence(embedSentence, with: vector)
  }

  @Test("embedded sentences in Float agree with the golden vectors", arguments: try sentenceVectors)
  func goldenSentenceInFloat(_ vector: GoldenCase) throws {
    let input = try sentenceCase(vector).converted(to: Float.self)
    let results = steps(of: input, output: embedSentence(input))
    try vector.check(results.mapValues { $0.converted() }, unit: 0x1p-24)
  }

  @Test("the laws of token embedding hold", arguments: embeddingLaws)
  func law(_ law: Law<Embed<Double>>) throws { try law.hold(for: embed) }

  @Test("the laws of embedded sentences hold", arguments: sentenceLaws)
  func sentenceLaw(_ law: Law<EmbedSentence<Double>>) throws { try law.hold(for: embedSentence) }

  @Test("every wrong token embedding is rejected", arguments: wrongEmbeddings)
  func wrong(_ version: WrongVersion<Embed<Double>>) throws {
    version.expectRejection(by: try tokenVectors, comparedBy: compare, and: embeddingLaws)
  }

  @Test("every wrong embedding of sentences is rejected", arguments: wrongSentences)
  func wrongSentence(_ version: WrongVersion<EmbedSentence<Double>>) throws {
    version.expectRejection(
      by: try sentenceVectors, comparedBy: compareSentence, and: sentenceLaws)
  }

  @Test("only rows that were looked up have a gradient, each the sum over its places")
  func gradient() {
    // The loss Σ c x is linear in the table; with integers every difference is exact.
    let tokens: Tensor<Int> = [3, 0, 3, 4]
    let coefficients = [1.0, -2, 5, 7]
    let table = Tensor<Double>(shape: [6, 2], storage: (0..<12).map { Double($0 % 5) })
    func loss(_ table: Tensor<Double>) -> Double {
      let vectors = tokenEmbedding(tokens, table: table)
      return vectors.storage.indices.reduce(0) { $0 + coefficients[$1 / 2] * vectors.storage[$1] }
    }
    let gradient = table.storage.indices.map { entry in
      var (above, below) = (table, table)
      above.storage[entry] += 1
      below.storage[entry] -= 1
      return (loss(above) - loss(below)) / 2
    }
    // By rows: token 3 stands at the places 0 and 2, the tokens 1, 2 and 5 nowhere.
    #expect(gradient == [-2, -2, 0, 0, 0, 0, 6, 6, 7, 7, 0, 0])
  }

  @Test("a table and tokens that do not fit stop the program with a sentence")
  func refusals() async throws {
    let table = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = tokenEmbedding([0], table: [1, 2, 3] as Tensor<Double>) }
    expectSentence("a table must be v × d: got 3", from: table)
    let above = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = tokenEmbedding([[0, 1], [2, 1]], table: [[1], [2]] as Tensor<Double>) }
    expectSentence(
      "token 2, number 2 in order, is outside of the vocabulary 0 ..< 2", from: above)
    let below = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = tokenEmbedding([0, -1], table: [[1], [2]] as Tensor<Double>, zeroing: -1) }
    expectSentence(
      "token -1, number 1 in order, is outside of the vocabulary 0 ..< 2", from: below)
  }
}

private var tokenVectors: [GoldenCase] {
  get throws { try GoldenCase.all(of: "tokenEmbedding") }
}
private var sentenceVectors: [GoldenCase] {
  get throws { try GoldenCase.all(of: "transformerEmbedding") }
}

private func tokenCase(_ vector: GoldenCase) throws -> TokenCase<Double> {
  let scale = vector.attributes.variant("scale")?.string("kind")
  return TokenCase(
    tokens: try vector.integers("tokens")!, table: try vector.input("table")!,
    scale: scale == "rootModelWidth" ? .rootModelWidth : .none,
    zeroed: vector.attributes.integer("zeroing"))
}

private func sentenceCase(_ vector: GoldenCase) throws -> SentenceCase<Double> {
  let probability = vector.attributes.number("probability")
  return SentenceCase(
    tokens: try tokenCase(vector), positions: try vector.positions(table: "positionTable"),
    offset: vector.attributes.integer("offset")!,
    dropout: probability.map {
      Dropout(probability: $0, seed: UInt64(vector.attributes.integer("seed")!))
    } ?? .none)
}

private func compare(_ embed: Embed<Double>, with vector: GoldenCase) throws {
  try vector.check(["output": embed(try tokenCase(vector))])
}

private func compareSentence(_ embed: EmbedSentence<Double>, with vector: GoldenCase) throws {
  let input = try sentenceCase(vector)
  try vector.check(steps(of: input, output: embed(input)))
}

/// The sum, and its two terms, under their names in the golden vectors.
private func steps<S: Scalar>(
  of input: SentenceCase<S>, output: Tensor<S>
) -> [String: Tensor<S>] {
  let vectors = embed(input.tokens)
  let positions = positionalEncoding(
    length: input.tokens.tokens.shape.last!, width: input.tokens.table.shape[1],
    offset: input.offset, input.positions)
  return ["tokenVectors": vectors, "positions": positions, "output": output]
}
