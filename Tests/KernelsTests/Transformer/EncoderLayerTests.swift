import ErrorBounds
import Kernels
import Notation
import Specification
import TestSupport
import Testing

@Suite("Encoder layer kernel")
struct EncoderLayerKernelTests {
  @Test(
    "the kernel agrees with the golden vectors",
    arguments: try GoldenCase.all(of: "encoderLayer").filter(\.dropsNothing))
  func golden(_ vector: GoldenCase) throws {
    let p = try TransformerParameters(vector).encoderLayer()
    let (x, mask, fill) = (try vector.input("x")!, try vector.mask(), vector.fill)
    try ErrorGauge(
      got: fenced {
        Kernels::encoderLayer(x.converted(), p.converted(), mask: mask.converted(), fill: fill)
      },
      expected: try vector.expected("output")!,
      bound: try vector.bound("output", unit: Float.unitRoundoff))
  }

  @Test(
    "the stack agrees with the golden vectors",
    arguments: try GoldenCase.all(of: "encoder").filter(\.dropsNothing))
  func goldenStack(_ vector: GoldenCase) throws {
    let (layers, norm) = try TransformerParameters(vector).encoder()
    let (x, mask, fill) = (try vector.input("x")!, try vector.mask(), vector.fill)
    try ErrorGauge(
      got: Kernels::encoder(
        x.converted(), layers: layers.map { $0.converted() }, norm: norm?.converted(),
        mask: mask.converted(), fill: fill),
      expected: try vector.expected("output")!,
      bound: try vector.bound("output", unit: Float.unitRoundoff))
  }

  @Test("a layer has the bits of its sublayers, each within its bound, whatever width and mask")
  func sublayers() throws {
    try checkProperty("encoder sublayers", cases: 60) { draw in
      let (heads, dk) = (draw.integer("heads", in: 1...4), draw.integer("dk", in: 1...16))
      let (b, t) = (draw.integer("b", in: 1...2), draw.size("t", upTo: 20, blocks: [16]))
      var stream = RandomStream(seed: UInt64(draw.integer("numbers", in: 0...0xFFFF)))
      let p = EncoderLayer<Float>.normal(
        width: heads * dk, heads: heads, dFF: draw.size("dFF", upTo: 80, blocks: [16]),
        placement: draw.element("placement", of: NormPlacement.allCases), from: &stream
      ).packed()
      let x = Tensor<Float>.normal([b, t, heads * dk], from: &stream)
      let (mask, _) = draw.mask(leading: [b, heads], rows: t, columns: t)
      let fill = draw.element("fill", of: [MaskFill.excluded, .replaced(by: -10000)])
      let a = try Sublayer.attention(p.attention, mask: mask, fill: fill)
        .joined(to: x, p.placement, p.attentionNorm)
      try expectSameBits(
        fenced { Kernels::encoderLayer(x, p, mask: mask, fill: fill) },
        Sublayer.feedForward(p.feedForward).joined(to: a, p.placement, p.feedForwardNorm))
    }
  }

  @Test("a stack has the bits of its layers and of its norm")
  func stack() throws {
    var stream = RandomStream(seed: 12)
    let layers = NormPlacement.allCases.map {
      EncoderLayer<Float>.normal(width: 24, heads: 3, dFF: 50, placement: $0, from: &stream)
    }
    let norm = LayerNorm<Float>(
      gain: .normal([24], from: &stream), bias: .normal([24], from: &stream), epsilon: 1e-5)
    let x = Tensor<Float>.normal([2, 17, 24], from: &stream)
    let y = layers.reduce(x) { Kernels::encoderLayer($0, $1, mask: .causal) }
    try expectSameBits(Kernels::encoder(x, layers: layers, mask: .causal), y)
    try expectSameBits(
      Kernels::encoder(x, layers: layers, norm: norm, mask: .causal), Kernels::layerNorm(y, norm))
  }

  @Test("one thread and two give the same bits, and so does a sentence alone")
  func threads() throws {
    var stream = RandomStream(seed: 9)
    let p = EncoderLayer<Float>.normal(
      width: 96, heads: 6, dFF: 200, placement: .preNorm, from: &stream)
    let x = Tensor<Float>.normal([2, 50, 96], from: &stream)
    let one = Threads.$count.withValue(1) { Kernels::encoderLayer(x, p) }
    try expectSameBits(Threads.$count.withValue(2) { Kernels::encoderLayer(x, p) }, one)
    for b in 0..<2 { try expectSameBits(Kernels::encoderLayer(x.slice(b), p), one.slice(b)) }
    try expectSameBits(Kernels::encoderLayer(x, p.packed()), one)
  }

  @Test("in steady state nothing is allocated but the output")
  func allocations() async {
    await #expect(processExitsWith: .success) {
      var stream = RandomStream(seed: 11)
      let layers = (0..<3).map { _ in
        EncoderLayer<Float>.normal(
          width: 64, heads: 4, dFF: 256, placement: .preNorm, from: &stream)
      }
      let x = Tensor<Float>.normal([2, 70, 64], from: &stream)
      for layers in [layers, layers.map { $0.packed() }] {
        Threads.$count.withValue(1) {
          _ = Kernels::encoder(x, layers: layers)
          let before = Allocations.count
          _ = Kernels::encoder(x, layers: layers)
          require(Allocations.count == before + 1, "\(Allocations.count - before) allocations")
        }
      }
    }
  }

  @Test("the kernel refuses what the equation refuses, in the same words")
  func shapes() async throws {
    let width = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Kernels::encoderLayer(Tensor(shape: [3, 4], repeating: 1), layerOfWidth2())
    }
    expectSentence("x must be … × 2: got 3 × 4, the weight is 2 × 2", from: width)
    let mask = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Kernels::encoderLayer(
        Tensor(shape: [3, 2], repeating: 1), layerOfWidth2(), mask: .keep([[true, false, true]]))
    }
    expectSentence("a mask's keep must be 1 × 3 × 3", from: mask)
    let norm = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var p = layerOfWidth2()
      p.attentionNorm = LayerNorm(width: 3, epsilon: 0)
      _ = Kernels::encoder([[1, 2]], layers: [layerOfWidth2(), p])
    }
    expectSentence("x must be … × 3, the width of the gain: got 1 × 2", from: norm)
    let inner = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var p = layerOfWidth2()
      p.feedForward = FeedForward(
        inner: AffineMap(weight: [[1, 2, 3]]), outer: AffineMap(weight: [[1], [2]]))
      _ = Kernels::encoderLayer([[1, 2]], p)
    }
    expectSentence("x must be … × 3: got 1 × 2, the weight is 1 × 3", from: inner)
    let outer = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var p = layerOfWidth2()
      p.feedForward = FeedForward(
        inner: AffineMap(weight: [[1, 2]]), outer: AffineMap(weight: [[1], [2], [3]]))
      _ = Kernels::encoderLayer([[1, 2]], p)
    }
    expectSentence("the terms of a sum must have one shape: got [1, 2] and [1, 3]", from: outer)
  }
}

private func layerOfWidth2() -> EncoderLayer<Float> {
  var stream = RandomStream(seed: 14)
  return .normal(width: 2, heads: 1, dFF: 3, placement: .postNorm, from: &stream)
}

extension GoldenCase {
  /// Whether the case is one of evaluation.
  var dropsNothing: Bool { attributes.string("dropoutSites") == nil }
}

extension EncoderLayer<Float> {
  /// A layer whose maps neither grow nor shrink what goes through them.
  static func normal(
    width d: Int, heads: Int, dFF: Int, placement: NormPlacement, from stream: inout RandomStream
  ) -> EncoderLayer {
    EncoderLayer(
      attention: .normal(width: d, heads: heads, from: &stream),
      attentionNorm: LayerNorm(width: d, epsilon: 1e-5),
      feedForward: .normal(width: d, dFF: dFF, from: &stream),
      feedForwardNorm: LayerNorm(width: d, epsilon: 1e-5), placement: placement)
  }
}

extension MultiHeadAttention<Float> {
  static func normal(
    width d: Int, heads: Int, from stream: inout RandomStream
  ) -> MultiHeadAttention {
    func map() -> AffineMap<Float> { .normal(d, d, from: &stream) }
    return MultiHeadAttention(query: map(), key: map(), value: map(), output: map(), heads: heads)
  }
}

extension FeedForward<Float> {
  static func normal(width d: Int, dFF: Int, from stream: inout RandomStream) -> FeedForward {
    FeedForward(
      inner: .normal(dFF, d, from: &stream), outer: .normal(d, dFF, from: &stream),
      activation: .gelu)
  }
}

extension AffineMap<Float> {
  static func normal(_ outputs: Int, _ inputs: Int, from stream: inout RandomStream) -> AffineMap {
    AffineMap(
      weight: Tensor<Float>.normal([outputs, inputs], from: &stream).map {
        $0 / Float(inputs).squareRoot()
      }, bias: .normal([outputs], from: &stream))
  }
}
