import Equations
import ErrorBounds
import Kernels
import Notation
import Specification
import TestSupport
import Testing

@Suite("Word2Vec kernel")
struct Word2VecKernelTests {
  @Test("CBOW agrees with the golden vectors", arguments: try GoldenCase.all(of: "cbowLogits"))
  func goldenCBOW(_ vector: GoldenCase) throws {
    let (contexts, p) = (try vector.integers("contexts")!, try vector.word2Vec)
    let combination = vector.combination
    try ErrorGauge(
      got: fenced { Kernels::cbowHidden(contexts, p.converted(), combining: combination) },
      expected: try vector.expected("hidden")!,
      bound: cbowHiddenBound(contexts, p.finite, combining: combination))
    for inFloat in p.inFloat {
      try ErrorGauge(
        got: fenced { Kernels::cbowLogits(contexts, inFloat, combining: combination) },
        expected: try vector.expected("logits")!,
        bound: cbowLogitsBound(contexts, p.finite, combining: combination))
    }
  }

  @Test(
    "skip-gram agrees with the golden vectors", arguments: try GoldenCase.all(of: "skipGramLogits"))
  func goldenSkipGram(_ vector: GoldenCase) throws {
    let (centers, p) = (try vector.integers("centers")!, try vector.word2Vec)
    for inFloat in p.inFloat {
      try ErrorGauge(
        got: fenced { Kernels::skipGramLogits(centers, inFloat) },
        expected: try vector.expected("logits")!, bound: skipGramLogitsBound(centers, p.finite))
    }
  }

  @Test(
    "CBOW's losses agree with the golden vectors", arguments: try GoldenCase.all(of: "cbowLoss"))
  func goldenCBOWLoss(_ vector: GoldenCase) throws {
    let (tokens, p) = (try vector.integers("tokens")!, try vector.word2Vec)
    let (window, combination) = (vector.attributes.integer(needed: "window"), vector.combination)
    for inFloat in p.inFloat {
      try ErrorGauge(
        got: fenced {
          Kernels::cbowLoss(tokens, window: window, inFloat, combining: combination)
        },
        expected: try vector.expected("loss")!,
        bound: cbowLossBound(tokens, window: window, p.finite, combining: combination))
    }
  }

  @Test(
    "skip-gram's losses agree with the golden vectors",
    arguments: try GoldenCase.all(of: "skipGramLoss"))
  func goldenSkipGramLoss(_ vector: GoldenCase) throws {
    let (tokens, p) = (try vector.integers("tokens")!, try vector.word2Vec)
    let window = vector.attributes.integer(needed: "window")
    for inFloat in p.inFloat {
      try ErrorGauge(
        got: fenced { Kernels::skipGramLoss(tokens, window: window, inFloat) },
        expected: try vector.expected("loss")!,
        bound: skipGramLossBound(tokens, window: window, p.finite))
    }
  }

  @Test(
    "negative sampling agrees with the golden vectors",
    arguments: try GoldenCase.all(of: "negativeSamplingLoss"))
  func goldenNegativeSampling(_ vector: GoldenCase) throws {
    let (words, negatives) = (try vector.integers("words")!, try vector.integers("negatives")!)
    let p = try vector.word2Vec
    if let hidden = try vector.input("hidden") {
      try ErrorGauge(
        got: fenced {
          Kernels::negativeSamplingLoss(
            hidden: hidden.converted(), words: words, negatives: negatives, p.converted())
        },
        expected: try vector.expected("loss")!,
        bound: negativeSamplingLossBound(
          hidden: hidden.finite, words: words, negatives: negatives, p.finite))
    } else {
      let centers = try vector.integers("centers")!
      try ErrorGauge(
        got: fenced {
          Kernels::negativeSamplingLoss(
            centers: centers, words: words, negatives: negatives, p.converted())
        },
        expected: try vector.expected("loss")!,
        bound: negativeSamplingLossBound(
          centers: centers, words: words, negatives: negatives, p.finite))
    }
  }

  @Test(
    "shares of words agree with the golden vectors",
    arguments: try GoldenCase.all(of: "unigramProbabilities"))
  func goldenShares(_ vector: GoldenCase) throws {
    let (sampler, excluded) = (try vector.sampler, try vector.excluded)
    try ErrorGauge(
      got: Kernels::unigramProbabilities(sampler, excluding: excluded),
      expected: try vector.expected("output")!,
      bound: unigramProbabilitiesBound(sampler, excluding: excluded))
  }

  @Test(
    "samples are the golden vectors' to the last one",
    arguments: try GoldenCase.all(of: "negativeSamples"))
  func goldenSamples(_ vector: GoldenCase) throws {
    let samples = Kernels::negativeSamples(
      shape: try vector.integers("shape")!.storage, try vector.sampler,
      seed: UInt64(vector.attributes.integer(needed: "seed")), excluding: try vector.excluded)
    #expect(try samples == vector.expectedIntegers("output"))
  }

  @Test("predictions agree with the equation, and a context's vector has its bits in Float")
  func agreement() throws {
    try checkProperty("word2vec agreement", cases: 200) { draw in
      let p = draw.word2Vec()
      let contexts = draw.words(
        "contexts", [draw.size("g", upTo: 9, blocks: [6]), draw.size("n", from: 1, upTo: 5)], p)
      let combination = draw.element("combination", of: ContextCombination.allCases)
      let wide = p.converted(to: Double.self)
      try expectSameBits(
        fenced { Kernels::cbowHidden(contexts, p, combining: combination) },
        Equations::cbowHidden(contexts, p, combining: combination))
      for p in [p, p.packed()] {
        try ErrorGauge(
          got: fenced { Kernels::cbowLogits(contexts, p, combining: combination) },
          expected: Equations::cbowLogits(contexts, wide, combining: combination),
          bound: cbowLogitsBound(contexts, wide, combining: combination))
        try ErrorGauge(
          got: fenced { Kernels::skipGramLogits(contexts, p) },
          expected: Equations::skipGramLogits(contexts, wide),
          bound: skipGramLogitsBound(contexts, wide))
      }
    }
  }

  @Test("losses of sentences agree with the equation")
  func losses() throws {
    try checkProperty("word2vec loss agreement", cases: 200) { draw in
      let p = draw.word2Vec()
      let tokens = draw.words("tokens", [draw.size("s", upTo: 3), draw.size("t", upTo: 7)], p)
      let window = draw.integer("window", in: 1...8)
      let combination = draw.element("combination", of: ContextCombination.allCases)
      let wide = p.converted(to: Double.self)
      for p in [p, p.packed()] {
        try ErrorGauge(
          got: fenced { Kernels::cbowLoss(tokens, window: window, p, combining: combination) },
          expected: Equations::cbowLoss(tokens, window: window, wide, combining: combination),
          bound: cbowLossBound(tokens, window: window, wide, combining: combination))
        try ErrorGauge(
          got: fenced { Kernels::skipGramLoss(tokens, window: window, p) },
          expected: Equations::skipGramLoss(tokens, window: window, wide),
          bound: skipGramLossBound(tokens, window: window, wide))
      }
    }
  }

  @Test("negative sampling agrees with the equation")
  func negativeSampling() throws {
    try checkProperty("negative sampling agreement", cases: 300) { draw in
      let p = draw.word2Vec()
      let (n, k) = (draw.size("n", upTo: 5), draw.size("k", upTo: 20))
      let (centers, words) = (draw.words("centers", [n], p), draw.words("words", [n], p))
      let negatives = draw.words("negatives", [n, k], p)
      let wide = p.converted(to: Double.self)
      let got = fenced {
        Kernels::negativeSamplingLoss(centers: centers, words: words, negatives: negatives, p)
      }
      try ErrorGauge(
        got: got,
        expected: Equations::negativeSamplingLoss(
          centers: centers, words: words, negatives: negatives, wide),
        bound: negativeSamplingLossBound(
          centers: centers, words: words, negatives: negatives, wide))
      try expectSameBits(
        Kernels::negativeSamplingLoss(
          hidden: Kernels::tokenEmbedding(centers, table: p.input), words: words,
          negatives: negatives, p),
        got)
    }
  }

  @Test("samples are those of the equation, and shares agree with it")
  func samples() throws {
    try checkProperty("negative samples agreement", cases: 100) { draw in
      let v = draw.size("v", from: 1, upTo: 40)
      let sampler = UnigramSampler(
        counts: Tensor(
          shape: [v], storage: (0..<v).map { _ in draw.integer("count", in: 0...99) }),
        power: draw.element("power", of: [0.75, 1, 0]))
      let excluded: Set<Int> = draw.bool("excludes") ? [0, v / 2] : []
      try draw.require(
        (0..<v).contains { sampler.counts[$0] > 0 && !excluded.contains($0) })
      let exact: Tensor<Double> = Equations::unigramProbabilities(sampler, excluding: excluded)
      try ErrorGauge(
        got: Kernels::unigramProbabilities(sampler, excluding: excluded), expected: exact,
        bound: unigramProbabilitiesBound(sampler, excluding: excluded))
      try expect(
        Kernels::negativeSamples(shape: [7, 30], sampler, seed: 9, excluding: excluded)
          == Equations::negativeSamples(shape: [7, 30], sampler, seed: 9, excluding: excluded),
        "the samples are others")
    }
  }

  @Test("products and sums of small integers are exact, around every block size")
  func exact() throws {
    for d in [0, 1, 7, 8, 9, 31, 32, 33, 65] {
      var stream = RandomStream(seed: UInt64(d))
      func integers() -> Tensor<Float> {
        Tensor<Float>.uniform([19, d], from: &stream).map { ($0 * 17).rounded(.down) - 8 }
      }
      let unpacked = Word2Vec(input: integers(), output: integers())
      let words: Tensor<Int> = [[3, 18], [0, 0], [18, 7]]
      for p in [unpacked, unpacked.packed()] {
        try expectSameBits(Kernels::skipGramLogits(words, p), Equations::skipGramLogits(words, p))
        for combination in ContextCombination.allCases {
          try expectSameBits(
            Kernels::cbowLogits(words, p, combining: combination),
            Equations::cbowLogits(words, p, combining: combination))
        }
      }
    }
  }

  @Test("a word has the same logits alone, and of many words packing changes no bit")
  func packed() throws {
    var stream = RandomStream(seed: 6)
    let p = Word2Vec(
      input: Tensor<Float>.normal([50, 70], from: &stream),
      output: Tensor<Float>.normal([50, 70], from: &stream))
    let words = Tensor(shape: [50], storage: Array(0..<50))
    let logits = Kernels::skipGramLogits(words, p.packed())
    try expectSameBits(logits, Kernels::skipGramLogits(words, p))
    for word in 0..<50 {
      try expectSameBits(
        Kernels::skipGramLogits(Tensor(shape: [], storage: [word]), p.packed()),
        logits.slice(word))
    }
  }

  @Test("a new table is not multiplied by the panels of the old one")
  func repacked() throws {
    var p = Word2Vec<Float>(input: [[1, 1], [0, 1]], output: [[1, 2], [3, 4]]).packed()
    p.output[1, 0] = 7
    #expect(Kernels::skipGramLogits([0, 1], p) == [[3, 11], [2, 4]])
  }

  @Test("rows of words that are neither given nor predicted nor samples may be NaN")
  func poison() throws {
    var stream = RandomStream(seed: 4)
    var p = Word2Vec(
      input: Tensor<Float>.normal([6, 19], from: &stream),
      output: Tensor<Float>.normal([6, 19], from: &stream))
    func results() -> (Tensor<Float>, Tensor<Float>) {
      (
        Kernels::negativeSamplingLoss(
          centers: [0, 2], words: [1, 3], negatives: [[5, 1], [3, 5]], p),
        Kernels::skipGramLogits([0, 2], p)
      )
    }
    let clean = results()
    for c in 0..<19 { (p.input[1, c], p.input[5, c]) = (.nan, .infinity) }
    try expectSameBits(results().1, clean.1)
    for c in 0..<19 { (p.output[0, c], p.output[4, c]) = (.nan, .infinity) }
    try expectSameBits(results().0, clean.0)
  }

  @Test("any number of threads gives the same bits, and so does a pair alone")
  func threads() throws {
    // With so many words 36 positions are predicted at once: the sentences go by in two parts.
    let v = 1 << 17
    var stream = RandomStream(seed: 5)
    let p = Word2Vec(
      input: Tensor<Float>.normal([v, 3], from: &stream),
      output: Tensor<Float>.normal([v, 3], from: &stream))
    func words(_ shape: [Int]) -> Tensor<Int> {
      Tensor(
        shape: shape,
        storage: (0..<shape.reduce(1, *)).map { _ in Int.random(in: 0..<v, using: &stream) })
    }
    let (tokens, negatives) = (words([2, 20]), words([2, 20, 900]))
    func run(_ threads: Int) -> [Tensor<Float>] {
      Threads.$count.withValue(threads) {
        [
          Kernels::cbowLoss(tokens, window: 2, p), Kernels::skipGramLoss(tokens, window: 20, p),
          Kernels::negativeSamplingLoss(
            centers: tokens, words: tokens, negatives: negatives, p),
        ]
      }
    }
    let one = run(1)
    for count in [2, 5] {
      for (got, expected) in zip(run(count), one) { try expectSameBits(got, expected) }
    }
    let wide = p.converted(to: Double.self)
    try ErrorGauge(
      got: one[0], expected: Equations::cbowLoss(tokens, window: 2, wide),
      bound: cbowLossBound(tokens, window: 2, wide))
    let alone = tokens.slice(1)
    try expectSameBits(
      Kernels::negativeSamplingLoss(
        centers: alone, words: alone, negatives: negatives.slice(1), p),
      one[2].slice(1))
  }

  @Test("the kernel refuses what the equation refuses, in the same words")
  func refusals() async throws {
    let context = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Kernels::cbowLogits(Tensor(shape: [2, 0], storage: []), Word2Vec(shared: [[1]]))
    }
    expectSentence("a context needs a word: got 2 × 0", from: context)
    let token = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Kernels::skipGramLoss([0, 1], window: 1, Word2Vec(shared: [[1]]))
    }
    expectSentence(
      "token 1, number 1 in order, is outside of the vocabulary 0 ..< 1", from: token)
    let window = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Kernels::cbowLoss([0, 0], window: 0, Word2Vec(shared: [[1]]))
    }
    expectSentence("a window must reach a word at least: got 0", from: window)
    let hidden = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Kernels::negativeSamplingLoss(
        centers: [0, 0], words: [0], negatives: [[0]], Word2Vec(shared: [[1, 2]]))
    }
    expectSentence(
      "each word is predicted from one vector: got 1 words and 2 × 2 numbers", from: hidden)
    let samples = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Kernels::negativeSamplingLoss(
        hidden: [[1, 2]], words: [0], negatives: [0], Word2Vec(shared: [[1, 2]]))
    }
    expectSentence(
      "each word has its own negative samples: got 1 words and 1 samples", from: samples)
    let nothing = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Kernels::negativeSamples(
        shape: [2], UnigramSampler(counts: [3, 0]), seed: 1, excluding: [0])
    }
    expectSentence("a sample needs a word that occurs and is not excluded", from: nothing)
  }
}

extension Word2Vec<Double> {
  fileprivate var finite: Word2Vec { Word2Vec(input: input.finite, output: output.finite) }

  /// As the kernels get it: as it is, and packed.
  fileprivate var inFloat: [Word2Vec<Float>] { [converted(), converted().packed()] }
}

extension GoldenCase {
  fileprivate var combination: ContextCombination {
    attributes.string(needed: "combination") == "mean" ? .mean : .sum
  }
}

extension Draw {
  /// Two tables, or one for both.
  fileprivate func word2Vec() -> Word2Vec<Float> {
    let (v, d) = (size("v", from: 1, upTo: 40, blocks: [16]), size("d", upTo: 70, blocks: [8, 32]))
    let input = tensor("V", [v, d], .ordinary)
    return bool("shared")
      ? Word2Vec(shared: input) : Word2Vec(input: input, output: tensor("U", [v, d], .ordinary))
  }

  fileprivate func words(_ name: String, _ shape: [Int], _ p: Word2Vec<Float>) -> Tensor<Int> {
    Tensor(
      shape: shape,
      storage: (0..<shape.reduce(1, *)).map { _ in integer(name, in: 0...p.vocabulary - 1) })
  }
}
