import Equations
import ErrorBounds
import Kernels
import Notation
import Specification
import TestSupport
import Testing

@Suite("Generation kernel")
struct GenerationKernelTests {
  @Test(
    "the tokens are those of the golden vectors",
    arguments: try GoldenCase.all(of: "greedyGeneration"), GenerationMethod.allCases)
  func golden(_ vector: GoldenCase, _ method: GenerationMethod) throws {
    let input = try TransformerInput(vector)
    func integer(_ name: String) -> Int { vector.attributes.integer(needed: name) }
    for p in [input.p, input.p.packed()] {
      let got = Kernels::greedyGeneration(
        source: input.source, p, start: integer("start"), stop: integer("stop"),
        maximumLength: integer("maximumLength"), method: method)
      #expect(try got == translations(vector))
    }
  }

  @Test(
    "the scores of every step agree with the golden vectors",
    arguments: try GoldenCase.all(of: "greedyGeneration"), GenerationMethod.allCases)
  func goldenScores(_ vector: GoldenCase, _ method: GenerationMethod) throws {
    let input = try TransformerInput(vector)
    let start = vector.attributes.integer(needed: "start")
    let expected = try vector.expected("logits")!
    let (length, v) = (expected.shape[1], expected.shape[2])
    let rows = try translations(vector).enumerated().map { b, tokens in
      let target = Tensor(shape: [1, tokens.count], storage: [start] + tokens.dropLast())
      let s = input.source.shape[1]
      let logits = Kernels::stepwiseLogits(
        source: input.source.slice(b).reshaped([1, s]), target: target, input.p, method: method)
      return logits.storage + Array(repeating: 0, count: (length - tokens.count) * v)
    }
    let logits = Tensor(shape: expected.shape, storage: rows.flatMap { $0 })
    try vector.check(["logits": logits.converted()], unit: 0x1p-24)
  }

  @Test(
    "one token after the other, with a cache or without, has the scores of all at once",
    arguments: try GoldenCase.all(of: "transformer").filter(\.dropsNothing),
    GenerationMethod.allCases)
  func steps(_ vector: GoldenCase, _ method: GenerationMethod) throws {
    // Under another fill a query whose scores are all filled in sees later keys, too, at once.
    guard vector.fill == .excluded else { return }
    let input = try TransformerInput(vector)
    let logits = Kernels::stepwiseLogits(
      source: input.source, target: input.target, input.p, method: method)
    try vector.check(
      [
        "logits": logits.converted(), "memory": Kernels::encode(input.source, input.p).converted(),
        "decoded": try vector.expected("decoded")!,
      ], unit: 0x1p-24)
  }

  @Test("teacher forcing agrees with the golden vectors")
  func teacher() throws {
    for vector in try GoldenCase.all(of: "teacherForcedTokens") {
      let input = try TransformerInput(vector)
      let tokens = Kernels::teacherForcedTokens(
        source: input.source, target: input.target, input.p)
      #expect(try tokens == vector.expectedIntegers("tokens"))
    }
  }

  @Test("50 tokens are the same with a cache and without, in company and alone, as the equation's")
  func long() {
    var stream = RandomStream(seed: 15)
    let p = Transformer<Float>.normal(
      encoderLayers: 1, decoderLayers: 2, width: 16, heads: 4, words: 30, placement: .preNorm,
      from: &stream)
    let source = Tensor(shape: [3, 6], storage: (0..<18).map { $0 * 7 % 30 })
    func translate(_ source: Tensor<Int>, _ method: GenerationMethod) -> [[Int]] {
      Kernels::greedyGeneration(
        source: source, p, start: 1, stop: 2, maximumLength: 50, method: method)
    }
    let cached = translate(source, .cached)
    #expect(cached.contains { $0.count == 50 } && Set(cached).count == 3)
    #expect(translate(source, .fullPrefix) == cached)
    for b in 0..<3 {
      #expect(translate(source.slice(b).reshaped([1, 6]), .cached) == [cached[b]])
    }
    #expect(
      Equations::greedyGeneration(
        source: source, p.converted(to: Double.self), start: 1, stop: 2, maximumLength: 50,
        method: .cached) == cached)
  }

  @Test("each token is one that may be the likeliest after those before it")
  func choices() throws {
    try checkProperty("generation choices", cases: 60) { draw in
      var stream = RandomStream(seed: UInt64(draw.integer("numbers", in: 0...0xFFFF)))
      let p = Transformer<Float>.normal(
        encoderLayers: draw.integer("encoder layers", in: 0...1),
        decoderLayers: draw.integer("decoder layers", in: 0...1), width: 4, heads: 2, words: 9,
        placement: draw.element("placement", of: [NormPlacement.postNorm, .preNorm]),
        from: &stream)
      let source = Tensor(
        shape: [2, 3], storage: (0..<6).map { _ in draw.integer("token", in: 0...8) })
      let translations = Kernels::greedyGeneration(
        source: source, p, start: 1, stop: -1, maximumLength: 8,
        method: draw.element("method", of: GenerationMethod.allCases))
      let target = Tensor(shape: [2, 8], storage: translations.flatMap { [1] + $0.dropLast() })
      let possible = likeliestTokens(source: source, target: target, p.converted())
      let choices = possible.flatMap { $0 }
      draw.cover("most choices are certain", choices.count { $0.count == 1 } > 8, atLeast: 0.3)
      for (token, tokens) in zip(translations.flatMap { $0 }, choices) {
        try expect(tokens.contains(token), "\(token) is not among \(tokens)")
      }
    }
  }

  @Test("a sentence that ends, a length of 0 and no sentence at all")
  func ends() {
    // Without layers and positions a token says what follows: 1 after 0, then 1 again.
    var p = withoutLayers()
    p.targetTable = [[1, 0], [0, 1]]
    p.positions = .learned(Tensor(shape: [3, 2], repeating: 0))
    p.output = AffineMap(weight: [[0, 0], [1, 1]])
    func translate(_ sentences: Int, _ stop: Int, _ length: Int) -> [[Int]] {
      Kernels::greedyGeneration(
        source: Tensor(shape: [sentences, 1], repeating: 0), p, start: 0, stop: stop,
        maximumLength: length, method: .cached)
    }
    #expect(translate(2, 1, 3) == [[1], [1]])
    #expect(translate(2, 0, 3) == [[1, 1, 1], [1, 1, 1]])
    #expect(translate(2, 0, 0) == [[], []])
    #expect(translate(0, 0, 3) == [])
  }

  @Test("the kernel refuses what the equation refuses, in the same words")
  func shapes() async throws {
    let length = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Kernels::greedyGeneration(
        source: [[0]], withoutLayers(), start: 0, stop: 1, maximumLength: -1)
    }
    expectSentence("a length cannot be negative: got -1", from: length)
    let source = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Kernels::greedyGeneration(
        source: [0, 1], withoutLayers(), start: 0, stop: 1, maximumLength: 3)
    }
    expectSentence("source must be b × tokens with a token at least: got 2", from: source)
    let start = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Kernels::greedyGeneration(
        source: [[0]], withoutLayers(), start: 6, stop: 1, maximumLength: 3, method: .cached)
    }
    expectSentence(
      "token 6, number 0 in order, is outside of the vocabulary 0 ..< 2", from: start)
  }
}

/// The expected tokens of every sentence, without what fills up.
private func translations(_ vector: GoldenCase) throws -> [[Int]] {
  let tokens = try vector.expectedIntegers("tokens")!
  return (0..<tokens.shape[0]).map { tokens.slice($0).storage.filter { $0 >= 0 } }
}
