import Equations
import ErrorBounds
import Notation
import Specification
import TestSupport
import Testing

/// Batches for one model.
struct EvaluationCase<S: Scalar>: Sendable {
  var batches: [(source: Tensor<Int>, target: Tensor<Int>)]
  var p: Transformer<S>
  var weighting: LossWeighting

  func converted<T: Scalar>(to type: T.Type = T.self) -> EvaluationCase<T> {
    EvaluationCase<T>(batches: batches, p: p.converted(), weighting: weighting)
  }
}

typealias BatchLoss = @Sendable (TransformerCase<Double>) -> Double
typealias EvaluationLoss = @Sendable (EvaluationCase<Double>) -> Double
typealias Kept = @Sendable ([Double]) -> [Int]
typealias Stopwatch = @Sendable (Double) -> (minutes: Int, seconds: Int)

func batchEquation<S: Scalar>(_ input: TransformerCase<S>) -> S {
  batchLoss(source: input.source, target: input.target, input.p, dropout: input.drop).loss
}

func evaluationEquation<S: Scalar>(_ input: EvaluationCase<S>) -> S {
  evaluationLoss(input.batches, input.p, weighting: input.weighting)
}

@Suite("Training loop")
struct TrainingLoopTests {
  @Test("the loss of a batch agrees with the golden vectors", arguments: try batchVectors)
  func golden(_ vector: GoldenCase) throws {
    try compareBatches(batchEquation, with: vector)
    let input = try batch(vector)
    let (inputs, labels) = teacherForcing(input.target)
    try vector.check([
      "logits": transformer(source: input.source, target: inputs, input.p),
      "loss": single(batchEquation(input)),
    ])
    let count = batchLoss(source: input.source, target: input.target, input.p).count
    #expect(count == labelCount(labels, ignoring: input.p.targetPadding))
    #expect(try vector.expectedIntegers("count")!.storage == [count])
    #expect(
      try vector.expectedIntegers("parameterCount")!.storage == [parameterCount(input.p)])
  }

  @Test("the loss of a batch in Float agrees with the golden vectors", arguments: try batchVectors)
  func goldenInFloat(_ vector: GoldenCase) throws {
    let input = try batch(vector).converted(to: Float.self)
    let (inputs, _) = teacherForcing(input.target)
    try vector.check(
      [
        "logits": transformer(source: input.source, target: inputs, input.p).converted(),
        "loss": single(Double(batchEquation(input))),
      ], unit: 0x1p-24)
  }

  @Test("the loss of several batches agrees with the golden vectors", arguments: try evaluations)
  func goldenEvaluation(_ vector: GoldenCase) throws {
    try compareEvaluations(evaluationEquation, with: vector)
    let input = try evaluation(vector)
    let batches = input.batches.map { batchLoss(source: $0.source, target: $0.target, input.p) }
    try vector.check([
      "losses": Tensor(shape: [batches.count], storage: batches.map(\.loss)),
      "output": single(evaluationEquation(input)),
    ])
    #expect(try vector.expectedIntegers("counts")!.storage == batches.map(\.count))
  }

  @Test("the loss of several batches in Float agrees, too", arguments: try evaluations)
  func goldenEvaluationInFloat(_ vector: GoldenCase) throws {
    let output = evaluationEquation(try evaluation(vector).converted(to: Float.self))
    let bound = try vector.bound("output", unit: 0x1p-24)
    try ErrorGauge(
      got: single(Double(output)), expected: try vector.expected("output")!, bound: bound)
  }

  @Test("the epochs that are kept are those of the golden vectors", arguments: try keptVectors)
  func goldenKept(_ vector: GoldenCase) throws {
    try compareKept({ keptEpochs(losses: $0) }, with: vector)
  }

  @Test("minutes and seconds are those of the golden vectors", arguments: try timeVectors)
  func goldenTime(_ vector: GoldenCase) throws {
    try compareTimes({ minutesAndSeconds($0) }, with: vector)
  }

  @Test("the laws of a batch's loss hold", arguments: batchLaws)
  func batchLaw(_ law: Law<BatchLoss>) throws { try law.hold(for: batchEquation) }

  @Test("the laws of an evaluation hold", arguments: evaluationLaws)
  func evaluationLaw(_ law: Law<EvaluationLoss>) throws { try law.hold(for: evaluationEquation) }

  @Test("the laws of what is kept hold", arguments: keptLaws)
  func keptLaw(_ law: Law<Kept>) throws { try law.hold { keptEpochs(losses: $0) } }

  @Test("the laws of minutes and seconds hold", arguments: stopwatchLaws)
  func stopwatchLaw(_ law: Law<Stopwatch>) throws { try law.hold { minutesAndSeconds($0) } }

  @Test("every wrong loss of a batch is rejected", arguments: wrongBatches)
  func wrongBatch(_ version: WrongVersion<BatchLoss>) throws {
    version.expectRejection(by: try batchVectors, comparedBy: compareBatches, and: batchLaws)
  }

  @Test("every wrong evaluation is rejected", arguments: wrongEvaluations)
  func wrongEvaluation(_ version: WrongVersion<EvaluationLoss>) throws {
    version.expectRejection(
      by: try evaluations, comparedBy: compareEvaluations, and: evaluationLaws)
  }

  @Test("every wrong choice of epochs is rejected", arguments: wrongKeptEpochs)
  func wrongKept(_ version: WrongVersion<Kept>) throws {
    version.expectRejection(by: try keptVectors, comparedBy: compareKept, and: keptLaws)
  }

  @Test("every wrong number of minutes or seconds is rejected", arguments: wrongStopwatches)
  func wrongStopwatch(_ version: WrongVersion<Stopwatch>) throws {
    version.expectRejection(by: try timeVectors, comparedBy: compareTimes, and: stopwatchLaws)
  }

  @Test("the parameters are all numbers that the model holds", arguments: [true, false])
  func count(norms: Bool) {
    var maker = LayerMaker(seed: 7, placement: .preNorm)
    var p = maker.transformer(encoderLayers: 2, decoderLayers: 1, norms: norms)
    #expect(parameterCount(p) == TestSupport.parameterCount(of: p))
    let sinusoids = parameterCount(p)
    p.positions = .learned(maker.numbers([12, LayerMaker.width]))
    #expect(parameterCount(p) == TestSupport.parameterCount(of: p))
    #expect(parameterCount(p) == sinusoids + 12 * LayerMaker.width)
  }

  @Test("the best loss so far may be given, and a loss that equals it is not below")
  func best() {
    #expect(keptEpochs(losses: [3, 2, 2, 1], best: 2) == [3])
  }

  @Test("what does not fit stops the program with a sentence")
  func refusals() async throws {
    let short = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = teacherForcing([[2], [2]])
    }
    expectSentence(
      "target must be b × tokens with two tokens at least: got 2 × 1", from: short)
    let time = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = minutesAndSeconds(-1)
    }
    expectSentence("a time must be finite and not negative: got -1.0", from: time)
  }
}

private var batchVectors: [GoldenCase] { get throws { try GoldenCase.all(of: "batchLoss") } }
private var evaluations: [GoldenCase] { get throws { try GoldenCase.all(of: "evaluationLoss") } }
private var keptVectors: [GoldenCase] { get throws { try GoldenCase.all(of: "keptEpochs") } }
private var timeVectors: [GoldenCase] { get throws { try GoldenCase.all(of: "minutesAndSeconds") } }

private func batch(_ vector: GoldenCase) throws -> TransformerCase<Double> {
  TransformerCase(
    source: try vector.integers("source")!, target: try vector.integers("target")!,
    p: try model(vector))
}

private func evaluation(_ vector: GoldenCase) throws -> EvaluationCase<Double> {
  var batches: [(source: Tensor<Int>, target: Tensor<Int>)] = []
  while let source = try vector.integers("source\(batches.count)"),
    let target = try vector.integers("target\(batches.count)")
  {
    batches.append((source, target))
  }
  return EvaluationCase(
    batches: batches, p: try model(vector),
    weighting: vector.attributes.string(needed: "weighting") == "batches" ? .batches : .tokens)
}

private func model(_ vector: GoldenCase) throws -> Transformer<Double> {
  try TransformerParameters(vector).transformer(
    positionTable: try vector.input("positionTable"), fill: vector.fill)
}

private func single(_ number: Double) -> Tensor<Double> { Tensor(shape: [], storage: [number]) }

/// Throws unless the one number agrees with the case's of this name.
private func expectNumber(_ got: Double, _ name: String, of vector: GoldenCase) throws {
  try ErrorGauge(
    got: single(got), expected: try vector.expected(name)!, bound: try vector.bound(name))
}

private func compareBatches(_ loss: BatchLoss, with vector: GoldenCase) throws {
  try expectNumber(loss(try batch(vector)), "loss", of: vector)
}

private func compareEvaluations(_ loss: EvaluationLoss, with vector: GoldenCase) throws {
  try expectNumber(loss(try evaluation(vector)), "output", of: vector)
}

private func compareKept(_ kept: Kept, with vector: GoldenCase) throws {
  let flags = try vector.expectedFlags("kept")!.storage
  try expect(
    kept(try vector.input("losses")!.storage) == flags.indices.filter { flags[$0] }, "they are not")
}

private func compareTimes(_ stopwatch: Stopwatch, with vector: GoldenCase) throws {
  let times = try vector.input("elapsed")!.storage.map(stopwatch)
  try expect(try vector.expectedIntegers("minutes")!.storage == times.map(\.minutes), "minutes")
  try expect(try vector.expectedIntegers("seconds")!.storage == times.map(\.seconds), "seconds")
}
