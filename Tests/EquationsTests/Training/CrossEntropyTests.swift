import Equations
import ErrorBounds
import Foundation
import Notation
import Specification
import TestSupport
import Testing

struct Prediction<S: Scalar>: Sendable {
  var logits: Tensor<S>
  var labels: Tensor<Int>
  var ignored: Int?
  var reduction = LossReduction.mean

  func converted<T: Scalar>(to type: T.Type = T.self) -> Prediction<T> {
    Prediction<T>(
      logits: logits.converted(), labels: labels, ignored: ignored, reduction: reduction)
  }
}

struct BatchLosses<S: Scalar>: Sendable {
  var losses: Tensor<S>
  var counts: Tensor<Int>
  var weighting: LossWeighting

  func converted<T: Scalar>(to type: T.Type = T.self) -> BatchLosses<T> {
    BatchLosses<T>(losses: losses.converted(), counts: counts, weighting: weighting)
  }
}

typealias Loss = @Sendable (Prediction<Double>) -> Tensor<Double>
typealias Mean = @Sendable (BatchLosses<Double>) -> Double

func lossEquation<S: Scalar>(_ input: Prediction<S>) -> Tensor<S> {
  crossEntropy(
    input.logits, labels: input.labels, ignoring: input.ignored, reduction: input.reduction)
}

func meanEquation<S: Scalar>(_ input: BatchLosses<S>) -> S {
  meanLoss(ofBatches: input.losses, counts: input.counts, weighting: input.weighting)
}

@Suite("Cross-entropy")
struct CrossEntropyTests {
  @Test("cross-entropy agrees with the golden vectors", arguments: try lossVectors)
  func golden(_ vector: GoldenCase) throws {
    try compare(lossEquation, with: vector)
    let input = try prediction(vector)
    #expect(
      try vector.expectedIntegers("count")!.storage
        == [labelCount(input.labels, ignoring: input.ignored)])
  }

  @Test("cross-entropy in Float agrees with the golden vectors", arguments: try lossVectors)
  func goldenInFloat(_ vector: GoldenCase) throws {
    var input = try prediction(vector).converted(to: Float.self)
    let output = lossEquation(input)
    input.reduction = .each
    try vector.check(
      ["losses": lossEquation(input).converted(), "output": output.converted()], unit: 0x1p-24)
  }

  @Test("perplexity agrees with the golden vectors", arguments: try meanVectors)
  func goldenPerplexity(_ vector: GoldenCase) throws {
    try compareMeans(meanEquation, with: vector)
    let input = try batches(vector)
    let output = perplexity(
      ofBatches: input.losses, counts: input.counts, weighting: input.weighting)
    try vector.check(["meanLoss": single(meanEquation(input)), "output": single(output)])
  }

  @Test("perplexity in Float agrees with the golden vectors", arguments: try meanVectors)
  func goldenPerplexityInFloat(_ vector: GoldenCase) throws {
    let input = try batches(vector).converted(to: Float.self)
    let output = perplexity(
      ofBatches: input.losses, counts: input.counts, weighting: input.weighting)
    try vector.check(
      ["meanLoss": single(meanEquation(input).double), "output": single(output.double)],
      unit: 0x1p-24)
  }

  @Test("the laws of cross-entropy hold", arguments: lossLaws)
  func law(_ law: Law<Loss>) throws { try law.hold(for: lossEquation) }

  @Test("the laws of the mean over batches hold", arguments: meanLaws)
  func meanLaw(_ law: Law<Mean>) throws { try law.hold(for: meanEquation) }

  @Test("every wrong cross-entropy is rejected", arguments: wrongLosses)
  func wrong(_ version: WrongVersion<Loss>) throws {
    version.expectRejection(by: try lossVectors, comparedBy: compare, and: lossLaws)
  }

  @Test("every wrong mean over batches is rejected", arguments: wrongMeans)
  func wrongMean(_ version: WrongVersion<Mean>) throws {
    version.expectRejection(by: try meanVectors, comparedBy: compareMeans, and: meanLaws)
  }

  @Test("a model that knows nothing has the perplexity v", arguments: [1, 2, 37, 10_000])
  func uniform(v: Int) throws {
    let labels = Tensor(shape: [2], storage: [0, v - 1])
    let logits = Tensor<Double>(shape: [2, v], repeating: -3.5)
    let tracked = crossEntropy(logits.tracked, labels: labels).storage[0]
    let loss = crossEntropy(logits, labels: labels).storage[0]
    #expect(abs(loss - log(Double(v))) <= tracked.bound + 0x1p-53 * log(Double(v)))
    func exponential<S: Scalar>(_ loss: S) -> S {
      perplexity(ofBatches: Tensor(shape: [1], storage: [loss]), counts: [2])
    }
    #expect(abs(exponential(loss) - Double(v)) <= exponential(tracked).bound)
  }

  @Test("to ignore the source's padding in a target is another loss")
  func sourcePadding() throws {
    func input(_ id: String) throws -> Prediction<Double> {
      try prediction(try #require(try lossVectors.first { $0.id == id }))
    }
    let (right, literal) = (try input("ignored"), try input("source-padding-ignored"))
    #expect(right.logits == literal.logits && right.labels == literal.labels)
    #expect(abs(lossEquation(right).storage[0] - lossEquation(literal).storage[0]) > 0.05)
  }

  @Test("to weight batches and not tokens is another perplexity")
  func weightings() throws {
    var input = try batches(try #require(try meanVectors.first { $0.id == "by-tokens" }))
    let byTokens = meanEquation(input)
    input.weighting = .batches
    #expect(abs(byTokens - meanEquation(input)) > 0.1)
  }

  @Test("labels and counts that do not fit stop the program with a sentence")
  func shapes() async throws {
    let shape = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let z: Tensor<Double> = [[1, 2], [3, 4]]
      _ = crossEntropy(z, labels: [0])
    }
    expectSentence(
      "labels must have the shape of the logits without the vocabulary: got 1 for 2 × 2",
      from: shape)
    let large = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let z: Tensor<Double> = [[1, 2], [3, 4]]
      _ = crossEntropy(z, labels: [0, 2])
    }
    expectSentence("label 2 is outside of the vocabulary 0 ..< 2", from: large)
    let negative = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let z: Tensor<Double> = [[1, 2], [3, 4]]
      _ = crossEntropy(z, labels: [-100, 1], ignoring: -1)
    }
    expectSentence("label -100 is outside of the vocabulary 0 ..< 2", from: negative)
    let counts = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let losses: Tensor<Double> = [1, 2]
      _ = meanLoss(ofBatches: losses, counts: [3])
    }
    expectSentence("each batch needs a loss and a count: got 2 losses and 1 counts", from: counts)
    let count = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let losses: Tensor<Double> = [1, 2]
      _ = perplexity(ofBatches: losses, counts: [3, -1])
    }
    expectSentence("no count may be negative: got [3, -1]", from: count)
  }
}

private var lossVectors: [GoldenCase] { get throws { try GoldenCase.all(of: "crossEntropy") } }
private var meanVectors: [GoldenCase] { get throws { try GoldenCase.all(of: "perplexity") } }

private func prediction(_ vector: GoldenCase) throws -> Prediction<Double> {
  let word = vector.attributes.string(needed: "reduction")
  return Prediction(
    logits: try vector.input("logits")!, labels: try vector.integers("labels")!,
    ignored: vector.attributes.integer("ignoring"),
    reduction: LossReduction.allCases.first { "\($0)" == word }!)
}

private func batches(_ vector: GoldenCase) throws -> BatchLosses<Double> {
  let word = vector.attributes.string(needed: "weighting")
  return BatchLosses(
    losses: try vector.input("losses")!, counts: try vector.integers("counts")!,
    weighting: LossWeighting.allCases.first { "\($0)" == word }!)
}

private func compare(_ loss: Loss, with vector: GoldenCase) throws {
  var input = try prediction(vector)
  let output = loss(input)
  input.reduction = .each
  try vector.check(["losses": loss(input), "output": output])
}

private func compareMeans(_ mean: Mean, with vector: GoldenCase) throws {
  let meanLoss = mean(try batches(vector))
  try vector.check(["meanLoss": single(meanLoss), "output": single(exp(meanLoss))])
}

private func single(_ number: Double) -> Tensor<Double> { Tensor(shape: [], storage: [number]) }
