import Equations
import ErrorBounds
import Kernels
import Notation
import Specification
import TestSupport
import Testing

@Suite("Token embedding kernel")
struct TokenEmbeddingKernelTests {
  @Test(
    "the kernel agrees with the golden vectors",
    arguments: try GoldenCase.all(of: "tokenEmbedding"))
  func golden(_ vector: GoldenCase) throws {
    let (tokens, table) = (try vector.integers("tokens")!, try vector.input("table")!)
    let (scale, zeroed) = (vector.embeddingScale, vector.attributes.integer("zeroing"))
    try ErrorGauge(
      got: fenced {
        Kernels::tokenEmbedding(tokens, table: table.converted(), scale: scale, zeroing: zeroed)
      },
      expected: try vector.expected("output")!,
      bound: tokenEmbeddingBound(tokens, table: table.finite, scale: scale, zeroing: zeroed))
  }

  @Test(
    "embedded sentences agree with the golden vectors",
    arguments: try GoldenCase.all(of: "transformerEmbedding"))
  func goldenSentence(_ vector: GoldenCase) throws {
    let (tokens, table) = (try vector.integers("tokens")!, try vector.input("table")!)
    let positions = try vector.positions(table: "positionTable")
    let offset = vector.attributes.integer("offset")!
    let drop =
      vector.attributes.number("probability").map {
        Dropout(probability: $0, seed: UInt64(vector.attributes.integer("seed")!))
      } ?? .none
    try ErrorGauge(
      got: fenced {
        Kernels::transformerEmbedding(
          tokens, table: table.converted(), positions: positions.converted(), offset: offset,
          scale: vector.embeddingScale, dropout: drop)
      },
      expected: try vector.expected("output")!,
      bound: transformerEmbeddingBound(
        tokens, table: table.finite, positions: positions, offset: offset,
        scale: vector.embeddingScale, dropout: drop))
  }

  @Test("the kernel has the bits of the equation in Float, whatever the table holds")
  func lookup() throws {
    try checkProperty("token embedding agreement", cases: 200) { draw in
      let input = draw.embedding(.any)
      let zeroed = draw.element("zeroed", of: [nil, 0, 2])
      func oneNaN(_ x: Tensor<Float>) -> Tensor<Float> { x.map { $0.isNaN ? .nan : $0 } }
      try expectSameBits(
        oneNaN(
          fenced {
            Kernels::tokenEmbedding(
              input.tokens, table: input.table, scale: input.scale, zeroing: zeroed)
          }),
        oneNaN(
          Equations::tokenEmbedding(
            input.tokens, table: input.table, scale: input.scale, zeroing: zeroed)))
    }
  }

  @Test("embedded sentences agree with the equation, positions and dropout included")
  func agreement() throws {
    try checkProperty("transformer embedding agreement", cases: 200) { draw in
      let input = draw.embedding(.ordinary)
      let (positions, offset) = draw.positions(input.tokens.shape[1], input.table.shape[1])
      let drop = draw.dropout()
      let wide = input.table.converted(to: Double.self)
      let widePositions = positions.converted(to: Double.self)
      try ErrorGauge(
        got: fenced {
          Kernels::transformerEmbedding(
            input.tokens, table: input.table, positions: positions, offset: offset,
            scale: input.scale, dropout: drop)
        },
        expected: Equations::transformerEmbedding(
          input.tokens, table: wide, positions: widePositions, offset: offset,
          scale: input.scale, dropout: drop),
        bound: transformerEmbeddingBound(
          input.tokens, table: wide, positions: widePositions, offset: offset,
          scale: input.scale, dropout: drop))
    }
  }

  @Test("sums of integers are exact, around every block size", arguments: EmbeddingScale.allCases)
  func exact(_ scale: EmbeddingScale) throws {
    // Where the width is a square, the scale is an integer.
    for d in scale == .none ? [1, 7, 8, 9, 15, 16, 17, 33] : [1, 4, 9, 16, 25, 36] {
      var stream = RandomStream(seed: UInt64(d))
      func integers(_ shape: [Int]) -> Tensor<Float> {
        Tensor<Float>.uniform(shape, from: &stream).map { ($0 * 17).rounded(.down) - 8 }
      }
      let (table, positions) = (integers([5, d]), integers([4, d]))
      let tokens: Tensor<Int> = [[4, 0, 1], [1, 1, 2]]
      try expectSameBits(
        Kernels::transformerEmbedding(
          tokens, table: table, positions: .learned(positions), offset: 1, scale: scale),
        Equations::transformerEmbedding(
          tokens, table: table, positions: .learned(positions), offset: 1, scale: scale))
    }
  }

  @Test("rows of tokens that do not occur, or are zeroed, may be NaN")
  func poison() throws {
    var stream = RandomStream(seed: 4)
    var table = Tensor<Float>.normal([4, 19], from: &stream)
    let tokens: Tensor<Int> = [[0, 2], [2, 3]]
    let clean = Kernels::transformerEmbedding(tokens, table: table, positions: .sinusoidal())
    let zeroed = Kernels::tokenEmbedding([0, 1, 3], table: table, zeroing: 1)
    for j in 0..<19 { table[1, j] = .nan }
    try expectSameBits(
      Kernels::transformerEmbedding(tokens, table: table, positions: .sinusoidal()), clean)
    try expectSameBits(Kernels::tokenEmbedding([0, 1, 3], table: table, zeroing: 1), zeroed)
  }

  @Test("any number of threads gives the same bits, and so does a sentence alone")
  func threads() throws {
    var stream = RandomStream(seed: 5)
    let table = Tensor<Float>.normal([50, 77], from: &stream)
    let tokens = Tensor(
      shape: [3, 200], storage: (0..<600).map { _ in Int.random(in: 0..<50, using: &stream) })
    func embed(_ tokens: Tensor<Int>, _ threads: Int) -> (Tensor<Float>, Tensor<Float>) {
      Threads.$count.withValue(threads) {
        (
          Kernels::tokenEmbedding(tokens, table: table, scale: .rootModelWidth),
          Kernels::transformerEmbedding(
            tokens, table: table, positions: .sinusoidal(), scale: .rootModelWidth)
        )
      }
    }
    let one = embed(tokens, 1)
    for count in [2, 2, 5] {
      let several = embed(tokens, count)
      try expectSameBits(several.0, one.0)
      try expectSameBits(several.1, one.1)
    }
    for g in 0..<3 { try expectSameBits(embed(tokens.slice(g), 2).1, one.1.slice(g)) }
  }

  @Test("the kernel refuses what the equation refuses, in the same words")
  func refusals() async throws {
    let table = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = Kernels::tokenEmbedding([0], table: [1, 2, 3] as Tensor<Float>) }
    expectSentence("a table must be v × d: got 3", from: table)
    let token = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = Kernels::tokenEmbedding([[0, 1], [2, 1]], table: [[1], [2]] as Tensor<Float>) }
    expectSentence(
      "token 2, number 2 in order, is outside of the vocabulary 0 ..< 2", from: token)
    let alone = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = Kernels::transformerEmbedding(0, table: [[1], [2]], positions: .sinusoidal()) }
    expectSentence("a sequence must be … × t × d: got 1", from: alone)
  }
}

extension GoldenCase {
  /// What the vectors are multiplied by.
  fileprivate var embeddingScale: EmbeddingScale {
    attributes.variant("scale")?.string("kind") == "rootModelWidth" ? .rootModelWidth : .none
  }
}

extension Draw {
  /// Sentences of tokens, a table for them, and a scale.
  fileprivate func embedding(
    _ values: Values
  ) -> (tokens: Tensor<Int>, table: Tensor<Float>, scale: EmbeddingScale) {
    let (g, t) = (size("g", upTo: 3), size("t", upTo: 5))
    let table = tensor("table", [4, size("d", upTo: 70, blocks: [8, 16])], values)
    let tokens = Tensor(
      shape: [g, t], storage: (0..<g * t).map { _ in integer("token", in: 0...3) })
    return (tokens, table, element("scale", of: EmbeddingScale.allCases))
  }
}
