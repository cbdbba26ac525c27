import Equations
import Notation
import Specification
import TestSupport
import Testing

/// Long short-term memory, as the tests of all recurrent networks know it.
enum LSTMKind: RecurrentKind {
  typealias Form = LSTMForm

  static let (function, attribute) = ("lstm", "gateOrder")
  static let kept = ["inputGate", "forgetGate", "candidate", "outputGate", "cell", "hidden"]
  static let last = ["lastHidden", "lastCell"]

  static func gates(_ form: Form) -> Int { form.gates }

  static func equation<S: Scalar>(_ input: RecurrentCase<S, LSTMKind>) -> [String: Tensor<S>] {
    let p = input.form.parameters(input.network)
    if let reverse = input.reverse {
      let hidden = lstm(
        input.x, forward: p, reverse: input.form.parameters(reverse),
        initial: initial(input.network, input.x), reverseInitial: initial(reverse, input.x),
        lengths: input.lengths)
      return ["hidden": hidden]
    }
    let steps = lstmSteps(
      input.x, p, initial: initial(input.network, input.x), lengths: input.lengths,
      direction: input.direction)
    return [
      "inputGate": steps.inputGate, "forgetGate": steps.forgetGate, "candidate": steps.candidate,
      "outputGate": steps.outputGate, "cell": steps.cell, "hidden": steps.hidden,
      "lastHidden": steps.last.hidden, "lastCell": steps.last.cell,
    ]
  }

  /// The state and cell before the first step, 0 where only the other is given.
  private static func initial<S: Scalar>(_ gates: StackedGates<S>, _ x: Tensor<S>) -> LSTMState<S>?
  {
    guard gates.hidden != nil || gates.cell != nil else { return nil }
    let zeros = Tensor<S>(shape: x.leadingShape + [gates.width], repeating: 0)
    return LSTMState(hidden: gates.hidden ?? zeros, cell: gates.cell ?? zeros)
  }

  static func cell<S: Scalar>(_ step: CellStep<S>, _ form: Form) -> CellResult<S> {
    LSTMGates(step, form).result()
  }
}

/// Gates and candidate of one step, and what becomes of them.
struct LSTMGates<S: Scalar> {
  var i, f, g, o: [S]
  var h, c: [S]

  init(_ step: CellStep<S>, _ form: LSTMKind.Form) {
    (h, c) = (step.states[0], step.states[1])
    let places =
      switch form {
      case .inputForgetCandidateOutput: (i: 0, f: 1, g: 2, o: 3)
      case .inputOutputForgetCandidate: (i: 0, f: 2, g: 3, o: 1)
      case .inputCandidateOutput: (i: 0, f: -1, g: 1, o: 2)
      }
    i = step.gate(places.i).map(logistic)
    f = places.f < 0 ? h.map { _ in 1 } : step.gate(places.f).map(logistic)
    g = step.gate(places.g).map(S.tanh)
    o = step.gate(places.o).map(logistic)
  }

  /// The cell after the step.
  func cell() -> [S] { h.indices.map { f[$0] * c[$0] + i[$0] * g[$0] } }

  /// Everything of the step, with the cell and the state given or as they should be.
  func result(cell: [S]? = nil, hidden: [S]? = nil) -> CellResult<S> {
    let c = cell ?? self.cell()
    let h = hidden ?? h.indices.map { o[$0] * S.tanh(c[$0]) }
    return ([i, f, g, o, c, h], [h, c])
  }
}

@Suite("LSTM")
struct LSTMTests {
  @Test("the network agrees with the golden vectors", arguments: try LSTMKind.vectors)
  func golden(_ vector: GoldenCase) throws {
    try LSTMKind.compare(LSTMKind.equation, with: vector)
  }

  @Test("states are PyTorch's, to 1e-12 of the largest", arguments: try LSTMKind.vectors)
  func goldenStates(_ vector: GoldenCase) throws {
    try vector.check(LSTMKind.equation(try LSTMKind.input(vector)), withinShareOfLargest: 1e-12)
  }

  @Test("the network in Float agrees with the golden vectors", arguments: try LSTMKind.vectors)
  func goldenInFloat(_ vector: GoldenCase) throws {
    let results = LSTMKind.equation(try LSTMKind.input(vector).converted(to: Float.self))
    try vector.check(results.mapValues { $0.converted() }, unit: 0x1p-24)
  }

  @Test("the laws of the LSTM hold", arguments: lstmLaws)
  func law(_ law: Law<RecurrentFunction<LSTMKind>>) throws {
    try law.hold(for: LSTMKind.equation)
  }

  @Test("every wrong LSTM is rejected", arguments: wrongLSTMs)
  func wrong(_ version: WrongVersion<RecurrentFunction<LSTMKind>>) throws {
    version.expectRejection(
      by: try LSTMKind.vectors, comparedBy: LSTMKind.compare, and: lstmLaws)
  }

  @Test("the orders of the gates make other networks on the vectors of both")
  func ordersDiffer() throws {
    for vector in try LSTMKind.vectors {
      var input = try LSTMKind.input(vector)
      guard LSTMKind.gates(input.form) == 4 else { continue }
      let outputs = [
        LSTMKind.Form.inputForgetCandidateOutput, .inputOutputForgetCandidate,
      ].map { form in
        input.form = form
        return LSTMKind.equation(input)["hidden"]!.finite
      }
      #expect(outputs[0].count == 0 || outputs[0] != outputs[1], "\(vector.id)")
    }
  }

  @Test("one step alone is that of the whole run")
  func step() throws {
    let vector = try #require(try LSTMKind.vectors.first { $0.id == "square" })
    let input = try LSTMKind.input(vector)
    let p = input.form.parameters(input.network)
    var state = LSTMState(hidden: input.network.hidden!, cell: input.network.cell!)
    for t in 0..<4 {
      let x = input.x.rows([t]).reshaped([4, 4])
      let step = lstmStep(x, state, p)
      let run = lstmSteps(x.reshaped([4, 1, 4]), p, initial: state)
      #expect(step.outputGate == run.outputGate.reshaped([4, 4]))
      #expect(step.last.hidden == run.last.hidden && step.last.cell == run.last.cell)
      state = step.last
    }
    let whole = lstmSteps(
      input.x, p, initial: LSTMState(hidden: input.network.hidden!, cell: input.network.cell!))
    #expect(state.hidden == whole.last.hidden && state.cell == whole.last.cell)
  }

  @Test("what does not fit stops the program with a sentence")
  func shapes() async throws {
    let stacked = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = LSTM<Double>(
        input: AffineMap(weight: [[1], [1], [1]]), recurrent: AffineMap(weight: [[1], [1], [1]]))
    }
    expectSentence(
      "the maps of 4 gates must be 4·h × d and 4·h × h: got 3 × 1 and 3 × 1", from: stacked)
    let gates = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let gate = gateOfOnes(inputs: 1)
      _ = LSTM(
        inputGate: gate, forgetGate: gateOfOnes(inputs: 2), candidate: gate, outputGate: gate)
    }
    expectSentence("all gates must be h × d alike: got 1 × 1, 1 × 2, 1 × 1, 1 × 1", from: gates)
    let initial = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let gate = gateOfOnes(inputs: 1)
      let p = LSTM(inputGate: gate, forgetGate: nil, candidate: gate, outputGate: gate)
      _ = lstm([[1]], p, initial: LSTMState(hidden: [0], cell: [0, 0]))
    }
    expectSentence("an initial state must be 1, for x of 1 × 1: got 2", from: initial)
  }
}

/// One number kept, all weights 1.
private func gateOfOnes(inputs: Int) -> Gate<Double> {
  Gate(
    input: AffineMap(weight: Tensor(shape: [1, inputs], repeating: 1)),
    recurrent: AffineMap(weight: [[1]]))
}
