import Equations
import ErrorBounds
import Kernels
import Notation
import Specification
import TestSupport
import Testing

@Suite("Vision Transformer kernel")
struct VisionTransformerKernelTests {
  @Test("patches agree with the golden vectors", arguments: try GoldenCase.all(of: "patches"))
  func goldenPatches(_ vector: GoldenCase) throws {
    let (x, size) = (try vector.input("x")!, vector.attributes.integer(needed: "size"))
    let order = vector.attributes.dialect("order", of: PatchOrder.allCases)
    let expected = try vector.expected("output")!
    try ErrorGauge(
      got: fenced { Kernels::patches(x.converted(), size: size, order: order) },
      expected: expected, bound: expected.map { _ in 0 })
  }

  @Test(
    "the model agrees with the golden vectors",
    arguments: try GoldenCase.all(of: "visionTransformer"))
  func golden(_ vector: GoldenCase) throws {
    let p = try TransformerParameters(vector).visionTransformer(
      classToken: try vector.input("classToken")!, positions: try vector.input("positionTable")!)
    let images = try vector.input("images")!
    try ErrorGauge(
      got: fenced { Kernels::visionTransformer(images.converted(), p.converted()) },
      expected: try vector.expected("logits")!,
      bound: try vector.bound("logits", unit: Float.unitRoundoff))
  }

  @Test("patches agree with the equation, whatever image, size and order")
  func patches() throws {
    try checkProperty("patches agreement", cases: 200) { draw in
      let p = draw.integer("p", in: 1...18)
      let shape = [
        draw.integer("images", in: 0...2), p * draw.integer("rows", in: 0...2),
        p * draw.integer("columns", in: 0...2), draw.integer("channels", in: 0...9),
      ]
      let x = draw.tensor("x", shape, .any)
      let order = draw.element("order", of: PatchOrder.allCases)
      try expectSameBits(
        fenced { Kernels::patches(x, size: p, order: order) },
        Equations::patches(x, size: p, order: order))
    }
  }

  @Test("the model has the bits of its parts, whatever its layers")
  func parts() throws {
    try checkProperty("Vision Transformer parts", cases: 60) { draw in
      let (rows, columns) = (draw.integer("rows", in: 0...3), draw.integer("columns", in: 0...3))
      let p = draw.model(patches: rows * columns)
      let (n, d) = (rows * columns + 1, p.patch.outputs)
      let images = draw.tensor(
        "images", [draw.integer("images", in: 0...2), 2 * rows, 2 * columns, 3], .ordinary)
      draw.cover("no layers", p.layers.isEmpty, atLeast: 0.1)

      let vectors = Kernels::affineMap(Kernels::patches(images, size: p.patchSize), p.patch)
      let embedded = Tensor(
        shape: [images.shape[0], n, d],
        storage: (0..<images.shape[0]).flatMap { image in
          zip(p.classToken.storage + vectors.slice(image).storage, p.positions.storage).map(+)
        })
      let z = Kernels::encoder(embedded, layers: p.layers.dropLast())
      var y = z.positions(0..<1)
      if let last = p.layers.last {
        // Of the last layer the class token's position alone, which sees all of them.
        let seen = last.placement == .preNorm ? Kernels::layerNorm(z, last.attentionNorm) : z
        y = try Sublayer.attention(last.attention, to: seen)
          .joined(to: y, last.placement, last.attentionNorm)
        y = try Sublayer.feedForward(last.feedForward)
          .joined(to: y, last.placement, last.feedForwardNorm)
      }
      try expectSameBits(
        fenced { Kernels::visionTransformer(images, p) },
        Kernels::affineMap(
          Kernels::layerNorm(y.reshaped([images.shape[0], d]), p.norm), p.head))
    }
  }

  @Test("without layers small integers are exact up to the norm")
  func exact() throws {
    // γ = 0 leaves β, whatever the norm divides by, so that the head's sums are integers.
    var stream = RandomStream(seed: 8)
    func integers(_ shape: [Int]) -> Tensor<Float> {
      Tensor<Float>.uniform(shape, from: &stream).map { ($0 * 7).rounded(.down) - 3 }
    }
    let p = VisionTransformer<Float>(
      patchSize: 2, patch: AffineMap(weight: integers([9, 12])), classToken: integers([9]),
      positions: integers([5, 9]), layers: [],
      norm: LayerNorm(gain: Tensor(shape: [9], repeating: 0), bias: integers([9]), epsilon: 1),
      head: AffineMap(weight: integers([4, 9]), bias: integers([4])))
    let images = integers([3, 4, 4, 3])
    try expectSameBits(
      Kernels::visionTransformer(images, p), Equations::visionTransformer(images, p))
  }

  @Test("any number of threads gives the same bits, and so does an image alone, from packed maps")
  func threads() throws {
    var stream = RandomStream(seed: 5)
    let p = VisionTransformer<Float>.normal(
      layers: 2, width: 48, heads: 3, placement: .preNorm, patches: 49, from: &stream
    ).packed()
    let images = Tensor<Float>.normal([2, 14, 14, 3], from: &stream)
    func run(_ images: Tensor<Float>, _ threads: Int) -> Tensor<Float> {
      Threads.$count.withValue(threads) { Kernels::visionTransformer(images, p) }
    }
    let one = run(images, 1)
    for count in [2, 5] { try expectSameBits(run(images, count), one) }
    for b in 0..<2 { try expectSameBits(run(images.slice(b), 2), one.slice(b)) }
  }

  @Test("the kernels refuse what the equations refuse, in the same words")
  func shapes() async throws {
    let image = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = Kernels::patches([[1, 2], [3, 4]], size: 1) }
    expectSentence("an image must be … × height × width × channels: got 2 × 2", from: image)
    let squares = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = Kernels::patches(Tensor(shape: [3, 4, 1], repeating: 1), size: 2) }
    expectSentence("squares of 2 × 2 must divide an image of 3 × 4", from: squares)
    let positions = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      var stream = RandomStream(seed: 5)
      let p = VisionTransformer<Float>.normal(
        layers: 1, width: 4, heads: 1, placement: .preNorm, patches: 4, from: &stream)
      _ = Kernels::visionTransformer(Tensor(shape: [2, 4, 3], repeating: 1), p)
    }
    expectSentence("the class token and 2 patches need 3 positions: got 5", from: positions)
  }
}

extension Draw {
  fileprivate func model(patches: Int) -> VisionTransformer<Float> {
    var stream = RandomStream(seed: UInt64(integer("parameters", in: 0...0xFFFF)))
    let heads = integer("heads", in: 1...3)
    return .normal(
      layers: integer("layers", in: 0...2), width: heads * integer("width of a head", in: 1...7),
      heads: heads, placement: element("placement", of: [.preNorm, .postNorm]), patches: patches,
      from: &stream)
  }
}

extension VisionTransformer<Float> {
  /// A model for patches of 2 × 2 pixels with three channels.
  fileprivate static func normal(
    layers: Int, width d: Int, heads: Int, placement: NormPlacement, patches: Int,
    from stream: inout RandomStream
  ) -> VisionTransformer {
    VisionTransformer(
      patchSize: 2, patch: .normal(d, 12, from: &stream), classToken: .normal([d], from: &stream),
      positions: .normal([patches + 1, d], from: &stream),
      layers: (0..<layers).map { _ in
        .normal(width: d, heads: heads, dFF: 2 * d, placement: placement, from: &stream)
      },
      norm: LayerNorm(width: d, epsilon: 1e-5), head: .normal(5, d, from: &stream))
  }
}
