import Equations
import ErrorBounds
import Kernels
import Notation
import Specification
import TestSupport
import Testing

/// Elman's network, as the tests of all recurrent kernels know it.
enum ElmanKernel: RecurrentKernel {
  static let (function, attribute) = ("elmanRNN", "activation")

  static func gates(_ form: Activation) -> Int { 1 }

  static func kernel(_ run: RecurrentRun<Float, Activation>) -> [String: Tensor<Float>] {
    let p = parameters(run.network, run.form)
    if let reverse = run.reverse {
      let hidden = Kernels::elmanRNN(
        run.x, forward: p, reverse: parameters(reverse, run.form), initial: run.network.hidden,
        reverseInitial: reverse.hidden, lengths: run.lengths)
      return ["hidden": hidden]
    }
    let hidden = Kernels::elmanRNN(
      run.x, p, initial: run.network.hidden, lengths: run.lengths, direction: run.direction)
    let steps = Kernels::elmanRNNSteps(
      run.x, p, initial: run.network.hidden, lengths: run.lengths, direction: run.direction)
    return named(steps).merging(["hidden": hidden], uniquingKeysWith: sameBits)
  }

  static func packed(_ run: RecurrentRun<Float, Activation>) -> [String: Tensor<Float>] {
    named(
      Kernels::elmanRNNSteps(
        run.x, parameters(run.network, run.form).packed(), initial: run.network.hidden,
        lengths: run.lengths, direction: run.direction))
  }

  static func stepwise(_ run: RecurrentRun<Float, Activation>) -> [String: Tensor<Float>] {
    var h = run.network.hidden!
    for t in 0..<run.x.shape[1] {
      h = Kernels::elmanRNNStep(run.x.position(t), h, parameters(run.network, run.form))
    }
    return ["last": h]
  }

  static func equation(_ run: RecurrentRun<Double, Activation>) -> [String: Tensor<Double>] {
    let p = parameters(run.network, run.form)
    if let reverse = run.reverse {
      let hidden = Equations::elmanRNN(
        run.x, forward: p, reverse: parameters(reverse, run.form), initial: run.network.hidden,
        reverseInitial: reverse.hidden, lengths: run.lengths)
      return ["hidden": hidden]
    }
    return named(
      Equations::elmanRNNSteps(
        run.x, p, initial: run.network.hidden, lengths: run.lengths, direction: run.direction))
  }

  static func bounds(_ run: RecurrentRun<Double, Activation>) -> [String: Tensor<Double>] {
    let p = parameters(run.network, run.form)
    if let reverse = run.reverse {
      let bound = elmanRNNBound(
        run.x, forward: p, reverse: parameters(reverse, run.form), initial: run.network.hidden,
        reverseInitial: reverse.hidden, lengths: run.lengths)
      return ["hidden": bound]
    }
    return named(
      elmanRNNBounds(
        run.x, p, initial: run.network.hidden, lengths: run.lengths, direction: run.direction))
  }

  static func parameters<S: Scalar>(
    _ network: StackedGates<S>, _ form: Activation
  ) -> ElmanRNN<S> {
    ElmanRNN(input: network.input, recurrent: network.recurrent, activation: form)
  }

  private static func named<S: Scalar>(_ steps: ElmanRNNSteps<S>) -> [String: Tensor<S>] {
    ["hidden": steps.hidden, "last": steps.last]
  }
}

@Suite("Elman RNN kernel")
struct ElmanRNNKernelTests {
  @Test("the kernel agrees with the golden vectors", arguments: try ElmanKernel.vectors)
  func golden(_ vector: GoldenCase) throws { try ElmanKernel.expectGolden(vector) }

  @Test("the kernel agrees with the equation, whatever the network and the sequences")
  func agreement() throws { try ElmanKernel.expectAgreement() }

  @Test("a sequence has the same bits alone, for any threads, and from packed maps")
  func sameBits() throws { try ElmanKernel.expectSameBitsEverywhere() }

  @Test("steps taken one by one have the bits of the whole run")
  func stepwise() throws { try ElmanKernel.expectStepwise() }

  @Test("networks of small integers without tanh are exact, around every block size")
  func exact() throws {
    for (b, d, h) in [(1, 1, 1), (5, 0, 15), (6, 3, 16), (7, 2, 17), (8, 5, 33), (1, 9, 65)] {
      var stream = RandomStream(seed: UInt64(h))
      func integers(_ shape: [Int], upTo most: Float) -> Tensor<Float> {
        Tensor.uniform(shape, from: &stream).map { ($0 * (2 * most + 1)).rounded(.down) - most }
      }
      func map(_ inputs: Int) -> AffineMap<Float> {
        AffineMap(weight: integers([h, inputs], upTo: 1), bias: integers([h], upTo: 8))
      }
      // Below 65 · (65 · 4 + 52) + 52 in two steps: Float holds every sum.
      for activation in [Activation.identity, .relu] {
        let p = ElmanRNN(input: map(d), recurrent: map(h), activation: activation)
        let (x, initial) = (integers([b, 2, d], upTo: 4), integers([b, h], upTo: 4))
        try expectSameBits(
          fenced { Kernels::elmanRNN(x, p, initial: initial) },
          Equations::elmanRNN(x, p, initial: initial))
      }
    }
  }

  @Test(
    "the derivatives agree with the golden vectors",
    arguments: try GoldenCase.all(of: "elmanRNNJacobian"))
  func goldenJacobian(_ vector: GoldenCase) throws {
    let run = try ElmanKernel.run(vector)
    let p = ElmanKernel.parameters(run.network, run.form)
    let hidden = ElmanKernel.kernel(run.converted())["hidden"]!
    let output = fenced { Kernels::elmanRNNJacobian(hidden: hidden, p.converted()) }
    try vector.check(
      ["hidden": hidden.converted(), "output": output.converted()], unit: Float.unitRoundoff)
  }

  @Test("the derivatives agree with the equation, whatever the states")
  func jacobianAgreement() throws {
    try checkProperty("Jacobian agreement", cases: 60) { draw in
      let (b, t, h) = (draw.size("b", upTo: 3), draw.size("t", upTo: 4), draw.size("h", upTo: 40))
      let hidden = draw.tensor("hidden", [b, t, h], .ordinary).map { Float.tanh($0) }
      var stream = RandomStream(seed: UInt64(h))
      let map = AffineMap<Float>.normal(h, h, from: &stream)
      let p = ElmanRNN(
        input: map, recurrent: map, activation: draw.element("activation", of: [.tanh, .relu]))
      let wide = p.converted(to: Double.self)
      try ErrorGauge(
        got: fenced { Kernels::elmanRNNJacobian(hidden: hidden, p) },
        expected: Equations::elmanRNNJacobian(hidden: hidden.converted(), wide),
        bound: elmanRNNJacobianBound(hidden: hidden.converted(), wide))
    }
  }

  @Test("the kernel refuses what the equation refuses, in the same words")
  func shapes() async throws {
    let lengths = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = Kernels::elmanRNN([[[1]], [[2]]], smallNetwork, lengths: [1, 2]) }
    expectSentence("a length must be between 0 and 1: got [1, 2]", from: lengths)
    let step = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = Kernels::elmanRNNStep([1], [0, 0], smallNetwork) }
    expectSentence("a state must be 1, for x of 1: got 2", from: step)
    let jacobian = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = Kernels::elmanRNNJacobian(hidden: [[1, 2]], smallNetwork) }
    expectSentence("the states must be … × t × 1: got 1 × 2", from: jacobian)
  }
}

/// One number in, one kept.
private var smallNetwork: ElmanRNN<Float> {
  ElmanRNN(input: AffineMap(weight: [[1]]), recurrent: AffineMap(weight: [[1]]))
}
