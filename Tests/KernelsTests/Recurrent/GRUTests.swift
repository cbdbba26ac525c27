import Equations
import ErrorBounds
import Kernels
import Notation
import Specification
import TestSupport
import Testing

/// The gated recurrent unit, as the tests of all recurrent kernels know it.
enum GRUKernel: RecurrentKernel {
  static let (function, attribute) = ("gru", "form")

  static func gates(_ form: GRUForm) -> Int { 3 }

  static func kernel(_ run: RecurrentRun<Float, GRUForm>) -> [String: Tensor<Float>] {
    let p = parameters(run.network, run.form)
    if let reverse = run.reverse {
      let hidden = Kernels::gru(
        run.x, forward: p, reverse: parameters(reverse, run.form), initial: run.network.hidden,
        reverseInitial: reverse.hidden, lengths: run.lengths)
      return ["hidden": hidden]
    }
    let hidden = Kernels::gru(
      run.x, p, initial: run.network.hidden, lengths: run.lengths, direction: run.direction)
    let steps = Kernels::gruSteps(
      run.x, p, initial: run.network.hidden, lengths: run.lengths, direction: run.direction)
    return named(steps).merging(["hidden": hidden], uniquingKeysWith: sameBits)
  }

  static func packed(_ run: RecurrentRun<Float, GRUForm>) -> [String: Tensor<Float>] {
    named(
      Kernels::gruSteps(
        run.x, parameters(run.network, run.form).packed(), initial: run.network.hidden,
        lengths: run.lengths, direction: run.direction))
  }

  static func stepwise(_ run: RecurrentRun<Float, GRUForm>) -> [String: Tensor<Float>] {
    var h = run.network.hidden!
    for t in 0..<run.x.shape[1] {
      h = Kernels::gruStep(run.x.position(t), h, parameters(run.network, run.form)).last
    }
    return ["last": h]
  }

  static func equation(_ run: RecurrentRun<Double, GRUForm>) -> [String: Tensor<Double>] {
    let p = parameters(run.network, run.form)
    if let reverse = run.reverse {
      let hidden = Equations::gru(
        run.x, forward: p, reverse: parameters(reverse, run.form), initial: run.network.hidden,
        reverseInitial: reverse.hidden, lengths: run.lengths)
      return ["hidden": hidden]
    }
    return named(
      Equations::gruSteps(
        run.x, p, initial: run.network.hidden, lengths: run.lengths, direction: run.direction))
  }

  static func bounds(_ run: RecurrentRun<Double, GRUForm>) -> [String: Tensor<Double>] {
    let p = parameters(run.network, run.form)
    if let reverse = run.reverse {
      let bound = gruBound(
        run.x, forward: p, reverse: parameters(reverse, run.form), initial: run.network.hidden,
        reverseInitial: reverse.hidden, lengths: run.lengths)
      return ["hidden": bound]
    }
    return named(
      gruBounds(
        run.x, p, initial: run.network.hidden, lengths: run.lengths, direction: run.direction))
  }

  private static func parameters<S: Scalar>(
    _ network: StackedGates<S>, _ form: GRUForm
  ) -> GRU<S> {
    GRU(input: network.input, recurrent: network.recurrent, form: form)
  }

  private static func named<S: Scalar>(_ steps: GRUSteps<S>) -> [String: Tensor<S>] {
    [
      "reset": steps.reset, "update": steps.update, "candidate": steps.candidate,
      "hidden": steps.hidden, "last": steps.last,
    ]
  }
}

@Suite("GRU kernel")
struct GRUKernelTests {
  @Test("the kernel agrees with the golden vectors", arguments: try GRUKernel.vectors)
  func golden(_ vector: GoldenCase) throws { try GRUKernel.expectGolden(vector) }

  @Test("the kernel agrees with the equation, whatever the network and the sequences")
  func agreement() throws { try GRUKernel.expectAgreement() }

  @Test("a sequence has the same bits alone, for any threads, and from packed maps")
  func sameBits() throws { try GRUKernel.expectSameBitsEverywhere() }

  @Test("steps taken one by one have the bits of the whole run")
  func stepwise() throws { try GRUKernel.expectStepwise() }

  @Test("the kernel refuses what the equation refuses, in the same words")
  func shapes() async throws {
    let run = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = Kernels::gru([[1]], smallGRU, initial: [0, 0]) }
    expectSentence("an initial state must be 1, for x of 1 × 1: got 2", from: run)
    let step = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = Kernels::gruStep([1, 2], [0], smallGRU) }
    expectSentence("x must be … × 1: got 2", from: step)
  }
}

/// One number in, one kept.
private var smallGRU: GRU<Float> {
  let ones = AffineMap<Float>(weight: [[1], [1], [1]])
  return GRU(input: ones, recurrent: ones)
}
