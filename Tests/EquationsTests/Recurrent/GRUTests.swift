import Equations
import Notation
import Specification
import TestSupport
import Testing

/// The gated recurrent unit, as the tests of all recurrent networks know it.
enum GRUKind: RecurrentKind {
  typealias Form = GRUForm

  static let (function, attribute) = ("gru", "form")
  static let (kept, last) = (["reset", "update", "candidate", "hidden"], ["last"])

  static func gates(_ form: GRUForm) -> Int { 3 }

  static func parameters<S: Scalar>(_ gates: StackedGates<S>, _ form: GRUForm) -> GRU<S> {
    GRU(input: gates.input, recurrent: gates.recurrent, form: form)
  }

  static func equation<S: Scalar>(_ input: RecurrentCase<S, GRUKind>) -> [String: Tensor<S>] {
    let p = parameters(input.network, input.form)
    if let reverse = input.reverse {
      let hidden = gru(
        input.x, forward: p, reverse: parameters(reverse, input.form),
        initial: input.network.hidden, reverseInitial: reverse.hidden, lengths: input.lengths)
      return ["hidden": hidden]
    }
    let steps = gruSteps(
      input.x, p, initial: input.network.hidden, lengths: input.lengths,
      direction: input.direction)
    return [
      "reset": steps.reset, "update": steps.update, "candidate": steps.candidate,
      "hidden": steps.hidden, "last": steps.last,
    ]
  }

  static func cell<S: Scalar>(_ step: CellStep<S>, _ form: GRUForm) -> CellResult<S> {
    GRUGates(step).result(step, form)
  }
}

/// Both gates of one step, and what becomes of them.
struct GRUGates<S: Scalar> {
  var r, z: [S]
  let h: [S]

  init(_ step: CellStep<S>) {
    h = step.states[0]
    r = step.gate(0).map(logistic)
    z = step.gate(1).map(logistic)
  }

  /// What the candidate's tanh gets.
  func inner(_ step: CellStep<S>, _ form: GRUForm) -> [S] {
    if form == .resetAfter {
      let past = step.past(2, h)
      return h.indices.map { step.own[2][$0] + r[$0] * past[$0] }
    }
    let past = step.past(2, h.indices.map { r[$0] * h[$0] })
    return h.indices.map { step.own[2][$0] + past[$0] }
  }

  /// Everything of the step, with the candidate given or as it should be.
  func result(
    _ step: CellStep<S>, _ form: GRUForm, candidate: [S]? = nil
  ) -> CellResult<S> {
    let n = candidate ?? inner(step, form).map(S.tanh)
    let next = h.indices.map { j in
      form == .resetBeforeUpdateSwapped
        ? (1 - z[j]) * h[j] + z[j] * n[j] : (1 - z[j]) * n[j] + z[j] * h[j]
    }
    return ([r, z, n, next], [next])
  }
}

@Suite("GRU")
struct GRUTests {
  @Test("the network agrees with the golden vectors", arguments: try GRUKind.vectors)
  func golden(_ vector: GoldenCase) throws {
    try GRUKind.compare(GRUKind.equation, with: vector)
  }

  @Test("states are PyTorch's, to 1e-12 of the largest", arguments: try GRUKind.vectors)
  func goldenStates(_ vector: GoldenCase) throws {
    try vector.check(GRUKind.equation(try GRUKind.input(vector)), withinShareOfLargest: 1e-12)
  }

  @Test("the network in Float agrees with the golden vectors", arguments: try GRUKind.vectors)
  func goldenInFloat(_ vector: GoldenCase) throws {
    let results = GRUKind.equation(try GRUKind.input(vector).converted(to: Float.self))
    try vector.check(results.mapValues { $0.converted() }, unit: 0x1p-24)
  }

  @Test("the laws of the GRU hold", arguments: gruLaws)
  func law(_ law: Law<RecurrentFunction<GRUKind>>) throws { try law.hold(for: GRUKind.equation) }

  @Test("every wrong GRU is rejected", arguments: wrongGRUs)
  func wrong(_ version: WrongVersion<RecurrentFunction<GRUKind>>) throws {
    version.expectRejection(by: try GRUKind.vectors, comparedBy: GRUKind.compare, and: gruLaws)
  }

  @Test("the three forms differ on the vectors of each")
  func formsDiffer() throws {
    for vector in try GRUKind.vectors {
      var input = try GRUKind.input(vector)
      let outputs = GRUForm.allCases.map { form in
        input.form = form
        return GRUKind.equation(input)["hidden"]!.finite
      }
      #expect(outputs[0].count == 0 || Set(outputs).count == 3, "\(vector.id)")
    }
  }

  @Test("one step alone is that of the whole run", arguments: GRUForm.allCases)
  func step(form: GRUForm) throws {
    let vector = try #require(try GRUKind.vectors.first { $0.id == "square" })
    let input = try GRUKind.input(vector)
    let p = GRUKind.parameters(input.network, form)
    var h = input.network.hidden!
    for t in 0..<4 { h = gruStep(input.x.rows([t]).reshaped([4, 4]), h, p).last }
    #expect(h == gruSteps(input.x, p, initial: input.network.hidden).last)
  }

  @Test("what does not fit stops the program with a sentence")
  func shapes() async throws {
    let stacked = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = GRU<Double>(
        input: AffineMap(weight: [[1], [1], [1], [1]]),
        recurrent: AffineMap(weight: [[1], [1], [1]]))
    }
    expectSentence(
      "the maps of 3 gates must be 3·h × d and 3·h × h: got 4 × 1 and 3 × 1", from: stacked)
    let gates = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      func gate(_ d: Int) -> Gate<Double> {
        Gate(
          input: AffineMap(weight: Tensor(shape: [1, d], repeating: 1)),
          recurrent: AffineMap(weight: [[1]]))
      }
      _ = GRU(reset: gate(1), update: gate(1), candidate: gate(2))
    }
    expectSentence("all gates must be h × d alike: got 1 × 1, 1 × 1, 1 × 2", from: gates)
  }
}
