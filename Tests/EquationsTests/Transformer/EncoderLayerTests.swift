import Equations
import ErrorBounds
import Notation
import Specification
import TestSupport
import Testing

/// What is given to a layer of an encoder.
struct EncoderLayerCase<S: Scalar>: Sendable {
  var x: Tensor<S>
  var p: EncoderLayer<S>
  var mask = AttentionMask<S>.none
  var fill = MaskFill.excluded
  var drop = LayerDropout.none

  func converted<T: Scalar>(to type: T.Type = T.self) -> EncoderLayerCase<T> {
    EncoderLayerCase<T>(
      x: x.converted(), p: p.converted(), mask: mask.converted(), fill: fill, drop: drop)
  }
}

/// What is given to an encoder.
struct EncoderCase<S: Scalar>: Sendable {
  var x: Tensor<S>
  var layers: [EncoderLayer<S>]
  var norm: LayerNorm<S>?
  var mask = AttentionMask<S>.none
  var fill = MaskFill.excluded
  var drop = LayerDropout.none

  func converted<T: Scalar>(to type: T.Type = T.self) -> EncoderCase<T> {
    EncoderCase<T>(
      x: x.converted(), layers: layers.map { $0.converted() }, norm: norm?.converted(),
      mask: mask.converted(), fill: fill, drop: drop)
  }
}

typealias EncoderLayerFunction<S: Scalar> = @Sendable (EncoderLayerCase<S>) -> EncoderLayerSteps<S>
typealias EncoderFunction<S: Scalar> = @Sendable (EncoderCase<S>) -> Tensor<S>

func encoderLayerEquation<S: Scalar>(_ input: EncoderLayerCase<S>) -> EncoderLayerSteps<S> {
  encoderLayerSteps(
    input.x, input.p, mask: input.mask, fill: input.fill, dropout: input.drop)
}

func encoderEquation<S: Scalar>(_ input: EncoderCase<S>) -> Tensor<S> {
  encoder(
    input.x, layers: input.layers, norm: input.norm, mask: input.mask, fill: input.fill,
    dropout: input.drop)
}

@Suite("Encoder layer")
struct EncoderLayerTests {
  @Test("the layer agrees with the golden vectors", arguments: try layerVectors)
  func golden(_ vector: GoldenCase) throws { try compare(encoderLayerEquation, with: vector) }

  @Test("the layer in Float agrees with the golden vectors", arguments: try layerVectors)
  func goldenInFloat(_ vector: GoldenCase) throws {
    let steps = encoderLayerEquation(try layerCase(vector).converted(to: Float.self))
    try vector.check(steps.byName.mapValues { $0.converted() }, unit: 0x1p-24)
  }

  @Test("the encoder agrees with the golden vectors", arguments: try stackVectors)
  func goldenStack(_ vector: GoldenCase) throws { try compareStack(encoderEquation, with: vector) }

  @Test("the encoder in Float agrees with the golden vectors", arguments: try stackVectors)
  func goldenStackInFloat(_ vector: GoldenCase) throws {
    let results = results(of: encoderEquation, try stackCase(vector).converted(to: Float.self))
    try vector.check(results.mapValues { $0.converted() }, unit: 0x1p-24)
  }

  @Test("the laws of the encoder's layer hold", arguments: encoderLayerLaws + encoderLayerDrops)
  func law(_ law: Law<EncoderLayerFunction<Double>>) throws {
    try law.hold(for: encoderLayerEquation)
  }

  @Test("the laws of the encoder hold", arguments: encoderLaws)
  func stackLaw(_ law: Law<EncoderFunction<Double>>) throws { try law.hold(for: encoderEquation) }

  @Test("every wrong layer of an encoder is rejected", arguments: wrongEncoderLayers)
  func wrong(_ version: WrongVersion<EncoderLayerFunction<Double>>) throws {
    version.expectRejection(by: try layerVectors, comparedBy: compare, and: encoderLayerLaws)
  }

  @Test("wrong dropouts in an encoder's layer are rejected", arguments: wrongEncoderLayerDrops)
  func wrongDrop(_ version: WrongVersion<EncoderLayerFunction<Double>>) throws {
    version.expectRejection(by: try layerVectors, comparedBy: compare, and: encoderLayerDrops)
  }

  @Test("every wrong encoder is rejected", arguments: wrongEncoders)
  func wrongStack(_ version: WrongVersion<EncoderFunction<Double>>) throws {
    version.expectRejection(by: try stackVectors, comparedBy: compareStack, and: encoderLaws)
  }

  @Test("the placements differ on the vectors of both, and so do the two ε")
  func dialectsDiffer() throws {
    for vector in try layerVectors {
      var input = try layerCase(vector)
      guard input.x == input.x.finite else { continue }
      let outputs = NormPlacement.allCases.flatMap { placement in
        [1e-5, 1e-12].map { epsilon in
          input.p.placement = placement
          (input.p.attentionNorm.epsilon, input.p.feedForwardNorm.epsilon) = (epsilon, epsilon)
          return encoderLayerEquation(input).output
        }
      }
      #expect(Set(outputs).count == 4, "\(vector.id)")
    }
  }

  @Test("parameters that do not fit x stop the program with a sentence")
  func shapes() async throws {
    let width = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = encoderLayer(Tensor(shape: [3, 4], repeating: 1), layerOfWidth2()) }
    expectSentence("x must be … × 2: got 3 × 4, the weight is 2 × 2", from: width)
    let mask = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = encoderLayer(
        Tensor(shape: [3, 2], repeating: 1), layerOfWidth2(), mask: .keep([[true, false, true]]))
    }
    expectSentence("a mask's keep must be 1 × 3 × 3", from: mask)
    let norm = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      var p = layerOfWidth2()
      p.attentionNorm = LayerNorm(width: 3, epsilon: 0)
      _ = encoder([[1, 2]], layers: [p])
    }
    expectSentence("x must be … × 3, the width of the gain: got 1 × 2", from: norm)
  }
}

/// A layer whose parameters are all 1.
private func layerOfWidth2() -> EncoderLayer<Double> {
  let map = AffineMap(weight: [[1, 1], [1, 1]] as Tensor<Double>)
  let norm = LayerNorm<Double>(width: 2, epsilon: 1e-5)
  return EncoderLayer(
    attention: MultiHeadAttention(query: map, key: map, value: map, output: map, heads: 1),
    attentionNorm: norm, feedForward: FeedForward(inner: map, outer: map), feedForwardNorm: norm,
    placement: .postNorm)
}

private var layerVectors: [GoldenCase] { get throws { try GoldenCase.all(of: "encoderLayer") } }
private var stackVectors: [GoldenCase] { get throws { try GoldenCase.all(of: "encoder") } }

private func layerCase(_ vector: GoldenCase) throws -> EncoderLayerCase<Double> {
  EncoderLayerCase(
    x: try vector.input("x")!, p: try TransformerParameters(vector).encoderLayer(),
    mask: try vector.mask(), fill: vector.fill, drop: vector.layerDropout)
}

private func stackCase(_ vector: GoldenCase) throws -> EncoderCase<Double> {
  let (layers, norm) = try TransformerParameters(vector).encoder()
  return EncoderCase(
    x: try vector.input("x")!, layers: layers, norm: norm, mask: try vector.mask(),
    fill: vector.fill, drop: vector.layerDropout)
}

private func compare(
  _ layer: EncoderLayerFunction<Double>, with vector: GoldenCase
) throws {
  try vector.check(layer(try layerCase(vector)).byName)
}

private func compareStack(
  _ encoder: EncoderFunction<Double>, with vector: GoldenCase
) throws {
  try vector.check(results(of: encoder, try stackCase(vector)))
}

/// What leaves every layer, and the whole.
private func results<S: Scalar>(
  of encoder: EncoderFunction<S>, _ input: EncoderCase<S>
) -> [String: Tensor<S>] {
  var results = ["output": encoder(input)]
  for l in input.layers.indices {
    var first = input
    (first.layers, first.norm) = (Array(input.layers[...l]), nil)
    results["layer\(l)"] = encoder(first)
  }
  return results
}

extension EncoderLayerSteps {
  /// The steps under the names that the golden vectors have for them.
  var byName: [String: Tensor<S>] {
    [
      "attention": attention, "afterAttention": afterAttention, "feedForward": feedForward,
      "output": output,
    ]
  }
}
