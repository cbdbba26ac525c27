import Equations
import ErrorBounds
import Notation
import Specification
import TestSupport
import Testing

/// Elman's network, as the tests of all recurrent networks know it.
enum ElmanKind: RecurrentKind {
  /// What may follow the maps.
  enum Form: CaseIterable, Sendable { case tanh, relu }

  static let (function, attribute) = ("elmanRNN", "activation")
  static let (kept, last) = (["hidden"], ["last"])

  static func gates(_ form: Form) -> Int { 1 }

  static func parameters<S: Scalar>(_ gates: StackedGates<S>, _ form: Form) -> ElmanRNN<S> {
    ElmanRNN(
      input: gates.input, recurrent: gates.recurrent, activation: form == .tanh ? .tanh : .relu)
  }

  static func equation<S: Scalar>(_ input: RecurrentCase<S, ElmanKind>) -> [String: Tensor<S>] {
    let p = parameters(input.network, input.form)
    if let reverse = input.reverse {
      let hidden = elmanRNN(
        input.x, forward: p, reverse: parameters(reverse, input.form),
        initial: input.network.hidden, reverseInitial: reverse.hidden, lengths: input.lengths)
      return ["hidden": hidden]
    }
    let steps = elmanRNNSteps(
      input.x, p, initial: input.network.hidden, lengths: input.lengths,
      direction: input.direction)
    return ["hidden": steps.hidden, "last": steps.last]
  }

  static func cell<S: Scalar>(_ step: CellStep<S>, _ form: Form) -> CellResult<S> {
    let h = step.gate(0).map { form == .tanh ? S.tanh($0) : S.max($0, 0) }
    return ([h], [h])
  }
}

@Suite("Elman RNN")
struct ElmanRNNTests {
  @Test("the network agrees with the golden vectors", arguments: try ElmanKind.vectors)
  func golden(_ vector: GoldenCase) throws {
    try ElmanKind.compare(ElmanKind.equation, with: vector)
  }

  @Test("states are PyTorch's, to 1e-12 of the largest", arguments: try ElmanKind.vectors)
  func goldenStates(_ vector: GoldenCase) throws {
    try vector.check(ElmanKind.equation(try ElmanKind.input(vector)), withinShareOfLargest: 1e-12)
  }

  @Test("the network in Float agrees with the golden vectors", arguments: try ElmanKind.vectors)
  func goldenInFloat(_ vector: GoldenCase) throws {
    let results = ElmanKind.equation(try ElmanKind.input(vector).converted(to: Float.self))
    try vector.check(results.mapValues { $0.converted() }, unit: 0x1p-24)
  }

  @Test("the laws of Elman's network hold", arguments: elmanLaws)
  func law(_ law: Law<RecurrentFunction<ElmanKind>>) throws {
    try law.hold(for: ElmanKind.equation)
  }

  @Test("every wrong network of Elman's is rejected", arguments: wrongElmanNetworks)
  func wrong(_ version: WrongVersion<RecurrentFunction<ElmanKind>>) throws {
    version.expectRejection(
      by: try ElmanKind.vectors, comparedBy: ElmanKind.compare, and: elmanLaws)
  }

  @Test("the derivatives agree with the golden vectors", arguments: try jacobianVectors)
  func goldenJacobian(_ vector: GoldenCase) throws {
    try compareJacobian(elmanJacobian, with: vector)
  }

  @Test("the derivatives in Float agree with the golden vectors", arguments: try jacobianVectors)
  func goldenJacobianInFloat(_ vector: GoldenCase) throws {
    let input = try ElmanKind.input(vector).converted(to: Float.self)
    let hidden = ElmanKind.equation(input)["hidden"]!
    let output = elmanRNNJacobian(
      hidden: hidden, ElmanKind.parameters(input.network, input.form))
    try vector.check(
      ["hidden": hidden.converted(), "output": output.converted()], unit: 0x1p-24)
  }

  @Test("the laws of the derivatives hold", arguments: jacobianLaws)
  func jacobianLaw(_ law: Law<ElmanJacobian>) throws { try law.hold(for: elmanJacobian) }

  @Test("all wrong derivatives are rejected", arguments: wrongJacobians)
  func wrongJacobian(_ version: WrongVersion<ElmanJacobian>) throws {
    version.expectRejection(
      by: try jacobianVectors, comparedBy: compareJacobian, and: jacobianLaws)
  }

  @Test("tanh and relu differ on the vectors of both")
  func activationsDiffer() throws {
    for vector in try ElmanKind.vectors {
      var input = try ElmanKind.input(vector)
      let outputs = ElmanKind.Form.allCases.map { form in
        input.form = form
        return ElmanKind.equation(input)["hidden"]!.finite
      }
      #expect(outputs[0].count == 0 || outputs[0] != outputs[1], "\(vector.id)")
    }
  }

  @Test("what does not fit stops the program with a sentence")
  func shapes() async throws {
    let square = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = Gate<Double>(
        input: AffineMap(weight: [[1, 2], [3, 4]]), recurrent: AffineMap(weight: [[1, 2]]))
    }
    expectSentence(
      "a recurrent weight must be 2 × 2, from state to state: got 1 × 2", from: square)
    let width = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = elmanRNN([[1, 2]], smallNetwork) }
    expectSentence("x must be … × t × 1: got 1 × 2", from: width)
    let rank = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = elmanRNN([1], smallNetwork) }
    expectSentence("x must be … × t × 1: got 1", from: rank)
    let initial = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = elmanRNN([[[1]], [[2]]], smallNetwork, initial: [0]) }
    expectSentence("an initial state must be 2 × 1, for x of 2 × 1 × 1: got 1", from: initial)
  }

  @Test("lengths that do not fit stop the program with a sentence")
  func lengths() async throws {
    let count = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = elmanRNN([[[1]], [[2]]], smallNetwork, lengths: [1, 1, 1]) }
    expectSentence("lengths must be 2, one for each sequence: got 3", from: count)
    let long = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = elmanRNN([[[1]], [[2]]], smallNetwork, lengths: [1, 2]) }
    expectSentence("a length must be between 0 and 1: got [1, 2]", from: long)
    let negative = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = elmanRNN([[1]], smallNetwork, lengths: -1) }
    expectSentence("a length must be between 0 and 1: got [-1]", from: negative)
  }

  @Test("derivatives that the states do not tell stop the program with a sentence")
  func jacobianShapes() async throws {
    let width = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = elmanRNNJacobian(hidden: [[1, 2]], smallNetwork) }
    expectSentence("the states must be … × t × 1: got 1 × 2", from: width)
    let activation = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      var p = smallNetwork
      p.activation = .gelu
      _ = elmanRNNJacobian(hidden: [[1]], p)
    }
    expectSentence(
      "the slopes of tanh and relu follow from the states, those of gelu do not", from: activation)
  }
}

/// One number in, one kept.
private var smallNetwork: ElmanRNN<Double> {
  ElmanRNN(input: AffineMap(weight: [[1]]), recurrent: AffineMap(weight: [[1]]))
}

// MARK: - Derivatives

/// How the last state depends on the first: b × h × h.
typealias ElmanJacobian = @Sendable (RecurrentCase<Double, ElmanKind>) -> Tensor<Double>

func elmanJacobian(_ input: RecurrentCase<Double, ElmanKind>) -> Tensor<Double> {
  elmanRNNJacobian(
    hidden: ElmanKind.equation(input)["hidden"]!,
    ElmanKind.parameters(input.network, input.form))
}

private var jacobianVectors: [GoldenCase] {
  get throws { try GoldenCase.all(of: "elmanRNNJacobian") }
}

private func compareJacobian(
  _ jacobian: ElmanJacobian, with vector: GoldenCase
) throws {
  let input = try ElmanKind.input(vector)
  try vector.check(["hidden": ElmanKind.equation(input)["hidden"]!, "output": jacobian(input)])
}
