import Equations
import Notation
import Specification
import TestSupport
import Testing

/// Translations, and what they are measured against.
struct Translations: Sendable {
  var candidates: [[Int]]
  var references: [[[Int]]]
  var maximumOrder = 4
}

typealias Evaluate = @Sendable (Translations) -> BLEUSteps

let correctBLEU: Evaluate = {
  bleuSteps(
    candidates: $0.candidates, references: $0.references, maximumOrder: $0.maximumOrder)
}

/// BLEU of two lists of words, as document 002 calls it.
typealias WordBLEU = @Sendable (_ hypothesis: [String], _ reference: [String]) -> Double

let correctWordBLEU: WordBLEU = { document002BLEU(hypothesis: $0, reference: $1) }

@Suite("BLEU")
struct BLEUTests {
  @Test("BLEU agrees with the golden vectors", arguments: try vectors)
  func golden(_ vector: GoldenCase) throws { try compare(correctBLEU, with: vector) }

  @Test("BLEU alone is the score among its steps", arguments: try vectors)
  func scoreAlone(_ vector: GoldenCase) throws {
    let t = try translations(vector)
    let score = bleu(
      candidates: t.candidates, references: t.references, maximumOrder: t.maximumOrder)
    #expect(score == correctBLEU(t).score)
  }

  @Test("BLEU as document 002 calls it agrees with the golden vectors", arguments: try texts)
  func goldenDocument002(_ vector: GoldenCase) throws {
    try compareWords(correctWordBLEU, with: vector)
  }

  @Test("the laws of BLEU hold", arguments: bleuLaws)
  func law(_ law: Law<Evaluate>) throws { try law.hold(for: correctBLEU) }

  @Test("every wrong BLEU is rejected", arguments: wrongBLEUs)
  func wrong(_ version: WrongVersion<Evaluate>) throws {
    version.expectRejection(by: try vectors, comparedBy: compare, and: bleuLaws)
  }

  @Test("the laws of BLEU as document 002 calls it hold", arguments: wordBLEULaws)
  func document002Law(_ law: Law<WordBLEU>) throws { try law.hold(for: correctWordBLEU) }

  @Test("every wrong reading of document 002's call is rejected", arguments: wrongWordBLEUs)
  func wrongDocument002(_ version: WrongVersion<WordBLEU>) throws {
    version.expectRejection(by: try texts, comparedBy: compareWords, and: wordBLEULaws)
  }

  @Test("words taken for sentences have another BLEU than a sentence")
  func wordsForSentences() {
    func scores(_ candidate: String, _ reference: String) -> (sentence: Double, words: Double) {
      let (c, r) = (candidate.split(separator: " "), reference.split(separator: " "))
      return (
        100 * bleu(candidates: [c], references: [[r]]),
        document002BLEU(hypothesis: c.map(String.init), reference: r.map(String.init))
      )
    }
    #expect(scores("the cat is on the mat", "the cat is on the mat") == (100, 0))
    #expect(scores("hello world again", "hello world again") == (0, 100))
    let shifted = scores("oh hello world again my old friend", "hello world again my old friend oh")
    #expect(shifted.sentence > 70 && shifted.words == 0)
  }

  @Test("a character of document 002 is a Unicode scalar, as Python has it")
  func scalars() {
    // One letter on the screen, and two of Python's: four of them make one n-gram of order 4.
    let accented = "e\u{301}e\u{301}"
    #expect(accented.count == 2)
    #expect(document002BLEU(hypothesis: [accented], reference: [accented]) == 100)
  }

  @Test("tokens may be anything that can be told apart")
  func tokens() {
    let words = ["the", "cat", "is", "on", "a", "mat"]
    let numbers = [0, 1, 2, 3, 4, 5]
    #expect(
      bleu(candidates: [words], references: [[words.reversed(), words.dropLast(2) + ["x"]]])
        == bleu(
          candidates: [numbers], references: [[numbers.reversed(), numbers.dropLast(2) + [9]]]))
  }

  @Test("without sentences, or without words on both sides, the score is 0")
  func empty() {
    let none = bleuSteps(candidates: [[Int]](), references: [])
    #expect(none.score == 0 && none.brevityPenalty == 1 && none.precisions == [0, 0, 0, 0])
    let blank = bleuSteps(candidates: [[Int]()], references: [[[]]])
    #expect(blank.score == 0 && blank.brevityPenalty == 1 && blank.totals == [0, 0, 0, 0])
  }

  @Test("translations without references and orders below 1 stop the program with a sentence")
  func refusals() async {
    let order = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = bleu(candidates: [[1]], references: [[[1]]], maximumOrder: 0) }
    expectSentence("n-grams must have a token at least: got 0", from: order)
    let counts = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = bleu(candidates: [[1], [2]], references: [[[1]]]) }
    expectSentence(
      "each candidate must have its references: got 2 candidates and references for 1",
      from: counts)
    let none = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = bleu(candidates: [[1], [2]], references: [[[1]], []]) }
    expectSentence("each candidate must have a reference: number 1 in order has none", from: none)
  }
}

private var vectors: [GoldenCase] { get throws { try GoldenCase.all(of: "bleu") } }
private var texts: [GoldenCase] { get throws { try GoldenCase.all(of: "document002BLEU") } }

private func translations(_ vector: GoldenCase) throws -> Translations {
  let (references, lengths) = (
    try vector.integers("references")!, try vector.integers("referenceLengths")!
  )
  return Translations(
    candidates: sentences(
      try vector.integers("candidates")!, lengths: try vector.integers("candidateLengths")!),
    references: (0..<references.shape[0]).map {
      sentences(references.slice($0), lengths: lengths.slice($0))
    },
    maximumOrder: vector.attributes.integer(needed: "maximumOrder"))
}

/// Rows of tokens without their padding; a row of length −1 is no sentence.
private func sentences(_ rows: Tensor<Int>, lengths: Tensor<Int>) -> [[Int]] {
  lengths.storage.indices.filter { lengths[$0] >= 0 }.map {
    Array(rows.slice($0).storage.prefix(lengths[$0]))
  }
}

extension GoldenCase {
  /// Words that are stored as the code points of their characters.
  fileprivate func words(_ name: String) throws -> [String] {
    sentences(try integers(name)!, lengths: try integers(name + "Lengths")!).map { word in
      String(String.UnicodeScalarView(word.map { Unicode.Scalar(UInt32($0))! }))
    }
  }
}

private func compare(_ evaluate: Evaluate, with vector: GoldenCase) throws {
  let steps = evaluate(try translations(vector))
  for (name, got) in [
    "matches": steps.matches, "totals": steps.totals,
    "candidateLength": Tensor(shape: [], storage: [steps.candidateLength]),
    "referenceLength": Tensor(shape: [], storage: [steps.referenceLength]),
  ] {
    try expect(try vector.expectedIntegers(name) == got, "\(name) is \(got.storage)")
  }
  try vector.check([
    "precisions": steps.precisions,
    "brevityPenalty": Tensor(shape: [], storage: [steps.brevityPenalty]),
    "score": Tensor(shape: [], storage: [steps.score]),
  ])
}

private func compareWords(_ evaluate: WordBLEU, with vector: GoldenCase) throws {
  let score = evaluate(try vector.words("hypothesis"), try vector.words("reference"))
  try vector.check(["score": Tensor(shape: [], storage: [score])])
}
