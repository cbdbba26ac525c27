import Equations
import ErrorBounds
import Notation
import Specification
import TestSupport
import Testing

/// Parameters and the gradients of so many steps, with what is kept from earlier ones.
struct AdamRun<S: Scalar>: Sendable {
  var parameters: Tensor<S>
  /// steps × the parameters' shape.
  var gradients: Tensor<S>
  var state: AdamState<S>
  var settings: Adam

  func converted<T: Scalar>(to type: T.Type = T.self) -> AdamRun<T> {
    AdamRun<T>(
      parameters: parameters.converted(), gradients: gradients.converted(),
      state: state.converted(), settings: settings)
  }
}

/// What a run of Adam had after every step, steps × the parameters' shape.
struct AdamTrace<S: Scalar> {
  var parameters: [Tensor<S>] = []
  var firstMoments: [Tensor<S>] = []
  var secondMoments: [Tensor<S>] = []

  /// Every step under its name in the golden vectors.
  func byName(_ shape: [Int]) -> [String: Tensor<S>] {
    [
      "parameters": joined(parameters, shape), "firstMoment": joined(firstMoments, shape),
      "secondMoment": joined(secondMoments, shape),
    ]
  }
}

/// Parameters and the gradients of so many steps of gradient descent.
struct DescentRun<S: Scalar>: Sendable {
  var parameters: Tensor<S>
  var gradients: Tensor<S>
  var velocity: Tensor<S>
  var settings: SGD

  func converted<T: Scalar>(to type: T.Type = T.self) -> DescentRun<T> {
    DescentRun<T>(
      parameters: parameters.converted(), gradients: gradients.converted(),
      velocity: velocity.converted(), settings: settings)
  }
}

typealias Optimizer = @Sendable (AdamRun<Double>) -> AdamTrace<Double>
typealias Descent = @Sendable (DescentRun<Double>) -> (Tensor<Double>, Tensor<Double>)

func adamEquation<S: Scalar>(_ run: AdamRun<S>) -> AdamTrace<S> {
  var (theta, state, trace) = (run.parameters, run.state, AdamTrace<S>())
  for t in 0..<run.gradients.shape[0] {
    (theta, state) = adamStep(theta, gradient: run.gradients.slice(t), state, run.settings)
    trace.parameters.append(theta)
    trace.firstMoments.append(state.firstMoment)
    trace.secondMoments.append(state.secondMoment)
  }
  return trace
}

/// Parameters and velocity after every step.
func descentEquation<S: Scalar>(_ run: DescentRun<S>) -> (Tensor<S>, Tensor<S>) {
  var (theta, velocity) = (run.parameters, run.velocity)
  var (parameters, velocities): ([Tensor<S>], [Tensor<S>]) = ([], [])
  for t in 0..<run.gradients.shape[0] {
    (theta, velocity) = sgdStep(
      theta, gradient: run.gradients.slice(t), velocity: velocity, run.settings)
    parameters.append(theta)
    velocities.append(velocity)
  }
  return (joined(parameters, theta.shape), joined(velocities, theta.shape))
}

/// Tensors of one shape as the slices of one.
func joined<S: Scalar>(_ slices: [Tensor<S>], _ shape: [Int]) -> Tensor<S> {
  Tensor(shape: [slices.count] + shape, storage: slices.flatMap(\.storage))
}

@Suite("Adam")
struct AdamTests {
  @Test("Adam agrees with the golden vectors", arguments: try adamVectors)
  func golden(_ vector: GoldenCase) throws { try compare(adamEquation, with: vector) }

  @Test("Adam in Float agrees with the golden vectors", arguments: try adamVectors)
  func goldenInFloat(_ vector: GoldenCase) throws {
    let run = try adamRun(vector).converted(to: Float.self)
    try vector.check(
      adamEquation(run).byName(run.parameters.shape).mapValues { $0.converted() }, unit: 0x1p-24)
  }

  @Test("gradient descent agrees with the golden vectors", arguments: try descentVectors)
  func goldenDescent(_ vector: GoldenCase) throws {
    try compareDescent(descentEquation, with: vector)
  }

  @Test("gradient descent in Float agrees with the golden vectors", arguments: try descentVectors)
  func goldenDescentInFloat(_ vector: GoldenCase) throws {
    let (parameters, velocity) = descentEquation(
      try descentRun(vector).converted(to: Float.self))
    try vector.check(
      ["parameters": parameters.converted(), "velocity": velocity.converted()], unit: 0x1p-24)
  }

  @Test("the laws of Adam hold", arguments: adamLaws)
  func law(_ law: Law<Optimizer>) throws { try law.hold(for: adamEquation) }

  @Test("the laws of gradient descent hold", arguments: descentLaws)
  func descentLaw(_ law: Law<Descent>) throws { try law.hold(for: descentEquation) }

  @Test("every wrong Adam is rejected", arguments: wrongOptimizers)
  func wrong(_ version: WrongVersion<Optimizer>) throws {
    version.expectRejection(by: try adamVectors, comparedBy: compare, and: adamLaws)
  }

  @Test("every wrong gradient descent is rejected", arguments: wrongDescents)
  func wrongDescent(_ version: WrongVersion<Descent>) throws {
    version.expectRejection(by: try descentVectors, comparedBy: compareDescent, and: descentLaws)
  }

  @Test("decay and the place of ε make four different steps")
  func dialects() {
    let parameters: Tensor<Double> = [2, -1]
    var outputs: Set<Tensor<Double>> = []
    for decay in WeightDecay.allCases {
      for place in EpsilonPlace.allCases {
        let settings = Adam(
          learningRate: 0.1, epsilon: 1e-3, epsilonPlace: place, weightDecay: 0.1, decay: decay)
        let gradient: Tensor<Double> = [0.5, 1e-3]
        outputs.insert(
          adamStep(parameters, gradient: gradient, AdamState(shape: [2]), settings).parameters)
      }
    }
    #expect(outputs.count == 4)
  }

  @Test("the settings of Vaswani et al. are β₂ = 0.98 and ε = 1e-9")
  func vaswani() {
    let settings = Adam.vaswani(learningRate: 0.5)
    #expect(settings == Adam(learningRate: 0.5, beta1: 0.9, beta2: 0.98, epsilon: 1e-9))
  }

  @Test("settings and shapes that do not fit stop the program with a sentence")
  func refusals() async throws {
    let rate = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Adam(learningRate: -0.1)
    }
    expectSentence("a learning rate must not be negative: got -0.1", from: rate)
    let beta = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Adam(learningRate: 0.1, beta2: 1)
    }
    expectSentence("β₁ and β₂ must be at least 0 and below 1: got 0.9 and 1.0", from: beta)
    let epsilon = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Adam(learningRate: 0.1, epsilon: -1e-8)
    }
    expectSentence("ε must not be negative: got -1e-08", from: epsilon)
    let decay = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Adam(learningRate: 0.1, weightDecay: -1)
    }
    expectSentence("a weight decay must not be negative: got -1.0", from: decay)
    let gradient = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let parameters: Tensor<Double> = [1, 2]
      _ = adamStep(parameters, gradient: [1], AdamState(shape: [2]), Adam(learningRate: 1))
    }
    expectSentence("a gradient must have the shape of the parameters: got 1 for 2", from: gradient)
    let state = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let parameters: Tensor<Double> = [1, 2]
      _ = adamStep(parameters, gradient: [1, 1], AdamState(shape: [1, 2]), Adam(learningRate: 1))
    }
    expectSentence(
      "the moments must have the shape of the parameters: got 1 × 2 for 2", from: state)
    let moments = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = AdamState<Double>(firstMoment: [1, 2], secondMoment: [1], step: 0)
    }
    expectSentence("the moments must have one shape: got 2 and 1", from: moments)
    let step = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = AdamState<Double>(firstMoment: [1], secondMoment: [1], step: -1)
    }
    expectSentence("no number of steps is negative: got -1", from: step)
  }

  @Test("settings and shapes of gradient descent that do not fit stop it with a sentence")
  func refusalsOfDescent() async throws {
    let rate = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = SGD(learningRate: -0.1)
    }
    expectSentence("a learning rate must not be negative: got -0.1", from: rate)
    let momentum = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = SGD(learningRate: 0.1, momentum: -0.9)
    }
    expectSentence("a momentum must not be negative: got -0.9", from: momentum)
    let velocity = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let parameters: Tensor<Double> = [1, 2]
      _ = sgdStep(parameters, gradient: [1, 1], velocity: [0], SGD(learningRate: 1))
    }
    expectSentence(
      "the velocity must have the shape of the parameters: got 1 for 2", from: velocity)
  }
}

private var adamVectors: [GoldenCase] { get throws { try GoldenCase.all(of: "adam") } }
private var descentVectors: [GoldenCase] { get throws { try GoldenCase.all(of: "sgd") } }

private func adamRun(_ vector: GoldenCase) throws -> AdamRun<Double> {
  let (parameters, given) = (try vector.input("initialParameters")!, vector.attributes)
  let zeros = Tensor<Double>(shape: parameters.shape, repeating: 0)
  return AdamRun(
    parameters: parameters, gradients: try vector.input("gradients")!,
    state: AdamState(
      firstMoment: try vector.input("initialFirstMoment") ?? zeros,
      secondMoment: try vector.input("initialSecondMoment") ?? zeros,
      step: given.integer(needed: "step")),
    settings: Adam(
      learningRate: given.number(needed: "learningRate"), beta1: given.number(needed: "beta1"),
      beta2: given.number(needed: "beta2"), epsilon: given.number(needed: "epsilon"),
      epsilonPlace: given.string(needed: "epsilonPlace") == "besideRoot"
        ? .besideRoot : .besideCorrectedRoot,
      weightDecay: given.number(needed: "weightDecay"),
      decay: given.string(needed: "decay") == "decoupled" ? .decoupled : .coupled))
}

private func descentRun(_ vector: GoldenCase) throws -> DescentRun<Double> {
  let parameters = try vector.input("initialParameters")!
  return DescentRun(
    parameters: parameters, gradients: try vector.input("gradients")!,
    velocity: try vector.input("initialVelocity") ?? Tensor(shape: parameters.shape, repeating: 0),
    settings: SGD(
      learningRate: vector.attributes.number(needed: "learningRate"),
      momentum: vector.attributes.number(needed: "momentum")))
}

private func compare(_ optimizer: Optimizer, with vector: GoldenCase) throws {
  let run = try adamRun(vector)
  try vector.check(optimizer(run).byName(run.parameters.shape))
}

private func compareDescent(_ descent: Descent, with vector: GoldenCase) throws {
  let (parameters, velocity) = descent(try descentRun(vector))
  try vector.check(["parameters": parameters, "velocity": velocity])
}
