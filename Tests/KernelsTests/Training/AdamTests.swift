import Equations
import ErrorBounds
import Kernels
import Notation
import Specification
import TestSupport
import Testing

@Suite("Adam kernel")
struct AdamKernelTests {
  @Test("every step agrees with the golden vectors", arguments: try GoldenCase.all(of: "adam"))
  func golden(_ vector: GoldenCase) throws {
    let (given, gradients) = (vector.attributes, try vector.input("gradients")!)
    let settings = Adam(
      learningRate: given.number(needed: "learningRate"), beta1: given.number(needed: "beta1"),
      beta2: given.number(needed: "beta2"), epsilon: given.number(needed: "epsilon"),
      epsilonPlace: given.string(needed: "epsilonPlace") == "besideRoot"
        ? .besideRoot : .besideCorrectedRoot,
      weightDecay: given.number(needed: "weightDecay"),
      decay: given.string(needed: "decay") == "decoupled" ? .decoupled : .coupled)
    var exact = try vector.input("initialParameters")!
    let zeros = exact.map { _ in 0.0 }
    var exactState = AdamState(
      firstMoment: try vector.input("initialFirstMoment") ?? zeros,
      secondMoment: try vector.input("initialSecondMoment") ?? zeros,
      step: given.integer(needed: "step"))
    var (theta, state) = (exact.converted(to: Float.self), exactState.converted(to: Float.self))
    var errors: (parameters: Tensor<Double>, state: AdamState<Double>)?
    for t in 0..<gradients.shape[0] {
      let gradient = gradients.slice(t)
      let bounds = adamStepBound(
        exact, gradient: gradient, exactState, settings, offBy: errors)
      (theta, state) = fenced {
        Kernels::adamStep(theta, gradient: gradient.converted(), state, settings)
      }
      (exact, exactState) = Equations::adamStep(exact, gradient: gradient, exactState, settings)
      errors = bounds
      try ErrorGauge(
        got: theta, expected: try vector.expected("parameters")!.slice(t),
        bound: bounds.parameters)
      try ErrorGauge(
        got: state.firstMoment, expected: try vector.expected("firstMoment")!.slice(t),
        bound: bounds.state.firstMoment)
      try ErrorGauge(
        got: state.secondMoment, expected: try vector.expected("secondMoment")!.slice(t),
        bound: bounds.state.secondMoment)
    }
  }

  @Test("every step of descent agrees with the golden vectors", arguments: try descentVectors)
  func goldenDescent(_ vector: GoldenCase) throws {
    let settings = SGD(
      learningRate: vector.attributes.number(needed: "learningRate"),
      momentum: vector.attributes.number(needed: "momentum"))
    let gradients = try vector.input("gradients")!
    var exact = try vector.input("initialParameters")!
    var exactVelocity = try vector.input("initialVelocity") ?? exact.map { _ in 0 }
    var (theta, velocity) = (
      exact.converted(to: Float.self), exactVelocity.converted(to: Float.self)
    )
    var errors: (parameters: Tensor<Double>, velocity: Tensor<Double>)?
    for t in 0..<gradients.shape[0] {
      let gradient = gradients.slice(t)
      let bounds = sgdStepBound(
        exact, gradient: gradient, velocity: exactVelocity, settings, offBy: errors)
      (theta, velocity) = fenced {
        Kernels::sgdStep(theta, gradient: gradient.converted(), velocity: velocity, settings)
      }
      (exact, exactVelocity) = Equations::sgdStep(
        exact, gradient: gradient, velocity: exactVelocity, settings)
      errors = bounds
      try ErrorGauge(
        got: theta, expected: try vector.expected("parameters")!.slice(t),
        bound: bounds.parameters)
      try ErrorGauge(
        got: velocity, expected: try vector.expected("velocity")!.slice(t),
        bound: bounds.velocity)
    }
  }

  @Test("a step agrees with the equation in every dialect, and has the same bits in place")
  func agreement() throws {
    try checkProperty("Adam agreement", cases: 400) { draw in
      let input = draw.adamInput()
      let wide = input.state.converted(to: Double.self)
      let (theta, gradient) = (
        input.theta.converted(to: Double.self), input.gradient.converted(to: Double.self)
      )
      let got = fenced {
        Kernels::adamStep(input.theta, gradient: input.gradient, input.state, input.settings)
      }
      let exact = Equations::adamStep(theta, gradient: gradient, wide, input.settings)
      let bounds = adamStepBound(theta, gradient: gradient, wide, input.settings)
      try ErrorGauge(
        got: got.parameters, expected: exact.parameters, bound: bounds.parameters)
      try ErrorGauge(
        got: got.state.firstMoment, expected: exact.state.firstMoment,
        bound: bounds.state.firstMoment)
      try ErrorGauge(
        got: got.state.secondMoment, expected: exact.state.secondMoment,
        bound: bounds.state.secondMoment)
      var (inPlace, state) = (input.theta, input.state)
      Kernels::adamStep(&inPlace, gradient: input.gradient, &state, input.settings)
      try expectSame((inPlace, state), got)
    }
  }

  @Test("a step of descent agrees with the equation, and has the same bits in place")
  func descent() throws {
    try checkProperty("descent agreement", cases: 200) { draw in
      let n = draw.size("n", upTo: 70, blocks: [8, 16])
      let theta = draw.tensor("theta", [n], .ordinary)
      let gradient = draw.tensor("gradient", [n], .ordinary)
      let velocity = draw.tensor("velocity", [n], .ordinary)
      let settings = SGD(
        learningRate: draw.element("rate", of: [0.1, 0.25, 0]),
        momentum: draw.element("momentum", of: [0.9, 0.5, 0]))
      let got = fenced {
        Kernels::sgdStep(theta, gradient: gradient, velocity: velocity, settings)
      }
      let (wide, wideGradient, wideVelocity) = (
        theta.converted(to: Double.self), gradient.converted(to: Double.self),
        velocity.converted(to: Double.self)
      )
      let exact = Equations::sgdStep(
        wide, gradient: wideGradient, velocity: wideVelocity, settings)
      let bounds = sgdStepBound(
        wide, gradient: wideGradient, velocity: wideVelocity, settings)
      try ErrorGauge(got: got.parameters, expected: exact.parameters, bound: bounds.parameters)
      try ErrorGauge(got: got.velocity, expected: exact.velocity, bound: bounds.velocity)
      var (inPlace, now) = (theta, velocity)
      Kernels::sgdStep(&inPlace, gradient: gradient, velocity: &now, settings)
      try expectSameBits(inPlace, got.parameters)
      try expectSameBits(now, got.velocity)
    }
  }

  @Test("descent in sixteenths is exact, around every block size")
  func exact() throws {
    for n in [0, 1, 7, 8, 9, 15, 16, 17, 33] {
      var stream = RandomStream(seed: UInt64(n))
      func integers() -> Tensor<Float> {
        Tensor<Float>.uniform([n], from: &stream).map { ($0 * 17).rounded(.down) - 8 }
      }
      let (theta, gradient, velocity) = (integers(), integers(), integers())
      for settings in [SGD(learningRate: 0.25), SGD(learningRate: 0.25, momentum: 0.5)] {
        let got = Kernels::sgdStep(theta, gradient: gradient, velocity: velocity, settings)
        let expected = Equations::sgdStep(
          theta, gradient: gradient, velocity: velocity, settings)
        try expectSameBits(got.parameters, expected.parameters)
        try expectSameBits(got.velocity, expected.velocity)
      }
    }
  }

  @Test("the first step has the length of the learning rate, whatever the gradient")
  func firstStep() {
    let gradient: Tensor<Float> = [1, -2, 0x1p+40, -0x1p-40]
    var (theta, state) = (Tensor<Float>(shape: [4], repeating: 0), AdamState<Float>(shape: [4]))
    Kernels::adamStep(&theta, gradient: gradient, &state, Adam(learningRate: 0.5, epsilon: 0))
    #expect(state.step == 1)
    for (theta, sign) in zip(theta.storage, [-1, 1, -1, 1] as [Float]) {
      #expect(abs(theta - sign * 0.5) < 1e-6)
    }
  }

  @Test("what is not finite stays at its own parameter, and without a decay out of the moments")
  func poison() throws {
    var stream = RandomStream(seed: 6)
    let n = 37
    let theta = Tensor<Float>.normal([n], from: &stream)
    var gradient = Tensor<Float>.normal([n], from: &stream)
    let state = AdamState<Float>(shape: [n])
    let clean = Kernels::adamStep(theta, gradient: gradient, state, Adam(learningRate: 0.1))
    var infinite = theta
    infinite[35] = .infinity
    let kept = Kernels::adamStep(infinite, gradient: gradient, state, Adam(learningRate: 0.1))
    try expectSameBits(kept.state.firstMoment, clean.state.firstMoment)
    try expectSameBits(kept.state.secondMoment, clean.state.secondMoment)
    (gradient[3], gradient[35]) = (.nan, .infinity)
    let poisoned = Kernels::adamStep(theta, gradient: gradient, state, Adam(learningRate: 0.1))
    for i in 0..<n {
      if i == 3 || i == 35 {
        #expect(poisoned.parameters[i].isNaN)
      } else {
        #expect(poisoned.parameters[i] == clean.parameters[i])
      }
    }
  }

  @Test("any number of threads gives the same bits, wherever an element lies")
  func threads() throws {
    var stream = RandomStream(seed: 5)
    let n = 40_001
    let (theta, gradient) = (
      Tensor<Float>.normal([n], from: &stream), Tensor<Float>.normal([n], from: &stream)
    )
    let state = AdamState(
      firstMoment: gradient.map { $0 / 2 }, secondMoment: theta.map { $0 * $0 }, step: 3)
    let settings = Adam(learningRate: 0.1, weightDecay: 0.01, decay: .decoupled)
    func run(_ threads: Int) -> (Tensor<Float>, AdamState<Float>) {
      Threads.$count.withValue(threads) {
        Kernels::adamStep(theta, gradient: gradient, state, settings)
      }
    }
    let one = run(1)
    for count in [2, 2, 5] {
      try expectSame(run(count), one)
      var (inPlace, now) = (theta, state)
      Threads.$count.withValue(count) {
        Kernels::adamStep(&inPlace, gradient: gradient, &now, settings)
      }
      try expectSame((inPlace, now), one)
    }
    func tail(_ x: Tensor<Float>) -> Tensor<Float> {
      Tensor(shape: [9], storage: Array(x.storage.suffix(9)))
    }
    let alone = Kernels::adamStep(
      tail(theta), gradient: tail(gradient),
      AdamState(
        firstMoment: tail(state.firstMoment), secondMoment: tail(state.secondMoment), step: 3),
      settings)
    try expectSameBits(alone.parameters, tail(one.0))
  }

  @Test("in place nothing is allocated")
  func allocations() async {
    await #expect(processExitsWith: .success) {
      var stream = RandomStream(seed: 7)
      var theta = Tensor<Float>.normal([300, 300], from: &stream)
      var velocity = theta.map { $0 / 2 }
      let gradient = Tensor<Float>.normal([300, 300], from: &stream)
      var state = AdamState<Float>(shape: [300, 300])
      for _ in 0..<2 {
        let before = Allocations.count
        Kernels::adamStep(&theta, gradient: gradient, &state, Adam(learningRate: 0.1))
        Kernels::sgdStep(&theta, gradient: gradient, velocity: &velocity, SGD(learningRate: 0.1))
        require(Allocations.count == before, "\(Allocations.count - before) allocations")
      }
    }
  }

  @Test("the kernel refuses what the equation refuses, in the same words")
  func refusals() async throws {
    let gradient = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Kernels::adamStep(
        [1, 2], gradient: [1], AdamState(shape: [2]), Adam(learningRate: 1))
    }
    expectSentence("a gradient must have the shape of the parameters: got 1 for 2", from: gradient)
    let state = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var (theta, state): (Tensor<Float>, AdamState<Float>) = ([1, 2], AdamState(shape: [1, 2]))
      Kernels::adamStep(&theta, gradient: [1, 1], &state, Adam(learningRate: 1))
    }
    expectSentence(
      "the moments must have the shape of the parameters: got 1 × 2 for 2", from: state)
    let velocity = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Kernels::sgdStep([1, 2], gradient: [1, 1], velocity: [0], SGD(learningRate: 1))
    }
    expectSentence(
      "the velocity must have the shape of the parameters: got 1 for 2", from: velocity)
  }
}

private var descentVectors: [GoldenCase] { get throws { try GoldenCase.all(of: "sgd") } }

private func expectSame(
  _ got: (Tensor<Float>, AdamState<Float>), _ expected: (Tensor<Float>, AdamState<Float>)
) throws {
  try expectSameBits(got.0, expected.0)
  try expectSameBits(got.1.firstMoment, expected.1.firstMoment)
  try expectSameBits(got.1.secondMoment, expected.1.secondMoment)
  try expect(got.1.step == expected.1.step, "the step is \(got.1.step)")
}

extension Draw {
  /// Parameters before a step, in any dialect; gradients may be as small as ε.
  fileprivate func adamInput() -> (
    theta: Tensor<Float>, gradient: Tensor<Float>, state: AdamState<Float>, settings: Adam
  ) {
    let n = size("n", upTo: 70, blocks: [8, 16])
    let scale = element("scale", of: [1, 0x1p-7, 0x1p-30] as [Float])
    let gradient = tensor("gradient", [n], .ordinary).map { $0 * scale }
    let isFresh = bool("fresh")
    let (first, second) = (tensor("first", [n], .ordinary), tensor("second", [n], .ordinary))
    let state = AdamState(
      firstMoment: first.map { isFresh ? 0 : $0 * scale },
      secondMoment: second.map { isFresh ? 0 : abs($0) * scale * scale },
      step: isFresh ? 0 : integer("step", in: 1...9))
    return (
      tensor("theta", [n], .ordinary), gradient, state,
      Adam(
        learningRate: element("rate", of: [0.25, 0.1]), beta1: element("beta1", of: [0.9, 0.5, 0]),
        beta2: element("beta2", of: [0.999, 0.98, 0]),
        epsilon: element("epsilon", of: [1e-8, 0x1p-5, 0]),
        epsilonPlace: element("place", of: EpsilonPlace.allCases),
        weightDecay: element("weightDecay", of: [0, 0.5, 0.05]),
        decay: element("decay", of: WeightDecay.allCases))
    )
  }
}
