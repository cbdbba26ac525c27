import ErrorBounds
import Kernels
import Notation
import Specification
import TestSupport
import Testing

@Suite("Decoder layer kernel")
struct DecoderLayerKernelTests {
  @Test(
    "the kernel agrees with the golden vectors",
    arguments: try GoldenCase.all(of: "decoderLayer").filter(\.dropsNothing))
  func golden(_ vector: GoldenCase) throws {
    let p = try TransformerParameters(vector).decoderLayer()
    let (x, memory) = (try vector.input("x")!, try vector.input("memory"))
    let (mask, fill) = (try vector.mask(), vector.fill)
    let memoryMask = AttentionMask<Double>(keep: try vector.flags("memoryKeep"))
    try ErrorGauge(
      got: fenced {
        Kernels::decoderLayer(
          x.converted(), memory: memory?.converted(), p.converted(), mask: mask.converted(),
          memoryMask: memoryMask.converted(), fill: fill)
      },
      expected: try vector.expected("output")!,
      bound: try vector.bound("output", unit: Float.unitRoundoff))
  }

  @Test(
    "the stack agrees with the golden vectors",
    arguments: try GoldenCase.all(of: "decoder").filter(\.dropsNothing))
  func goldenStack(_ vector: GoldenCase) throws {
    let (layers, norm) = try TransformerParameters(vector).decoder()
    let (x, memory) = (try vector.input("x")!, try vector.input("memory"))
    let (mask, fill) = (try vector.mask(), vector.fill)
    let memoryMask = AttentionMask<Double>(keep: try vector.flags("memoryKeep"))
    try ErrorGauge(
      got: Kernels::decoder(
        x.converted(), memory: memory?.converted(), layers: layers.map { $0.converted() },
        norm: norm?.converted(), mask: mask.converted(), memoryMask: memoryMask.converted(),
        fill: fill),
      expected: try vector.expected("output")!,
      bound: try vector.bound("output", unit: Float.unitRoundoff))
  }

  @Test("a layer has the bits of its sublayers, each within its bound, whatever width and mask")
  func sublayers() throws {
    try checkProperty("decoder sublayers", cases: 60) { draw in
      let (heads, dk) = (draw.integer("heads", in: 1...4), draw.integer("dk", in: 1...16))
      let b = draw.integer("b", in: 1...2)
      let (t, s) = (draw.size("t", upTo: 20, blocks: [16]), draw.size("s", upTo: 20, blocks: [16]))
      var stream = RandomStream(seed: UInt64(draw.integer("numbers", in: 0...0xFFFF)))
      let p = DecoderLayer<Float>.normal(
        width: heads * dk, heads: heads, dFF: draw.size("dFF", upTo: 80, blocks: [16]),
        placement: draw.element("placement", of: NormPlacement.allCases), from: &stream
      ).packed()
      let x = Tensor<Float>.normal([b, t, heads * dk], from: &stream)
      let memory =
        draw.bool("a memory", probability: 0.8)
        ? Tensor<Float>.normal([b, s, heads * dk], from: &stream) : nil
      let (mask, _) = draw.mask(leading: [b, heads], rows: t, columns: t)
      let (memoryMask, _) = draw.mask(leading: [b, heads], rows: t, columns: s)
      let fill = draw.element("fill", of: [MaskFill.excluded, .replaced(by: -10000)])
      var y = try Sublayer.attention(p.selfAttention, mask: mask, fill: fill)
        .joined(to: x, p.placement, p.selfAttentionNorm)
      if let memory {
        y = try Sublayer.attention(p.crossAttention, to: memory, mask: memoryMask, fill: fill)
          .joined(to: y, p.placement, p.crossAttentionNorm)
      }
      try expectSameBits(
        fenced {
          Kernels::decoderLayer(
            x, memory: memory, p, mask: mask, memoryMask: memoryMask, fill: fill)
        },
        Sublayer.feedForward(p.feedForward).joined(to: y, p.placement, p.feedForwardNorm))
    }
  }

  @Test("a stack has the bits of its layers and of its norm")
  func stack() throws {
    var stream = RandomStream(seed: 13)
    let layers = NormPlacement.allCases.map {
      DecoderLayer<Float>.normal(width: 24, heads: 3, dFF: 50, placement: $0, from: &stream)
    }
    let norm = LayerNorm<Float>(
      gain: .normal([24], from: &stream), bias: .normal([24], from: &stream), epsilon: 1e-5)
    let x = Tensor<Float>.normal([2, 17, 24], from: &stream)
    let memory = Tensor<Float>.normal([2, 9, 24], from: &stream)
    let y = layers.reduce(x) { Kernels::decoderLayer($0, memory: memory, $1) }
    try expectSameBits(Kernels::decoder(x, memory: memory, layers: layers), y)
    try expectSameBits(
      Kernels::decoder(x, memory: memory, layers: layers, norm: norm), Kernels::layerNorm(y, norm))
  }

  @Test("one thread and two give the same bits, and so does a sentence alone")
  func threads() throws {
    var stream = RandomStream(seed: 10)
    let p = DecoderLayer<Float>(
      selfAttention: .normal(width: 96, heads: 6, from: &stream),
      selfAttentionNorm: LayerNorm(width: 96, epsilon: 1e-5),
      crossAttention: .normal(width: 96, heads: 6, from: &stream),
      crossAttentionNorm: LayerNorm(width: 96, epsilon: 1e-5),
      feedForward: .normal(width: 96, dFF: 200, from: &stream),
      feedForwardNorm: LayerNorm(width: 96, epsilon: 1e-5), placement: .postNorm)
    let x = Tensor<Float>.normal([2, 50, 96], from: &stream)
    let memory = Tensor<Float>.normal([2, 31, 96], from: &stream)
    let one = Threads.$count.withValue(1) { Kernels::decoderLayer(x, memory: memory, p) }
    try expectSameBits(
      Threads.$count.withValue(2) { Kernels::decoderLayer(x, memory: memory, p) }, one)
    for b in 0..<2 {
      try expectSameBits(
        Kernels::decoderLayer(x.slice(b), memory: memory.slice(b), p), one.slice(b))
    }
  }

  @Test("the kernel refuses what the equation refuses, in the same words")
  func shapes() async throws {
    let memory = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Kernels::decoderLayer([[1, 2]], memory: [[1, 2, 3]], layerOfWidth2())
    }
    expectSentence("x must be … × 2: got 1 × 3, the weight is 2 × 2", from: memory)
    let batch = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Kernels::decoderLayer([[[1, 2]], [[3, 4]]], memory: [[[1, 2]]], layerOfWidth2())
    }
    expectSentence("keys must be 2 × 1 × m × 2: got 1 × 1 × 1 × 2", from: batch)
    let mask = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Kernels::decoder(
        [[1, 2]], memory: [[1, 2], [3, 4]], layers: [layerOfWidth2()],
        memoryMask: .keep([[[true, true, false]]]))
    }
    expectSentence("a mask's keep must be 1 × 1 × 2", from: mask)
    let norm = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var p = layerOfWidth2()
      p.crossAttentionNorm = LayerNorm(width: 3, epsilon: 0)
      _ = Kernels::decoder([[1, 2]], memory: [[1, 2]], layers: [layerOfWidth2(), p])
    }
    expectSentence("x must be … × 3, the width of the gain: got 1 × 2", from: norm)
  }
}

private func layerOfWidth2() -> DecoderLayer<Float> {
  var stream = RandomStream(seed: 15)
  return .normal(width: 2, heads: 1, dFF: 3, placement: .postNorm, from: &stream)
}
