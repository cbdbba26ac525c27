import Equations
import ErrorBounds
import Kernels
import Notation
import Parameters
import SafeTensors
import Specification
import TestSupport
import Testing

@Suite("Encoder layer kernel")
struct EncoderLayerKernelTests {
  @Test(
    "the kernel agrees with the golden vectors",
    arguments: try GoldenCase.all(of: "encoderLayer").filter(\.dropsNothing))
  func golden(_ vector: GoldenCase) throws {
    let p = try vector.parameters { $0.encoderLayer($1, naming: .pyTorch) }
    let (x, mask, fill) = (try vector.input("x")!, try vector.mask(), vector.fill)
    try ErrorGauge(
      got: fenced {
        Kernels::encoderLayer(x.converted(), p.converted(), mask: mask.converted(), fill: fill)
      },
      expected: try vector.expected("output")!,
      bound: encoderLayerBound(x.finite, p, mask: mask, fill: fill))
  }

  @Test(
    "the stack agrees with the golden vectors",
    arguments: try GoldenCase.all(of: "encoder").filter(\.dropsNothing))
  func goldenStack(_ vector: GoldenCase) throws {
    let (layers, norm) = try vector.parameters { reader, form in
      (
        reader.layers(vector.attributes.integer(needed: "layers")) {
          $0.encoderLayer(form, naming: .pyTorch)
        },
        vector.inputNames.contains("norm.weight")
          ? reader.layerNorm(
            "norm", width: form.dModel, epsilon: form.epsilon, naming: .pyTorch) : nil
      )
    }
    let (x, mask, fill) = (try vector.input("x")!, try vector.mask(), vector.fill)
    try ErrorGauge(
      got: Kernels::encoder(
        x.converted(), layers: layers.map { $0.converted() }, norm: norm?.converted(),
        mask: mask.converted(), fill: fill),
      expected: try vector.expected("output")!,
      bound: encoderBound(x, layers: layers, norm: norm, mask: mask, fill: fill))
  }

  @Test(
    "the kernel agrees with the equation at widths of whole blocks",
    arguments: [
      NormPlacement.postNorm, .preNorm,
    ])
  func agreement(_ placement: NormPlacement) throws {
    for (t, d, heads, dFF) in [(1, 4, 1, 3), (17, 48, 3, 70), (40, 64, 4, 256)] {
      var stream = RandomStream(seed: UInt64(t))
      let p = EncoderLayer<Float>.normal(
        width: d, heads: heads, dFF: dFF, placement: placement, from: &stream)
      let x = Tensor<Float>.normal([2, t, d], from: &stream)
      let wide = p.converted(to: Double.self)
      try ErrorGauge(
        got: fenced { Kernels::encoderLayer(x, p.packed(), mask: .causal) },
        expected: Equations::encoderLayer(x.converted(), wide, mask: .causal),
        bound: encoderLayerBound(x.converted(), wide, mask: .causal))
    }
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
}

extension GoldenCase {
  /// Whether the case is one of evaluation.
  var dropsNothing: Bool { attributes.string("dropoutSites") == nil }

  /// What is built of the inputs that are named as PyTorch's modules name their parameters.
  func parameters<Model>(
    _ build: (ParameterReader<Double>, LayerForm) -> Model
  ) throws -> Model {
    let names = inputNames.filter { $0.contains(".") }
    let file = SafeTensorsFile(
      tensors: Dictionary(
        uniqueKeysWithValues: try names.map { ($0, StoredTensor(try input($0)!)) }))
    let inner = file.tensors.first { $0.key.hasSuffix("linear1.weight") }!.value.shape
    let form = LayerForm(
      dModel: inner[1], heads: attributes.integer(needed: "heads"), dFF: inner[0],
      placement: attributes.string("placement") == "preNorm" ? .preNorm : .postNorm,
      epsilon: attributes.number(needed: "epsilon"),
      activation: attributes.string("activation") == "gelu" ? .gelu : .relu)
    return try loadParameters(from: file) { build($0, form) }
  }
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
