import Equations
import ErrorBounds
import Notation
import Specification
import TestSupport
import Testing

struct PlateauRun: Sendable {
  var losses: [Double]
  var initial: Double
  var settings: ReduceOnPlateau
  var warmup: Int?
}

struct NoamRun: Sendable {
  var steps: [Int]
  var width: Int
  var warmup: Int
  var factor = 1.0
}

typealias Plateau = @Sendable (PlateauRun) -> [PlateauState]
typealias Noam = @Sendable (NoamRun) -> [Double]

func plateauEquation(_ run: PlateauRun) -> [PlateauState] {
  plateauStates(losses: run.losses, initial: run.initial, run.settings, warmup: run.warmup)
}

func noamEquation(_ run: NoamRun) -> [Double] {
  run.steps.map {
    noamLearningRate(step: $0, modelWidth: run.width, warmup: run.warmup, factor: run.factor)
  }
}

// Learning rates are Double for every type, so that there is nothing to test in Float.
@Suite("Learning-rate schedule")
struct LearningRateScheduleTests {
  @Test("the rate on a plateau agrees with the golden vectors", arguments: try plateauVectors)
  func golden(_ vector: GoldenCase) throws { try compare(plateauEquation, with: vector) }

  @Test("the rate of Vaswani et al. agrees with the golden vectors", arguments: try noamVectors)
  func goldenNoam(_ vector: GoldenCase) throws { try compareNoam(noamEquation, with: vector) }

  @Test("the laws of the plateau hold", arguments: plateauLaws)
  func law(_ law: Law<Plateau>) throws { try law.hold(for: plateauEquation) }

  @Test("the laws of the rate of Vaswani et al. hold", arguments: noamLaws)
  func noamLaw(_ law: Law<Noam>) throws { try law.hold(for: noamEquation) }

  @Test("every wrong plateau is rejected", arguments: wrongPlateaus)
  func wrong(_ version: WrongVersion<Plateau>) throws {
    version.expectRejection(by: try plateauVectors, comparedBy: compare, and: plateauLaws)
  }

  @Test("every wrong rate of Vaswani et al. is rejected", arguments: wrongNoams)
  func wrongNoam(_ version: WrongVersion<Noam>) throws {
    version.expectRejection(by: try noamVectors, comparedBy: compareNoam, and: noamLaws)
  }

  @Test("document 002's start-up delays the schedule by warmup + 1 epochs, and warms nothing up")
  func startUp() {
    let settings = ReduceOnPlateau(factor: 0.5, patience: 1)
    var run = PlateauRun(
      losses: Array(repeating: 2, count: 12), initial: 0.25, settings: settings, warmup: 3)
    let delayed = plateauEquation(run)
    // Never above, and never below, what it begins with.
    #expect(delayed.prefix(4).allSatisfy { $0 == PlateauState(learningRate: 0.25) })
    run.losses = Array(repeating: 2, count: 8)
    run.warmup = nil
    #expect(Array(delayed.dropFirst(4)) == plateauEquation(run))
  }

  @Test("settings that make no sense stop the program with a sentence")
  func refusals() async throws {
    let factor = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = ReduceOnPlateau(factor: 1)
    }
    expectSentence("a factor must be at least 0 and below 1: got 1.0", from: factor)
    let patience = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = ReduceOnPlateau(patience: -1)
    }
    expectSentence("a patience must not be negative: got -1", from: patience)
    let threshold = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = ReduceOnPlateau(threshold: 1)
    }
    expectSentence("a threshold is a share below 1: got 1.0", from: threshold)
    let cooldown = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = ReduceOnPlateau(cooldown: -2)
    }
    expectSentence("a cooldown must not be negative: got -2", from: cooldown)
    let minimum = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = ReduceOnPlateau(minimum: -0.5)
    }
    expectSentence(
      "a learning rate must not be negative: got -0.5 for the smallest", from: minimum)
    let initial = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = plateauStates(losses: [], initial: -1, ReduceOnPlateau())
    }
    expectSentence("a learning rate must not be negative: got -1.0", from: initial)
    let step = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = noamLearningRate(step: 0, modelWidth: 512)
    }
    expectSentence("steps count from 1: got 0", from: step)
    let width = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = noamLearningRate(step: 1, modelWidth: 0, warmup: 7)
    }
    expectSentence("width and warmup must be at least 1: got 0 and 7", from: width)
  }
}

private var plateauVectors: [GoldenCase] {
  get throws { try GoldenCase.all(of: "reduceOnPlateau") }
}
private var noamVectors: [GoldenCase] { get throws { try GoldenCase.all(of: "noamLearningRate") } }

private func compare(_ plateau: Plateau, with vector: GoldenCase) throws {
  let given = vector.attributes
  let states = plateau(
    PlateauRun(
      losses: try vector.input("losses")!.storage, initial: given.number(needed: "learningRate"),
      settings: ReduceOnPlateau(
        factor: given.number(needed: "factor"), patience: given.integer(needed: "patience"),
        threshold: given.number(needed: "threshold"), cooldown: given.integer(needed: "cooldown"),
        minimum: given.number(needed: "minimum"),
        smallestChange: given.number(needed: "smallestChange")),
      warmup: given.integer("warmup")))
  func numbers(_ name: KeyPath<PlateauState, Double>) -> Tensor<Double> {
    Tensor(shape: [states.count], storage: states.map { $0[keyPath: name] })
  }
  try vector.check(["learningRates": numbers(\.learningRate), "best": numbers(\.best)])
  try expect(
    try vector.expectedIntegers("badEpochs")!.storage == states.map(\.badEpochs), "bad epochs")
  try expect(
    try vector.expectedIntegers("cooldownLeft")!.storage == states.map(\.cooldownLeft), "cooldown")
}

private func compareNoam(_ noam: Noam, with vector: GoldenCase) throws {
  let (steps, given) = (try vector.integers("steps")!.storage, vector.attributes)
  let rates = noam(
    NoamRun(
      steps: steps, width: given.integer(needed: "modelWidth"),
      warmup: given.integer(needed: "warmup"), factor: given.number(needed: "factor")))
  try vector.check(["output": Tensor(shape: [steps.count], storage: rates)])
}
