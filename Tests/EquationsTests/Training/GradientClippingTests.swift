import Equations
import ErrorBounds
import Notation
import Specification
import TestSupport
import Testing

private struct Clipping<S: Scalar>: Sendable {
  var gradients: [Tensor<S>]
  var maximum: Double
  var epsilon = 1e-6

  func converted<T: Scalar>(to type: T.Type = T.self) -> Clipping<T> {
    Clipping<T>(gradients: gradients.map { $0.converted() }, maximum: maximum, epsilon: epsilon)
  }
}

/// The norm, the coefficient, and what becomes of the gradients.
private struct Clipped<S: Scalar> {
  var norm: S
  var coefficient: S
  var gradients: [Tensor<S>]
}

private typealias Clipper<S: Scalar> = @Sendable (Clipping<S>) -> Clipped<S>

private func equation<S: Scalar>(_ input: Clipping<S>) -> Clipped<S> {
  let norm = globalNorm(input.gradients)
  return Clipped(
    norm: norm,
    coefficient: clippingCoefficient(
      norm: norm, maximumNorm: input.maximum, epsilon: input.epsilon),
    gradients: clipped(input.gradients, maximumNorm: input.maximum, epsilon: input.epsilon))
}

@Suite("Gradient clipping")
struct GradientClippingTests {
  @Test("clipping agrees with the golden vectors", arguments: try vectors)
  func golden(_ vector: GoldenCase) throws { try compare(equation, with: vector) }

  @Test("clipping in Float agrees with the golden vectors", arguments: try vectors)
  func goldenInFloat(_ vector: GoldenCase) throws { try compareInFloat(equation, with: vector) }

  @Test("the laws of clipping hold", arguments: laws)
  fileprivate func law(_ law: Law<Clipper<Double>>) throws { try law.hold(for: equation) }

  @Test("the laws of clipping in Float hold", arguments: floatLaws)
  fileprivate func floatLaw(_ law: Law<Clipper<Float>>) throws { try law.hold(for: equation) }

  @Test("every wrong clipping is rejected", arguments: wrongVersions)
  fileprivate func wrong(_ version: WrongVersion<Clipper<Double>>) throws {
    version.expectRejection(by: try vectors, comparedBy: compare, and: laws)
  }

  @Test("the squares of gradients overflow or vanish in Float", arguments: naiveVersions)
  fileprivate func naive(_ version: WrongVersion<Clipper<Float>>) throws {
    version.expectRejection(by: try vectors, comparedBy: compareInFloat, and: floatLaws)
  }

  @Test("with and without ε the result differs")
  func dialects() throws {
    func output(_ id: String) throws -> [Tensor<Double>] {
      equation(try clipping(try #require(try vectors.first { $0.id == id }))).gradients
    }
    #expect(try output("clipped") != output("without-epsilon"))
  }

  @Test("a norm or an ε below 0 stops the program with a sentence")
  func refusals() async throws {
    let maximum = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let gradient: Tensor<Double> = [1]
      _ = clipped([gradient], maximumNorm: -1)
    }
    expectSentence("a norm cannot be negative: got -1.0 for the largest", from: maximum)
    let epsilon = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let gradient: Tensor<Double> = [1]
      _ = clipped([gradient], maximumNorm: 1, epsilon: -1e-6)
    }
    expectSentence("ε must not be negative: got -1e-06", from: epsilon)
  }
}

private var vectors: [GoldenCase] { get throws { try GoldenCase.all(of: "clippedGradients") } }

private func clipping(_ vector: GoldenCase) throws -> Clipping<Double> {
  Clipping(
    gradients: try vector.inputNames.map { try vector.input($0)! },
    maximum: vector.attributes.number(needed: "maximumNorm"),
    epsilon: vector.attributes.number(needed: "epsilon"))
}

private func compare(_ clipper: Clipper<Double>, with vector: GoldenCase) throws {
  try vector.check(clipper(try clipping(vector)).byName)
}

private func compareInFloat(_ clipper: Clipper<Float>, with vector: GoldenCase) throws {
  try vector.check(
    clipper(try clipping(vector).converted()).byName.mapValues { $0.converted() }, unit: 0x1p-24)
}

extension Clipped {
  /// Every step under its name in the golden vectors.
  fileprivate var byName: [String: Tensor<S>] {
    var steps = [
      "norm": Tensor(shape: [], storage: [norm]),
      "coefficient": Tensor(shape: [], storage: [coefficient]),
    ]
    for (i, gradient) in gradients.enumerated() { steps["output\(i)"] = gradient }
    return steps
  }
}

// MARK: - Laws

private let laws: [Law<Clipper<Double>>] = [
  Law("the norm is the root of the sum of all squares") { clipper, draw in
    let input = draw.clipping()
    let squares = input.gradients.flatMap { $0.tracked.storage.map { $0 * $0 } }
    try expectNumber(
      clipper(input).norm, is: RunningError.sqrt(squares.reduce(0, +)),
      within: tracked(input).norm.bound)
  },
  Law("no norm is beyond the maximum, and all gradients have one factor") { clipper, draw in
    let input = draw.clipping()
    let (got, bounds) = (clipper(input), tracked(input))
    try expect(
      globalNorm(got.gradients)
        <= input.maximum + 2 * globalNorm(bounds.gradients).bound + 0x1p-50 * input.maximum,
      "the norm is \(globalNorm(got.gradients))")
    for (before, after) in zip(input.gradients, got.gradients) {
      try expect(
        after == before.map { got.coefficient * $0 }, "the factor is not \(got.coefficient)")
    }
    draw.cover("something is clipped", got.coefficient < 1, atLeast: 0.3)
    draw.cover("nothing is clipped", got.coefficient == 1, atLeast: 0.2)
  },
  Law("what is short enough stays as it is, to the bit") { clipper, draw in
    var input = draw.clipping()
    let sum = input.gradients.flatMap(\.storage).reduce(0) { $0 + abs($1) }
    input.maximum = sum + 1
    let got = clipper(input)
    try expect(got.gradients == input.gradients && got.coefficient == 1, "it is \(got.gradients)")
  },
  Law("the coefficient is the maximum over the norm and ε") { clipper, draw in
    var input = draw.clipping()
    input.gradients = [[3, 4], [[12]]]
    input.maximum = draw.element("small", of: [1, 0.5, 6.5])
    input.epsilon = draw.element("epsilon", of: [1e-6, 0, 0.25, 13])
    let expected = RunningError(input.maximum) / (13 + RunningError(input.epsilon))
    try expectNumber(clipper(input).coefficient, is: expected, within: expected.bound)
  },
  Law("how numbers are spread over tensors does not matter") { clipper, draw in
    let input = draw.clipping()
    var joined = input
    let all = input.gradients.flatMap(\.storage)
    joined.gradients = [Tensor(shape: [all.count], storage: all)]
    let (apart, together) = (clipper(input), clipper(joined))
    try expect(
      apart.gradients.flatMap(\.storage) == together.gradients[0].storage, "it does")
  },
]

private let floatLaws: [Law<Clipper<Float>>] = [
  Law("a power of two on all gradients and the maximum is one on the result, in Float") {
    clipper, draw in
    var input = draw.clipping().converted(to: Float.self)
    input.epsilon = 0
    let c = draw.element("c", of: [0x1p+100, 0x1p-100] as [Float])
    var scaled = input
    scaled.gradients = input.gradients.map { $0.map { c * $0 } }
    scaled.maximum = input.maximum * Double(c)
    let expected = clipper(input).gradients.map { $0.map { c * $0 } }
    try expect(clipper(scaled).gradients == expected, "the result is \(clipper(scaled).gradients)")
  }
]

private func tracked(_ input: Clipping<Double>) -> Clipped<RunningError> {
  equation(input.converted(to: RunningError.self))
}

private func expectNumber(_ got: Double, is expected: RunningError, within bound: Double) throws {
  try expect(
    abs(got - expected.value) <= expected.bound + bound, "\(got) is not \(expected.value)")
}

extension Draw {
  fileprivate func clipping() -> Clipping<Double> {
    let tensors = size("tensors", from: 1, upTo: 3)
    let gradients = (0..<tensors).map { i -> Tensor<Double> in
      // The first is never 0, so that there is a norm.
      let numbers = tensor("gradient", [size("n", from: 1, upTo: 5)], .ordinary)
      return numbers.map { $0 == 0 && i == 0 ? 1 : Double($0) }
    }
    return Clipping(gradients: gradients, maximum: element("maximum", of: [1, 0.125, 3, 40, 1000]))
  }
}

// MARK: - Wrong versions

private let wrongVersions: [WrongVersion<Clipper<Double>>] = [
  WrongVersion("each tensor is clipped by itself") { input in
    var got = equation(input)
    got.gradients = input.gradients.map {
      clipped([$0], maximumNorm: input.maximum, epsilon: input.epsilon)[0]
    }
    return got
  },
  WrongVersion("each number is clipped by itself") { input in
    var got = equation(input)
    got.gradients = input.gradients.map { g in
      g.map { max(-input.maximum, min(input.maximum, $0)) }
    }
    return got
  },
  wrong("the norm is not rooted") { norm, maximum, epsilon in
    min(1, maximum / (norm * norm + epsilon))
  },
  wrong("always of the maximum's length") { norm, maximum, epsilon in maximum / (norm + epsilon) },
  wrong("never shorter") { norm, maximum, epsilon in max(1, maximum / (norm + epsilon)) },
  wrong("nothing is clipped") { _, _, _ in 1 },
  wrong("clipped to nothing") { norm, maximum, _ in norm > maximum ? 0 : 1 },
  wrong("no ε") { norm, maximum, _ in min(1, maximum / norm) },
  wrong("always 1e-6 for ε") { norm, maximum, _ in min(1, maximum / (norm + 1e-6)) },
  wrong("ε is subtracted") { norm, maximum, epsilon in min(1, maximum / (norm - epsilon)) },
  wrong("the maximum is 1") { norm, _, epsilon in min(1, 1 / (norm + epsilon)) },
  wrong("the quotient upside down") { norm, maximum, epsilon in
    min(1, (norm + epsilon) / maximum)
  },
  norm("the sum of magnitudes for the norm") { $0.reduce(0) { $0 + abs($1) } },
  norm("the largest magnitude for the norm") { $0.reduce(0) { max($0, abs($1)) } },
  norm("the mean square for the norm") {
    ($0.reduce(0) { $0 + $1 * $1 } / Double(max(1, $0.count))).squareRoot()
  },
  WrongVersion("the norms of the tensors are added") { input in
    recomputed(input, norm: input.gradients.reduce(0) { $0 + globalNorm([$1]) })
  },
  WrongVersion("the norm of the first tensor alone") { input in
    recomputed(input, norm: globalNorm([input.gradients[0]]))
  },
]

private let naiveVersions: [WrongVersion<Clipper<Float>>] = [
  WrongVersion("the root of the sum of squares as it stands") { input in
    var got = equation(input)
    let squares = input.gradients.flatMap(\.storage).reduce(0) { $0 + $1 * $1 }
    got.norm = squares.squareRoot()
    got.coefficient = clippingCoefficient(
      norm: got.norm, maximumNorm: input.maximum, epsilon: input.epsilon)
    got.gradients = input.gradients.map { g in g.map { got.coefficient * $0 } }
    return got
  }
]

/// Another coefficient, from the norm, the maximum and ε.
private func wrong(
  _ name: String, _ coefficient: @escaping @Sendable (Double, Double, Double) -> Double
) -> WrongVersion<Clipper<Double>> {
  WrongVersion(name) { input in
    var got = equation(input)
    got.coefficient = coefficient(got.norm, input.maximum, input.epsilon)
    got.gradients = input.gradients.map { g in g.map { got.coefficient * $0 } }
    return got
  }
}

/// Another norm of all numbers.
private func norm(
  _ name: String, _ norm: @escaping @Sendable ([Double]) -> Double
) -> WrongVersion<Clipper<Double>> {
  WrongVersion(name) { input in
    recomputed(input, norm: norm(input.gradients.flatMap(\.storage)))
  }
}

private func recomputed(_ input: Clipping<Double>, norm: Double) -> Clipped<Double> {
  let coefficient = clippingCoefficient(
    norm: norm, maximumNorm: input.maximum, epsilon: input.epsilon)
  return Clipped(
    norm: norm, coefficient: coefficient,
    gradients: input.gradients.map { g in g.map { coefficient * $0 } })
}
