import Equations
import ErrorBounds
import Notation
import Specification
import TestSupport
import Testing

/// Contexts, … × n, with a combination; centers, …, of skip-gram without one.
struct PredictionCase<S: Scalar>: Sendable {
  var words: Tensor<Int>
  var p: Word2Vec<S>
  var combination: ContextCombination?

  func converted<T: Scalar>(to type: T.Type = T.self) -> PredictionCase<T> {
    PredictionCase<T>(words: words, p: p.converted(), combination: combination)
  }
}

/// Sentences, … × t, for CBOW with a combination, and for skip-gram without one.
struct CorpusCase<S: Scalar>: Sendable {
  var tokens: Tensor<Int>
  var window: Int
  var p: Word2Vec<S>
  var combination: ContextCombination?

  func converted<T: Scalar>(to type: T.Type = T.self) -> CorpusCase<T> {
    CorpusCase<T>(tokens: tokens, window: window, p: p.converted(), combination: combination)
  }
}

/// Words that are there, and words that are not.
struct NegativeCase<S: Scalar>: Sendable {
  /// What the words are predicted from.
  enum Given: Sendable {
    case centers(Tensor<Int>)
    case hidden(Tensor<S>)
  }
  var given: Given
  var words: Tensor<Int>
  var negatives: Tensor<Int>
  var p: Word2Vec<S>

  /// h: … × d.
  var hidden: Tensor<S> {
    switch given {
    case .centers(let centers): tokenEmbedding(centers, table: p.input)
    case .hidden(let hidden): hidden
    }
  }

  func converted<T: Scalar>(to type: T.Type = T.self) -> NegativeCase<T> {
    let given: NegativeCase<T>.Given =
      switch given {
      case .centers(let centers): .centers(centers)
      case .hidden(let hidden): .hidden(hidden.converted())
      }
    return NegativeCase<T>(given: given, words: words, negatives: negatives, p: p.converted())
  }
}

/// What samples are drawn from, and how many.
struct SampleCase: Sendable {
  var sampler: UnigramSampler
  var excluded: Set<Int>
  var shape: [Int]
  var seed: UInt64
}

typealias Predict<S: Scalar> = @Sendable (PredictionCase<S>) -> Tensor<S>
typealias CorpusLoss<S: Scalar> = @Sendable (CorpusCase<S>) -> Tensor<S>
typealias NegativeLoss<S: Scalar> = @Sendable (NegativeCase<S>) -> Tensor<S>
typealias Pairs = @Sendable (_ tokens: Tensor<Int>, _ window: Int) -> Tensor<Int>
typealias Unigram = @Sendable (UnigramSampler, _ excluded: Set<Int>) -> Tensor<Double>
typealias Sample = @Sendable (SampleCase) -> Tensor<Int>

func predict<S: Scalar>(_ input: PredictionCase<S>) -> Tensor<S> {
  guard let combination = input.combination else { return skipGramLogits(input.words, input.p) }
  return cbowLogits(input.words, input.p, combining: combination)
}

func corpusLoss<S: Scalar>(_ input: CorpusCase<S>) -> Tensor<S> {
  guard let combination = input.combination else {
    return skipGramLoss(input.tokens, window: input.window, input.p)
  }
  return cbowLoss(input.tokens, window: input.window, input.p, combining: combination)
}

func negativeLoss<S: Scalar>(_ input: NegativeCase<S>) -> Tensor<S> {
  switch input.given {
  case .centers(let centers):
    negativeSamplingLoss(
      centers: centers, words: input.words, negatives: input.negatives, input.p)
  case .hidden(let hidden):
    negativeSamplingLoss(hidden: hidden, words: input.words, negatives: input.negatives, input.p)
  }
}

let correctPairs: Pairs = { contextPairs(of: $0, window: $1) }
let correctUnigram: Unigram = { unigramProbabilities($0, excluding: $1) }
let correctSample: Sample = {
  negativeSamples(shape: $0.shape, $0.sampler, seed: $0.seed, excluding: $0.excluded)
}

@Suite("Word2Vec")
struct Word2VecTests {
  @Test("predictions agree with the golden vectors", arguments: try predictionVectors)
  func golden(_ vector: GoldenCase) throws {
    try comparePrediction(predict, with: vector)
    try vector.check(predictions(try predictionCase(vector)))
  }

  @Test("predictions in Float agree with the golden vectors", arguments: try predictionVectors)
  func goldenInFloat(_ vector: GoldenCase) throws {
    let results = predictions(try predictionCase(vector).converted(to: Float.self))
    try vector.check(results.mapValues { $0.converted() }, unit: 0x1p-24)
  }

  @Test("the losses of sentences agree with the golden vectors", arguments: try corpusVectors)
  func goldenLoss(_ vector: GoldenCase) throws { try compareCorpus(corpusLoss, with: vector) }

  @Test("the losses in Float agree with the golden vectors", arguments: try corpusVectors)
  func goldenLossInFloat(_ vector: GoldenCase) throws {
    let loss = corpusLoss(try corpusCase(vector).converted(to: Float.self))
    try vector.check(["loss": loss.converted()], unit: 0x1p-24)
  }

  @Test("negative sampling agrees with the golden vectors", arguments: try negativeVectors)
  func goldenNegative(_ vector: GoldenCase) throws {
    try compareNegative(negativeLoss, with: vector)
  }

  @Test("negative sampling in Float agrees with the golden vectors", arguments: try negativeVectors)
  func goldenNegativeInFloat(_ vector: GoldenCase) throws {
    let loss = negativeLoss(try negativeCase(vector).converted(to: Float.self))
    try vector.check(["loss": loss.converted()], unit: 0x1p-24)
  }

  @Test("pairs are the golden vectors' to the last one", arguments: try pairVectors)
  func goldenPairs(_ vector: GoldenCase) throws { try comparePairs(correctPairs, with: vector) }

  @Test("shares of words agree with the golden vectors", arguments: try unigramVectors)
  func goldenUnigram(_ vector: GoldenCase) throws {
    try compareUnigram(correctUnigram, with: vector)
  }

  @Test("shares of words in Float agree with the golden vectors", arguments: try unigramVectors)
  func goldenUnigramInFloat(_ vector: GoldenCase) throws {
    let shares: Tensor<Float> = unigramProbabilities(
      try vector.sampler, excluding: try vector.excluded)
    try vector.check(["output": shares.converted()], unit: 0x1p-24)
  }

  @Test("samples are the golden vectors' to the last one", arguments: try sampleVectors)
  func goldenSamples(_ vector: GoldenCase) throws {
    try compareSamples(correctSample, with: vector)
  }

  @Test("the laws of predictions hold", arguments: predictionLaws)
  func law(_ law: Law<Predict<Double>>) throws { try law.hold(for: predict) }

  @Test("the laws of losses hold", arguments: corpusLaws)
  func lossLaw(_ law: Law<CorpusLoss<Double>>) throws { try law.hold(for: corpusLoss) }

  @Test("the laws of negative sampling hold", arguments: negativeLaws)
  func negativeLaw(_ law: Law<NegativeLoss<Double>>) throws { try law.hold(for: negativeLoss) }

  @Test("the laws of pairs hold", arguments: pairLaws)
  func pairLaw(_ law: Law<Pairs>) throws { try law.hold(for: correctPairs) }

  @Test("the laws of words' shares hold", arguments: unigramLaws)
  func unigramLaw(_ law: Law<Unigram>) throws { try law.hold(for: correctUnigram) }

  @Test("the laws of samples hold", arguments: sampleLaws)
  func sampleLaw(_ law: Law<Sample>) throws { try law.hold(for: correctSample) }

  @Test("every wrong prediction is rejected", arguments: wrongPredictions)
  func wrong(_ version: WrongVersion<Predict<Double>>) throws {
    version.expectRejection(
      by: try predictionVectors, comparedBy: comparePrediction, and: predictionLaws)
  }

  @Test("every wrong loss is rejected", arguments: wrongCorpusLosses)
  func wrongLoss(_ version: WrongVersion<CorpusLoss<Double>>) throws {
    version.expectRejection(by: try corpusVectors, comparedBy: compareCorpus, and: corpusLaws)
  }

  @Test("every wrong negative sampling is rejected", arguments: wrongNegativeLosses)
  func wrongNegative(_ version: WrongVersion<NegativeLoss<Double>>) throws {
    version.expectRejection(
      by: try negativeVectors, comparedBy: compareNegative, and: negativeLaws)
  }

  @Test("every wrong list of pairs is rejected", arguments: wrongPairs)
  func wrongPair(_ version: WrongVersion<Pairs>) throws {
    version.expectRejection(by: try pairVectors, comparedBy: comparePairs, and: pairLaws)
  }

  @Test("every wrong share of words is rejected", arguments: wrongUnigrams)
  func wrongUnigram(_ version: WrongVersion<Unigram>) throws {
    version.expectRejection(by: try unigramVectors, comparedBy: compareUnigram, and: unigramLaws)
  }

  @Test("every wrong sample is rejected", arguments: wrongSamples)
  func wrongSample(_ version: WrongVersion<Sample>) throws {
    version.expectRejection(by: try sampleVectors, comparedBy: compareSamples, and: sampleLaws)
  }

  @Test("mean and sum, and one table and two, make other predictions")
  func dialectsDiffer() throws {
    let input = try predictionCase(try #require(try predictionVectors.first))
    var logits: Set<Tensor<Double>> = []
    for combination in ContextCombination.allCases {
      for p in [input.p, Word2Vec(shared: input.p.input)] {
        logits.insert(
          predict(PredictionCase(words: input.words, p: p, combination: combination)))
      }
    }
    #expect(logits.count == 4)
  }

  @Test("tables, contexts and windows that do not fit stop the program with a sentence")
  func refusals() async {
    let table = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = Word2Vec<Double>(shared: [1, 2]) }
    expectSentence("a table of words must be v × d: got 2", from: table)
    let tables = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = Word2Vec<Double>(input: [[1, 2], [3, 4]], output: [[1, 2]]) }
    expectSentence(
      "the words that are predicted must have a table of 2 × 2, too: got 1 × 2", from: tables)
    let context = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = cbowHidden(Tensor(shape: [3, 0], storage: []), Word2Vec<Double>(shared: [[1]]))
    }
    expectSentence("a context needs a word: got 3 × 0", from: context)
    let window = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = contextPairs(of: [0, 1], window: 0) }
    expectSentence("a window must reach a word at least: got 0", from: window)
    let lossWindow = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = cbowLoss([], window: -1, Word2Vec<Double>(shared: [[1]])) }
    expectSentence("a window must reach a word at least: got -1", from: lossWindow)
    let token = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = cbowLoss([[0], [2]], window: 1, Word2Vec<Double>(shared: [[1], [2]])) }
    expectSentence(
      "token 2, number 1 in order, is outside of the vocabulary 0 ..< 2", from: token)
  }

  @Test("pairs and counts that do not fit stop the program with a sentence")
  func sampleRefusals() async {
    let pairs = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = negativeSamplingLoss(
        centers: [0, 0], words: [0], negatives: [[0]], Word2Vec<Double>(shared: [[1, 2]]))
    }
    expectSentence(
      "each word is predicted from one vector: got 1 words and 2 × 2 numbers", from: pairs)
    let samples = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = negativeSamplingLoss(
        centers: [0, 0], words: [0, 0], negatives: [0, 0], Word2Vec<Double>(shared: [[1, 2]]))
    }
    expectSentence(
      "each word has its own negative samples: got 2 words and 2 samples", from: samples)
    let counts = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = UnigramSampler(counts: [3, -1]) }
    expectSentence("no word occurs less than 0 times: got [3, -1]", from: counts)
    let matrix = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = UnigramSampler(counts: [[3, 1]]) }
    expectSentence("counts must be a vector: got 1 × 2", from: matrix)
    let power = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = UnigramSampler(counts: [3, 1], power: .nan) }
    expectSentence("counts are raised to a finite power: got nan", from: power)
    let nothing = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = negativeSamples(shape: [2], UnigramSampler(counts: [3, 0]), seed: 1, excluding: [0])
    }
    expectSentence("a sample needs a word that occurs and is not excluded", from: nothing)
  }
}

// MARK: - Golden vectors

private var predictionVectors: [GoldenCase] {
  get throws { try GoldenCase.all(of: "cbowLogits") + GoldenCase.all(of: "skipGramLogits") }
}
private var corpusVectors: [GoldenCase] {
  get throws { try GoldenCase.all(of: "cbowLoss") + GoldenCase.all(of: "skipGramLoss") }
}
private var negativeVectors: [GoldenCase] {
  get throws { try GoldenCase.all(of: "negativeSamplingLoss") }
}
private var pairVectors: [GoldenCase] { get throws { try GoldenCase.all(of: "contextPairs") } }
private var unigramVectors: [GoldenCase] {
  get throws { try GoldenCase.all(of: "unigramProbabilities") }
}
private var sampleVectors: [GoldenCase] {
  get throws { try GoldenCase.all(of: "negativeSamples") }
}

extension GoldenCase {
  fileprivate var combination: ContextCombination? {
    attributes.string("combination").map { $0 == "mean" ? .mean : .sum }
  }
}

private func predictionCase(_ vector: GoldenCase) throws -> PredictionCase<Double> {
  PredictionCase(
    words: try vector.integers("contexts") ?? vector.integers("centers")!, p: try vector.word2Vec,
    combination: vector.combination)
}

private func corpusCase(_ vector: GoldenCase) throws -> CorpusCase<Double> {
  CorpusCase(
    tokens: try vector.integers("tokens")!, window: vector.attributes.integer(needed: "window"),
    p: try vector.word2Vec, combination: vector.combination)
}

private func negativeCase(_ vector: GoldenCase) throws -> NegativeCase<Double> {
  let hidden = try vector.input("hidden")
  return NegativeCase(
    given: try hidden.map { .hidden($0) } ?? .centers(vector.integers("centers")!),
    words: try vector.integers("words")!, negatives: try vector.integers("negatives")!,
    p: try vector.word2Vec)
}

/// Everything that the golden vectors have of a prediction, under their names.
private func predictions<S: Scalar>(_ input: PredictionCase<S>) -> [String: Tensor<S>] {
  let logits = predict(input)
  let hidden = input.combination.map { cbowHidden(input.words, input.p, combining: $0) }
  return [
    "hidden": hidden ?? tokenEmbedding(input.words, table: input.p.input), "logits": logits,
    "probabilities": softmax(logits),
  ]
}

private func comparePrediction(_ predict: Predict<Double>, with vector: GoldenCase) throws {
  let input = try predictionCase(vector)
  var results = predictions(input)
  let logits = predict(input)
  (results["logits"], results["probabilities"]) = (logits, softmax(logits))
  try vector.check(results)
}

private func compareCorpus(_ loss: CorpusLoss<Double>, with vector: GoldenCase) throws {
  try vector.check(["loss": loss(try corpusCase(vector))])
}

private func compareNegative(_ loss: NegativeLoss<Double>, with vector: GoldenCase) throws {
  try vector.check(["loss": loss(try negativeCase(vector))])
}

private func comparePairs(_ pairs: Pairs, with vector: GoldenCase) throws {
  let got = pairs(try vector.integers("tokens")!, vector.attributes.integer(needed: "window"))
  try expect(got == (try vector.expectedIntegers("output")), "\(got.storage)")
}

private func compareUnigram(_ unigram: Unigram, with vector: GoldenCase) throws {
  try vector.check(["output": unigram(try vector.sampler, try vector.excluded)])
}

private func compareSamples(_ sample: Sample, with vector: GoldenCase) throws {
  let got = sample(
    SampleCase(
      sampler: try vector.sampler, excluded: try vector.excluded,
      shape: try vector.integers("shape")!.storage,
      seed: UInt64(vector.attributes.integer(needed: "seed"))))
  try expect(got == (try vector.expectedIntegers("output")), "\(got.storage)")
}
