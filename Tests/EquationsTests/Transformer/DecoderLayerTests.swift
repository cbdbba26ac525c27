import Equations
import ErrorBounds
import Notation
import Specification
import TestSupport
import Testing

/// What is given to a layer of a decoder.
struct DecoderLayerCase<S: Scalar>: Sendable {
  var x: Tensor<S>
  var memory: Tensor<S>?
  var p: DecoderLayer<S>
  var mask: AttentionMask<S>
  var memoryMask: AttentionMask<S>
  var fill = MaskFill.excluded
  var drop = LayerDropout.none

  func converted<T: Scalar>(to type: T.Type = T.self) -> DecoderLayerCase<T> {
    DecoderLayerCase<T>(
      x: x.converted(), memory: memory?.converted(), p: p.converted(), mask: mask.converted(),
      memoryMask: memoryMask.converted(), fill: fill, drop: drop)
  }
}

/// What is given to a decoder.
struct DecoderCase<S: Scalar>: Sendable {
  var x: Tensor<S>
  var memory: Tensor<S>?
  var layers: [DecoderLayer<S>]
  var norm: LayerNorm<S>?
  var mask: AttentionMask<S>
  var memoryMask: AttentionMask<S>
  var fill = MaskFill.excluded
  var drop = LayerDropout.none

  func converted<T: Scalar>(to type: T.Type = T.self) -> DecoderCase<T> {
    DecoderCase<T>(
      x: x.converted(), memory: memory?.converted(), layers: layers.map { $0.converted() },
      norm: norm?.converted(), mask: mask.converted(), memoryMask: memoryMask.converted(),
      fill: fill, drop: drop)
  }
}

typealias DecoderLayerFunction<S: Scalar> = @Sendable (DecoderLayerCase<S>) -> DecoderLayerSteps<S>
typealias DecoderFunction<S: Scalar> = @Sendable (DecoderCase<S>) -> Tensor<S>
/// A layer that goes from position to position, and gives its output.
typealias DecoderLayerSweep = @Sendable (DecoderLayerCase<Double>) -> Tensor<Double>

func decoderLayerEquation<S: Scalar>(_ input: DecoderLayerCase<S>) -> DecoderLayerSteps<S> {
  decoderLayerSteps(
    input.x, memory: input.memory, input.p, mask: input.mask, memoryMask: input.memoryMask,
    fill: input.fill, dropout: input.drop)
}

func decoderEquation<S: Scalar>(_ input: DecoderCase<S>) -> Tensor<S> {
  decoder(
    input.x, memory: input.memory, layers: input.layers, norm: input.norm, mask: input.mask,
    memoryMask: input.memoryMask, fill: input.fill, dropout: input.drop)
}

@Suite("Decoder layer")
struct DecoderLayerTests {
  @Test("the layer agrees with the golden vectors", arguments: try layerVectors)
  func golden(_ vector: GoldenCase) throws { try compare(decoderLayerEquation, with: vector) }

  @Test("the layer in Float agrees with the golden vectors", arguments: try layerVectors)
  func goldenInFloat(_ vector: GoldenCase) throws {
    let steps = decoderLayerEquation(try layerCase(vector).converted(to: Float.self))
    try vector.check(steps.byName.mapValues { $0.converted() }, unit: 0x1p-24)
  }

  @Test("the decoder agrees with the golden vectors", arguments: try stackVectors)
  func goldenStack(_ vector: GoldenCase) throws { try compareStack(decoderEquation, with: vector) }

  @Test("the decoder in Float agrees with the golden vectors", arguments: try stackVectors)
  func goldenStackInFloat(_ vector: GoldenCase) throws {
    let results = results(of: decoderEquation, try stackCase(vector).converted(to: Float.self))
    try vector.check(results.mapValues { $0.converted() }, unit: 0x1p-24)
  }

  @Test("one position at a time agrees with the golden vectors", arguments: try sweepVectors)
  func goldenSweep(_ vector: GoldenCase) throws { try compareSweep(sweepEquation, with: vector) }

  @Test("the laws of the decoder's layer hold", arguments: decoderLayerLaws + decoderLayerDrops)
  func law(_ law: Law<DecoderLayerFunction<Double>>) throws {
    try law.hold(for: decoderLayerEquation)
  }

  @Test("the laws of one position at a time hold", arguments: sweepLaws)
  func sweepLaw(_ law: Law<DecoderLayerSweep>) throws { try law.hold(for: sweepEquation) }

  @Test("the laws of the decoder hold", arguments: decoderLaws)
  func stackLaw(_ law: Law<DecoderFunction<Double>>) throws { try law.hold(for: decoderEquation) }

  @Test("every wrong layer of a decoder is rejected", arguments: wrongDecoderLayers)
  func wrong(_ version: WrongVersion<DecoderLayerFunction<Double>>) throws {
    version.expectRejection(by: try layerVectors, comparedBy: compare, and: decoderLayerLaws)
  }

  @Test("wrong dropouts in a decoder's layer are rejected", arguments: wrongDecoderLayerDrops)
  func wrongDrop(_ version: WrongVersion<DecoderLayerFunction<Double>>) throws {
    version.expectRejection(by: try layerVectors, comparedBy: compare, and: decoderLayerDrops)
  }

  @Test("every wrong way of one position at a time is rejected", arguments: wrongSweeps)
  func wrongSweep(_ version: WrongVersion<DecoderLayerSweep>) throws {
    version.expectRejection(by: try sweepVectors, comparedBy: compareSweep, and: sweepLaws)
  }

  @Test("every wrong decoder is rejected", arguments: wrongDecoders)
  func wrongStack(_ version: WrongVersion<DecoderFunction<Double>>) throws {
    version.expectRejection(by: try stackVectors, comparedBy: compareStack, and: decoderLaws)
  }

  @Test("the placements differ on the vectors of both, and so do the two ε")
  func dialectsDiffer() throws {
    for vector in try layerVectors {
      var input = try layerCase(vector)
      guard input.x == input.x.finite else { continue }
      let outputs = NormPlacement.allCases.flatMap { placement in
        [1e-5, 1e-12].map { epsilon in
          input.p.placement = placement
          (input.p.selfAttentionNorm.epsilon, input.p.crossAttentionNorm.epsilon) =
            (epsilon, epsilon)
          input.p.feedForwardNorm.epsilon = epsilon
          return decoderLayerEquation(input).output
        }
      }
      #expect(Set(outputs).count == 4, "\(vector.id)")
    }
  }

  @Test("operands that do not fit stop the program with a sentence")
  func shapes() async throws {
    let memory = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = decoderLayer([[1, 2]], memory: [[1, 2, 3]], layerOfWidth2()) }
    expectSentence("x must be … × 2: got 1 × 3, the weight is 2 × 2", from: memory)
    let batch = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = decoderLayer([[[1, 2]], [[3, 4]]], memory: [[[1, 2]]], layerOfWidth2()) }
    expectSentence("keys must be 2 × 1 × m × 2: got 1 × 1 × 1 × 2", from: batch)
    let mask = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = decoder(
        [[1, 2]], memory: [[1, 2], [3, 4]], layers: [layerOfWidth2()],
        memoryMask: .keep([[[true, true, false]]]))
    }
    expectSentence("a mask's keep must be 1 × 1 × 2", from: mask)
  }
}

/// A layer whose parameters are all 1.
private func layerOfWidth2() -> DecoderLayer<Double> {
  let map = AffineMap(weight: [[1, 1], [1, 1]] as Tensor<Double>)
  let norm = LayerNorm<Double>(width: 2, epsilon: 1e-5)
  let attention = MultiHeadAttention(query: map, key: map, value: map, output: map, heads: 1)
  return DecoderLayer(
    selfAttention: attention, selfAttentionNorm: norm, crossAttention: attention,
    crossAttentionNorm: norm, feedForward: FeedForward(inner: map, outer: map),
    feedForwardNorm: norm, placement: .postNorm)
}

private var layerVectors: [GoldenCase] { get throws { try GoldenCase.all(of: "decoderLayer") } }
private var stackVectors: [GoldenCase] { get throws { try GoldenCase.all(of: "decoder") } }
/// Only what is causal can be computed position by position, and words drop by their places in all.
private var sweepVectors: [GoldenCase] {
  get throws {
    try layerVectors.filter {
      try $0.attributes.integer("causalOffset") == 0 && $0.input("memory") != nil
        && $0.layerDropout == .none
    }
  }
}

private func layerCase(_ vector: GoldenCase) throws -> DecoderLayerCase<Double> {
  DecoderLayerCase(
    x: try vector.input("x")!, memory: try vector.input("memory"),
    p: try TransformerParameters(vector).decoderLayer(), mask: try vector.mask(),
    memoryMask: AttentionMask(keep: try vector.flags("memoryKeep")), fill: vector.fill,
    drop: vector.layerDropout)
}

private func stackCase(_ vector: GoldenCase) throws -> DecoderCase<Double> {
  let (layers, norm) = try TransformerParameters(vector).decoder()
  return DecoderCase(
    x: try vector.input("x")!, memory: try vector.input("memory"), layers: layers, norm: norm,
    mask: try vector.mask(),
    memoryMask: AttentionMask(keep: try vector.flags("memoryKeep")), fill: vector.fill,
    drop: vector.layerDropout)
}

private func compare(
  _ layer: DecoderLayerFunction<Double>, with vector: GoldenCase
) throws {
  try vector.check(layer(try layerCase(vector)).byName)
}

private func compareStack(
  _ decoder: DecoderFunction<Double>, with vector: GoldenCase
) throws {
  try vector.check(results(of: decoder, try stackCase(vector)))
}

private func compareSweep(_ sweep: DecoderLayerSweep, with vector: GoldenCase) throws {
  try ErrorGauge(
    got: sweep(try layerCase(vector)), expected: try vector.expected("output")!,
    bound: try vector.bound("output"))
}

/// What leaves every layer, and the whole.
private func results<S: Scalar>(
  of decoder: DecoderFunction<S>, _ input: DecoderCase<S>
) -> [String: Tensor<S>] {
  var results = ["output": decoder(input)]
  for l in input.layers.indices {
    var first = input
    (first.layers, first.norm) = (Array(input.layers[...l]), nil)
    results["layer\(l)"] = decoder(first)
  }
  return results
}

extension DecoderLayerSteps {
  /// The steps under the names that the golden vectors have for them.
  var byName: [String: Tensor<S>] {
    var steps = [
      "selfAttention": selfAttention, "afterSelfAttention": afterSelfAttention,
      "afterCrossAttention": afterCrossAttention, "feedForward": feedForward, "output": output,
    ]
    steps["crossAttention"] = crossAttention
    return steps
  }
}

// MARK: - One position at a time

/// What a layer keeps while it goes from position to position.
struct DecoderLayerState {
  var cache: KeyValueCache<Double>?
  var memory: KeyValueCache<Double>
}

let sweepEquation: DecoderLayerSweep = { input in
  sweep(input) { x, state, i in
    decoderLayerStep(
      x, cache: &state.cache, memory: state.memory, input.p,
      mask: newest(input.mask, i, keys: i + 1), memoryMask: newest(input.memoryMask, i),
      fill: input.fill)
  }
}

/// Takes one step for every position, and joins what they give.
func sweep(
  _ input: DecoderLayerCase<Double>,
  _ step: (_ x: Tensor<Double>, inout DecoderLayerState, _ i: Int) -> Tensor<Double>
) -> Tensor<Double> {
  var state = DecoderLayerState(
    cache: nil,
    memory: keyValueCache(
      keys: input.memory!, values: input.memory!, input.p.crossAttention))
  let rows = (0..<input.x.shape[1]).map { step(input.x.rows([$0]), &state, $0) }
  return rows.dropFirst().reduce(rows[0]) { $0.followed(by: $1) }
}

/// What a mask says about query i and the first so many keys, or all of them.
func newest(
  _ mask: AttentionMask<Double>, _ i: Int, keys: Int? = nil
) -> AttentionMask<Double> {
  guard let keep = mask.keep else { return .none }
  let row = keep.shape[keep.rank - 2] == 1 ? keep : keep.rows([i])
  return .keep(keys.map { row.columns(Array(0..<$0)) } ?? row)
}
