import Equations
import Notation
import Specification
import TestSupport
import Testing

typealias Normalization<S: Scalar> =
  @Sendable (Tensor<S>, LayerNorm<S>) -> LayerNormSteps<S>

@Suite("Layer norm")
struct LayerNormTests {
  @Test("layer norm agrees with the golden vectors", arguments: try vectors)
  func golden(_ vector: GoldenCase) throws { try compare(layerNormSteps, with: vector) }

  @Test("layer norm in Float agrees with the golden vectors", arguments: try vectors)
  func goldenInFloat(_ vector: GoldenCase) throws {
    try compareInFloat(layerNormSteps, with: vector)
  }

  @Test("the laws of layer norm hold", arguments: normalizationLaws)
  func law(_ law: Law<Normalization<Double>>) throws { try law.hold(for: layerNormSteps) }

  @Test("the laws of layer norm in Float hold", arguments: floatNormalizationLaws)
  func floatLaw(_ law: Law<Normalization<Float>>) throws { try law.hold(for: layerNormSteps) }

  @Test("every wrong layer norm is rejected", arguments: wrongNormalizations)
  func wrong(_ version: WrongVersion<Normalization<Double>>) throws {
    version.expectRejection(by: try vectors, comparedBy: compare, and: normalizationLaws)
  }

  @Test("every layer norm is rejected that is right but for Float", arguments: naiveNormalizations)
  func naive(_ version: WrongVersion<Normalization<Float>>) throws {
    version.expectRejection(
      by: try vectors, comparedBy: compareInFloat, and: floatNormalizationLaws)
  }

  @Test("without the shift a constant row in Float is 1 or −1, by the order of its sum")
  func constantRow() {
    let row = Tensor<Float>(shape: [512], repeating: 1000.1)
    let p = LayerNorm<Float>(width: 512, epsilon: 1e-12)
    // One after the other the sum is too small, in eight lanes it is too large.
    #expect(layerNormAsDefined(row, p).output[0] > 0.99999)
    #expect(layerNormAsDefined(row, p, lanes: 8).output[0] < -0.99999)
    // The larger ε of document 000 hides less than one would think.
    let q = LayerNorm<Float>(width: 512, epsilon: 1e-5)
    #expect(layerNormAsDefined(row, q).output[0] > 0.8)
    #expect(layerNormAsDefined(row, q, lanes: 8).output[0] < -0.2)
    #expect(layerNorm(row, p).storage.allSatisfy { $0 == 0 })
  }

  @Test("the two forms differ, and so do the two sizes of ε")
  func dialects() {
    let x: Tensor<Double> = [0.001, -0.002, 0.004]
    func output(_ epsilon: Double, _ form: LayerNormForm) -> Tensor<Double> {
      layerNorm(x, LayerNorm(width: 3, epsilon: epsilon, form: form))
    }
    let outputs = [
      output(1e-5, .epsilonInsideRoot), output(1e-12, .epsilonInsideRoot),
      output(1e-5, .epsilonOutsideRoot),
    ]
    #expect(Set(outputs).count == 3)
  }

  @Test("parameters and rows that do not fit stop the program with a sentence")
  func shapes() async throws {
    let width = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let x: Tensor<Double> = [[1, 2], [3, 4]]
      _ = layerNorm(x, LayerNorm(width: 3, epsilon: 1e-5))
    }
    expectSentence("x must be … × 3, the width of the gain: got 2 × 2", from: width)
    let gain = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = LayerNorm<Double>(gain: [[1, 2]], epsilon: 1e-5) }
    expectSentence("a gain must be a vector: got 1 × 2", from: gain)
    let bias = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = LayerNorm<Double>(gain: [1, 2], bias: [1], epsilon: 1e-5) }
    expectSentence("a bias must have 2 elements, as the gain: got 1", from: bias)
    let epsilon = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = LayerNorm<Double>(width: 2, epsilon: -1e-5) }
    expectSentence("ε must not be negative: got -1e-05", from: epsilon)
  }
}

private var vectors: [GoldenCase] { get throws { try GoldenCase.all(of: "layerNorm") } }

private func parameters(_ vector: GoldenCase) throws -> LayerNorm<Double> {
  LayerNorm(
    gain: try vector.input("gain")!, bias: try vector.input("bias"),
    epsilon: vector.attributes.number("epsilon")!,
    form: vector.attributes.string("form") == "epsilonOutsideRoot"
      ? .epsilonOutsideRoot : .epsilonInsideRoot)
}

private func compare(_ normalize: Normalization<Double>, with vector: GoldenCase) throws {
  try vector.check(normalize(try vector.input("x")!, try parameters(vector)).byName)
}

private func compareInFloat(_ normalize: Normalization<Float>, with vector: GoldenCase) throws {
  let steps = normalize(try vector.input("x")!.converted(), try parameters(vector).converted())
  try vector.check(steps.byName.mapValues { $0.converted() }, unit: 0x1p-24)
}

extension LayerNormSteps {
  /// Every step under its name in the golden vectors.
  var byName: [String: Tensor<S>] {
    ["mean": mean, "variance": variance, "normalized": normalized, "output": output]
  }
}
