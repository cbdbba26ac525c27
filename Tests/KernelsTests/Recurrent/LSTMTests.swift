import Equations
import ErrorBounds
import Kernels
import Notation
import Specification
import TestSupport
import Testing

/// Long short-term memory, as the tests of all recurrent kernels know it.
enum LSTMKernel: RecurrentKernel {
  typealias Form = LSTMForm

  static let (function, attribute) = ("lstm", "gateOrder")

  static func gates(_ form: Form) -> Int { form.gates }

  static func kernel(_ run: RecurrentRun<Float, Form>) -> [String: Tensor<Float>] {
    let (p, initial) = (run.form.parameters(run.network), initial(run.network, run.x))
    if let reverse = run.reverse {
      let hidden = Kernels::lstm(
        run.x, forward: p, reverse: run.form.parameters(reverse), initial: initial,
        reverseInitial: self.initial(reverse, run.x), lengths: run.lengths)
      return ["hidden": hidden]
    }
    let hidden = Kernels::lstm(
      run.x, p, initial: initial, lengths: run.lengths, direction: run.direction)
    let steps = Kernels::lstmSteps(
      run.x, p, initial: initial, lengths: run.lengths, direction: run.direction)
    return named(steps).merging(["hidden": hidden], uniquingKeysWith: sameBits)
  }

  static func packed(_ run: RecurrentRun<Float, Form>) -> [String: Tensor<Float>] {
    named(
      Kernels::lstmSteps(
        run.x, run.form.parameters(run.network).packed(), initial: initial(run.network, run.x),
        lengths: run.lengths, direction: run.direction))
  }

  static func stepwise(_ run: RecurrentRun<Float, Form>) -> [String: Tensor<Float>] {
    let p = run.form.parameters(run.network)
    var state = initial(run.network, run.x)!
    for t in 0..<run.x.shape[1] {
      state = Kernels::lstmStep(run.x.position(t), state, p).last
    }
    return ["lastHidden": state.hidden, "lastCell": state.cell]
  }

  static func equation(_ run: RecurrentRun<Double, Form>) -> [String: Tensor<Double>] {
    let (p, initial) = (run.form.parameters(run.network), initial(run.network, run.x))
    if let reverse = run.reverse {
      let hidden = Equations::lstm(
        run.x, forward: p, reverse: run.form.parameters(reverse), initial: initial,
        reverseInitial: self.initial(reverse, run.x), lengths: run.lengths)
      return ["hidden": hidden]
    }
    return named(
      Equations::lstmSteps(
        run.x, p, initial: initial, lengths: run.lengths, direction: run.direction))
  }

  static func bounds(_ run: RecurrentRun<Double, Form>) -> [String: Tensor<Double>] {
    let (p, initial) = (run.form.parameters(run.network), initial(run.network, run.x))
    if let reverse = run.reverse {
      let bound = lstmBound(
        run.x, forward: p, reverse: run.form.parameters(reverse), initial: initial,
        reverseInitial: self.initial(reverse, run.x), lengths: run.lengths)
      return ["hidden": bound]
    }
    return named(
      lstmBounds(run.x, p, initial: initial, lengths: run.lengths, direction: run.direction))
  }

  /// The state and cell before the first step, 0 where only the other is given.
  private static func initial<S: Scalar>(
    _ network: StackedGates<S>, _ x: Tensor<S>
  ) -> LSTMState<S>? {
    guard network.hidden != nil || network.cell != nil else { return nil }
    let zeros = Tensor<S>(shape: x.leadingShape + [network.recurrent.inputs], repeating: 0)
    return LSTMState(hidden: network.hidden ?? zeros, cell: network.cell ?? zeros)
  }

  private static func named<S: Scalar>(_ steps: LSTMSteps<S>) -> [String: Tensor<S>] {
    [
      "inputGate": steps.inputGate, "forgetGate": steps.forgetGate, "candidate": steps.candidate,
      "outputGate": steps.outputGate, "cell": steps.cell, "hidden": steps.hidden,
      "lastHidden": steps.last.hidden, "lastCell": steps.last.cell,
    ]
  }
}

@Suite("LSTM kernel")
struct LSTMKernelTests {
  @Test("the kernel agrees with the golden vectors", arguments: try LSTMKernel.vectors)
  func golden(_ vector: GoldenCase) throws { try LSTMKernel.expectGolden(vector) }

  @Test("the kernel agrees with the equation, whatever the network and the sequences")
  func agreement() throws { try LSTMKernel.expectAgreement() }

  @Test("a sequence has the same bits alone, for any threads, and from packed maps")
  func sameBits() throws { try LSTMKernel.expectSameBitsEverywhere() }

  @Test("steps taken one by one have the bits of the whole run")
  func stepwise() throws { try LSTMKernel.expectStepwise() }

  @Test("the kernel refuses what the equation refuses, in the same words")
  func shapes() async throws {
    let run = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = Kernels::lstm([[1, 2]], smallLSTM) }
    expectSentence("x must be … × t × 1: got 1 × 2", from: run)
    let step = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = Kernels::lstmStep([1], LSTMState(hidden: [0], cell: [0, 0]), smallLSTM) }
    expectSentence("a state must be 1, for x of 1: got 2", from: step)
  }
}

/// One number in, one kept.
private var smallLSTM: LSTM<Float> {
  let ones = AffineMap<Float>(weight: [[1], [1], [1], [1]])
  return LSTM(input: ones, recurrent: ones)
}
