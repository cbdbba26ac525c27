import Equations
import ErrorBounds
import Kernels
import Notation
import Parameters
import Specification
import TestSupport
import Testing

@Suite("Decoder layer kernel")
struct DecoderLayerKernelTests {
  @Test(
    "the kernel agrees with the golden vectors",
    arguments: try GoldenCase.all(of: "decoderLayer").filter(\.dropsNothing))
  func golden(_ vector: GoldenCase) throws {
    let p = try vector.parameters { $0.decoderLayer($1, naming: .pyTorch) }
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
      bound: decoderLayerBound(
        x.finite, memory: memory?.finite, p, mask: mask, memoryMask: memoryMask, fill: fill))
  }

  @Test(
    "the stack agrees with the golden vectors",
    arguments: try GoldenCase.all(of: "decoder").filter(\.dropsNothing))
  func goldenStack(_ vector: GoldenCase) throws {
    let (layers, norm) = try vector.parameters { reader, form in
      (
        reader.layers(vector.attributes.integer(needed: "layers")) {
          $0.decoderLayer(form, naming: .pyTorch)
        },
        vector.inputNames.contains("norm.weight")
          ? reader.layerNorm(
            "norm", width: form.dModel, epsilon: form.epsilon, naming: .pyTorch) : nil
      )
    }
    let (x, memory) = (try vector.input("x")!, try vector.input("memory"))
    let (mask, fill) = (try vector.mask(), vector.fill)
    let memoryMask = AttentionMask<Double>(keep: try vector.flags("memoryKeep"))
    try ErrorGauge(
      got: Kernels::decoder(
        x.converted(), memory: memory?.converted(), layers: layers.map { $0.converted() },
        norm: norm?.converted(), mask: mask.converted(), memoryMask: memoryMask.converted(),
        fill: fill),
      expected: try vector.expected("output")!,
      bound: decoderBound(
        x, memory: memory, layers: layers, norm: norm, mask: mask, memoryMask: memoryMask,
        fill: fill))
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
}
