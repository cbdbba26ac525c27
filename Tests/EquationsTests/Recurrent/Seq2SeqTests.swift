import Equations
import Notation
import Specification
import TestSupport
import Testing

/// A source, a model, and where the inputs of its steps come from.
struct Translation<S: Scalar>: Sendable {
  var source: Tensor<S>
  var lengths: Tensor<Int>?
  var p: Seq2Seq<S>
  var task: StepInputs<S>

  func converted<T: Scalar>(to type: T.Type = T.self) -> Translation<T> {
    Translation<T>(
      source: source.converted(), lengths: lengths, p: p.converted(), task: task.converted())
  }
}

/// What the steps of a decoder get.
enum StepInputs<S: Scalar>: Sendable {
  case forced(inputs: Tensor<S>)
  case greedy(start: Tensor<S>, steps: Int, feedback: Feedback<S>)

  func converted<T: Scalar>(to type: T.Type = T.self) -> StepInputs<T> {
    switch self {
    case .forced(let inputs): .forced(inputs: inputs.converted())
    case .greedy(let start, let steps, let feedback):
      .greedy(start: start.converted(), steps: steps, feedback: feedback.converted())
    }
  }
}

typealias Translating = @Sendable (Translation<Double>) -> Seq2SeqSteps<Double>

func correctTranslation<S: Scalar>(_ input: Translation<S>) -> Seq2SeqSteps<S> {
  switch input.task {
  case .forced(let inputs):
    seq2SeqSteps(source: input.source, inputs: inputs, input.p, lengths: input.lengths)
  case .greedy(let start, let steps, let feedback):
    greedySeq2Seq(
      source: input.source, start: start, steps: steps, input.p, feedback: feedback,
      lengths: input.lengths)
  }
}

@Suite("Seq2Seq")
struct Seq2SeqTests {
  @Test("encoder, attention and decoder agree with the golden vectors", arguments: try vectors)
  func golden(_ vector: GoldenCase) throws { try compare(correctTranslation, with: vector) }

  @Test("steps are PyTorch's, to 1e-12 of the largest", arguments: try vectors)
  func goldenSteps(_ vector: GoldenCase) throws {
    try vector.check(
      results(correctTranslation(try vector.translation)), withinShareOfLargest: 1e-12)
  }

  @Test("encoder, attention and decoder in Float agree with the vectors", arguments: try vectors)
  func goldenInFloat(_ vector: GoldenCase) throws {
    let steps = correctTranslation(try vector.translation.converted(to: Float.self))
    try vector.check(results(steps), unit: 0x1p-24)
    if let tokens = try vector.expectedIntegers("tokens") { #expect(steps.tokens == tokens) }
  }

  @Test("logits alone are those of all steps")
  func logitsAlone() throws {
    for vector in try GoldenCase.all(of: "seq2Seq") where !vector.id.contains("nonfinite") {
      let input = try vector.translation
      let logits = seq2Seq(
        source: input.source, inputs: try vector.input("inputs")!, input.p, lengths: input.lengths)
      #expect(logits == correctTranslation(input).logits)
    }
  }

  @Test("the laws of encoder and decoder hold", arguments: translationLaws)
  func law(_ law: Law<Translating>) throws { try law.hold(for: correctTranslation) }

  @Test("every wrong encoder and decoder is rejected", arguments: wrongTranslations)
  func wrong(_ version: WrongVersion<Translating>) throws {
    version.expectRejection(by: try vectors, comparedBy: compare, and: translationLaws)
  }

  @Test("what the wrong versions are made of is right without a mistake", arguments: try vectors)
  func unmistaken(_ vector: GoldenCase) throws { try compare(unmistakenTranslation, with: vector) }

  @Test("the dialects differ on the same source and inputs")
  func dialectsDiffer() throws {
    let square = try #require(try vectors.first { $0.id == "document-000-square" })
    let luong = try #require(try vectors.first { $0.id == "luong-square" }).translation
    let base = try square.translation
    guard case .beforeStep(let score) = base.p.attention else { Issue.record("no score"); return }
    guard case .afterStep(let dot, let combination) = luong.p.attention else {
      Issue.record("no combination")
      return
    }
    var changed = (0..<5).map { _ in base }
    changed[1].p.attention = .beforeStep(dot)
    changed[2].p.attention = .none
    changed[2].p.decoder = luong.p.decoder
    changed[3].p.decoder = luong.p.decoder
    changed[3].p.attention = .afterStep(score, combination: combination)
    guard case .oneWay(let cell, _) = base.p.encoder else { Issue.record("two ways"); return }
    changed[4].p.encoder = .oneWay(cell, .reverse)
    #expect(Set(changed.map { correctTranslation($0).logits }).count == changed.count)
  }
}

private var vectors: [GoldenCase] {
  get throws { try GoldenCase.all(of: "seq2Seq") + GoldenCase.all(of: "greedySeq2Seq") }
}

private func compare(_ translate: Translating, with vector: GoldenCase) throws {
  let steps = translate(try vector.translation)
  try vector.check(results(steps))
  if let tokens = try vector.expectedIntegers("tokens") {
    try expect(steps.tokens == tokens, "the tokens are \(steps.tokens.storage)")
  }
}

/// Everything under the names of the vectors.
private func results<S: Scalar>(_ steps: Seq2SeqSteps<S>) -> [String: Tensor<Double>] {
  var results: [String: Tensor<Double>] = [
    "encoded": steps.encoding.outputs.converted(), "firstHidden": steps.first.hidden.converted(),
    "hidden": steps.hidden.converted(), "combined": steps.combined.converted(),
    "logits": steps.logits.converted(),
  ]
  if let attention = steps.attention {
    results["scores"] = attention.scores.converted()
    results["weights"] = attention.weights.converted()
    results["contexts"] = attention.output.converted()
  }
  return results
}

// MARK: - Reading the vectors

extension GoldenCase {
  var translation: Translation<Double> {
    get throws {
      let task: StepInputs<Double> =
        switch function {
        case "seq2Seq": .forced(inputs: try input("inputs")!)
        default:
          .greedy(
            start: try input("start")!, steps: attributes.integer(needed: "steps"),
            feedback: try input("table").map { .table($0) } ?? .oneHot)
        }
      return Translation(
        source: try input("source")!, lengths: try integers("lengths"), p: try seq2Seq, task: task)
    }
  }
}
