import Equations
import ErrorBounds
import Notation
import Specification
import TestSupport
import Testing

/// A residual sublayer, F(x) = relu(x Wᵀ + b).
private struct ResidualCase<S: Scalar>: Sendable {
  var x: Tensor<S>
  var map: AffineMap<S>
  /// `nil` for no normalisation.
  var placement: NormPlacement?
  var norm: LayerNorm<S>
  var drop = Dropout.none

  func sublayer(_ x: Tensor<S>) -> Tensor<S> { affineMap(x, map, activation: .relu) }

  func converted<T: Scalar>(to type: T.Type = T.self) -> ResidualCase<T> {
    ResidualCase<T>(
      x: x.converted(), map: map.converted(), placement: placement, norm: norm.converted(),
      drop: drop)
  }
}

private typealias Steps<S> = (sublayer: Tensor<S>, output: Tensor<S>)
private typealias Residual = @Sendable (ResidualCase<Double>) -> Steps<Double>

/// Without a normalisation there is nothing to drop either.
private func correct<S: Scalar>(_ input: ResidualCase<S>) -> Steps<S> {
  guard let placement = input.placement else {
    return (input.sublayer(input.x), residual(input.x, input.sublayer))
  }
  return residual(input.x, placement, input.norm, dropout: input.drop, input.sublayer)
}

@Suite("Residual")
struct ResidualTests {
  @Test("the residual connection agrees with the golden vectors", arguments: try vectors)
  func golden(_ vector: GoldenCase) throws { try compare(correct, with: vector) }

  @Test("the residual connection in Float agrees with the golden vectors", arguments: try vectors)
  func goldenInFloat(_ vector: GoldenCase) throws {
    let steps = correct(try residualCase(vector).converted(to: Float.self))
    try vector.check(
      ["sublayer": steps.sublayer.converted(), "output": steps.output.converted()], unit: 0x1p-24)
  }

  @Test("the laws of the residual connection hold", arguments: laws)
  fileprivate func law(_ law: Law<Residual>) throws { try law.hold(for: correct) }

  @Test("every wrong residual connection is rejected", arguments: wrongVersions)
  fileprivate func wrong(_ version: WrongVersion<Residual>) throws {
    version.expectRejection(by: try vectors, comparedBy: compare, and: laws)
  }

  @Test("the placements differ on the vectors of both")
  func placementsDiffer() throws {
    for vector in try vectors where vector.attributes.string("placement") != "none" {
      var input = try residualCase(vector)
      guard input.x.finite == input.x, input.x.count > 0 else { continue }
      let outputs = [NormPlacement.postNorm, .preNorm, nil].map { placement in
        input.placement = placement
        return correct(input).output
      }
      #expect(Set(outputs).count == 3, "\(vector.id)")
    }
  }

  @Test("a sublayer of another shape stops the program with a sentence")
  func shapes() async throws {
    let plain = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let x: Tensor<Double> = [[1, 2]]
      _ = residual(x) { $0.transposed }
    }
    expectSentence("the terms of a sum must have one shape: got [1, 2] and [2, 1]", from: plain)
    let normalized = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let x: Tensor<Double> = [[1, 2]]
      _ = residual(x, .preNorm, LayerNorm(width: 2, epsilon: 1e-5)) { _ in [1, 2] }
    }
    expectSentence("the terms of a sum must have one shape: got [1, 2] and [2]", from: normalized)
  }
}

private var vectors: [GoldenCase] { get throws { try GoldenCase.all(of: "residual") } }

private func residualCase(_ vector: GoldenCase) throws -> ResidualCase<Double> {
  let x = try vector.input("x")!
  let placement: NormPlacement? =
    switch vector.attributes.string("placement") {
    case "postNorm": .postNorm
    case "preNorm": .preNorm
    default: nil
    }
  let norm =
    if let gain = try vector.input("gain") {
      LayerNorm(
        gain: gain, bias: try vector.input("normBias"),
        epsilon: vector.attributes.number("epsilon")!)
    } else {
      LayerNorm<Double>(width: x.shape.last!, epsilon: 0)
    }
  var input = ResidualCase(
    x: x, map: AffineMap(weight: try vector.input("weight")!, bias: try vector.input("bias")),
    placement: placement, norm: norm)
  if let probability = vector.attributes.number("probability") {
    input.drop = Dropout(
      probability: probability, seed: UInt64(vector.attributes.integer(needed: "seed")))
  }
  return input
}

private func compare(_ residual: Residual, with vector: GoldenCase) throws {
  let steps = residual(try residualCase(vector))
  try vector.check(["sublayer": steps.sublayer, "output": steps.output])
}

// MARK: - Laws

private let laws: [Law<Residual>] = [
  Law("the sublayer gets x, or x normalised") { residual, draw in
    let input = draw.residual()
    let tracked = input.converted(to: RunningError.self)
    let entering =
      tracked.placement == .preNorm ? layerNormAsDefined(tracked.x, tracked.norm).output : tracked.x
    let expected = tracked.sublayer(entering)
    try ErrorGauge(
      got: residual(input).sublayer, expected: expected.map(\.value),
      bound: expected.bounds + correct(tracked).sublayer.bounds)
  },
  Law("the output is the sum of x and what is kept, normalised if it is postNorm") {
    residual, draw in
    let input = draw.residual()
    let tracked = input.converted(to: RunningError.self)
    let steps = correct(tracked)
    let sum =
      tracked.x + (input.placement == nil ? steps.sublayer : kept(steps.sublayer, input.drop))
    let expected =
      tracked.placement == .postNorm ? layerNormAsDefined(sum, tracked.norm).output : sum
    try ErrorGauge(
      got: residual(input).output, expected: expected.map(\.value),
      bound: expected.bounds + steps.output.bounds)
  },
  Law("a sublayer of zeros leaves x, or x normalised") { residual, draw in
    var input = draw.residual()
    input.map.weight = input.map.weight.map { _ in 0 }
    input.map.bias = nil
    let expected = input.placement == .postNorm ? layerNorm(input.x, input.norm) : input.x
    try expect(residual(input).output == expected, "x has become something else")
  },
]

/// What dropout keeps, by the words of its seed.
private func kept<S: Scalar>(_ x: Tensor<S>, _ drop: Dropout) -> Tensor<S> {
  let rest = S(1 - drop.probability)
  return Tensor(
    shape: x.shape, storage: x.storage.indices.map { drop.keeps($0) ? x.storage[$0] / rest : 0 })
}

extension Draw {
  fileprivate func residual() -> ResidualCase<Double> {
    let (n, d) = (size("n", from: 1, upTo: 4), size("d", from: 1, upTo: 8))
    let placement = element("placement", of: [nil, NormPlacement.postNorm, .preNorm])
    let probability = element("probability", of: [0, 0.5, 0.25])
    return ResidualCase(
      x: tensor("x", [n, d], .ordinary).converted(),
      map: AffineMap(
        weight: tensor("weight", [d, d], .ordinary).converted(),
        bias: tensor("bias", [d], .ordinary).converted()),
      placement: placement,
      norm: LayerNorm(
        gain: tensor("gain", [d], .ordinary).converted(),
        bias: tensor("normBias", [d], .ordinary).converted(),
        epsilon: element("epsilon", of: [1e-5, 0.5])),
      drop: Dropout(probability: probability, seed: UInt64(integer("seed", in: 0...1000))))
  }
}

// MARK: - Wrong versions

private let wrongVersions: [WrongVersion<Residual>] = [
  wrong("x is not added") { input, f, _ in f },
  wrong("x is added twice") { input, f, _ in input.x + input.x + f },
  wrong("what the sublayer gives is subtracted") { input, f, _ in input.x + f.map { -$0 } },
  WrongVersion("normalised before where it is meant after") { input in
    replaced(.postNorm, by: .preNorm, in: input)
  },
  WrongVersion("normalised after where it is meant before") { input in
    replaced(.preNorm, by: .postNorm, in: input)
  },
  WrongVersion("not normalised where it is meant after") { input in
    replaced(.postNorm, by: nil, in: input)
  },
  WrongVersion("not normalised where it is meant before") { input in
    replaced(.preNorm, by: nil, in: input)
  },
  wrong("the normalised x is added, not x itself") { input, f, norm in
    input.placement == .preNorm ? norm(input.x) + f : nil
  },
  wrong("what the sublayer gives is normalised, not the sum") { input, f, norm in
    input.placement == .postNorm ? input.x + norm(f) : nil
  },
  wrong("normalised before and after") { input, f, norm in
    input.placement == .preNorm ? norm(input.x + f) : nil
  },
  wrong("x is normalised, and the sum is not") { input, f, norm in
    input.placement == .postNorm ? norm(input.x) + f : nil
  },
  WrongVersion("nothing is dropped") { input in
    var input = input
    input.drop = .none
    return correct(input)
  },
  wrong("the sum is dropped, not what the sublayer gives") { input, f, norm in
    switch input.placement {
    case nil: nil
    case .preNorm: dropout(input.x + f, input.drop)
    case .postNorm: norm(dropout(input.x + f, input.drop))
    }
  },
  wrong("the result is dropped, after its normalisation") { input, f, norm in
    input.placement == .postNorm ? dropout(norm(input.x + f), input.drop) : nil
  },
  wrong("what is kept is not scaled up") { input, f, norm in
    let scaled = dropout(f, input.drop).map { $0 * (1 - input.drop.probability) }
    switch input.placement {
    case nil: return nil
    case .preNorm: return input.x + scaled
    case .postNorm: return norm(input.x + scaled)
    }
  },
]

/// The correct steps with another output, a function of the case, F's result and the normalisation;
/// `nil` leaves the output.
private func wrong(
  _ name: String,
  _ output:
    @escaping @Sendable (
      ResidualCase<Double>, Tensor<Double>, (Tensor<Double>) -> Tensor<Double>
    ) -> Tensor<Double>?
) -> WrongVersion<Residual> {
  WrongVersion(name) { input in
    let steps = correct(input)
    let changed = output(input, steps.sublayer) { layerNorm($0, input.norm) }
    return (steps.sublayer, changed ?? steps.output)
  }
}

private func replaced(
  _ placement: NormPlacement, by other: NormPlacement?, in input: ResidualCase<Double>
) -> Steps<Double> {
  var input = input
  if input.placement == placement { input.placement = other }
  return correct(input)
}
