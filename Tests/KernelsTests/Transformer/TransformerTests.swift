import Equations
import ErrorBounds
import Kernels
import Notation
import Specification
import TestSupport
import Testing

@Suite("Transformer kernel")
struct TransformerKernelTests {
  @Test("memory, decoded and logits agree with the golden vectors", arguments: try vectors)
  func golden(_ vector: GoldenCase) throws {
    let input = try TransformerInput(vector)
    for p in [input.p, input.p.packed()] {
      let steps = Kernels::transformerSteps(source: input.source, target: input.target, p)
      try vector.check(
        [
          "memory": steps.memory.converted(), "decoded": steps.decoded.converted(),
          "logits": steps.logits.converted(),
        ], unit: 0x1p-24)
      try expectSameBits(
        fenced { Kernels::transformer(source: input.source, target: input.target, p) },
        steps.logits)
    }
  }

  @Test("the kernel agrees with the equation, whatever lengths, padding and dialect")
  func agreement() throws {
    try checkProperty("transformer agreement", cases: 100) { draw in
      let d = draw.element("d", of: [2, 4])
      var stream = RandomStream(seed: UInt64(draw.integer("numbers", in: 0...0xFFFF)))
      var p = Transformer<Float>.normal(
        encoderLayers: draw.integer("encoder layers", in: 0...1),
        decoderLayers: draw.integer("decoder layers", in: 0...1), width: d, heads: 2, words: 7,
        placement: draw.element("placement", of: [NormPlacement.postNorm, .preNorm]),
        from: &stream)
      p.sourcePadding = draw.element("source padding", of: [nil, 0])
      p.targetPadding = draw.element("target padding", of: [nil, 1])
      p.queryPadding = draw.element("query padding", of: [QueryPadding.visible, .hidden])
      p.fill = draw.element("fill", of: [MaskFill.excluded, .replaced(by: -10000)])
      p.embeddingScale = draw.element("scale", of: [EmbeddingScale.none, .rootModelWidth])
      if draw.bool("positions from a table") {
        p.positions = .learned(.normal([9, d], from: &stream))
      }
      let b = draw.integer("b", in: 1...3)
      func sentences(_ name: String) -> Tensor<Int> {
        let t = draw.integer(name, in: 1...9)
        return Tensor(
          shape: [b, t], storage: (0..<b * t).map { _ in draw.integer(name + " token", in: 0...6) })
      }
      let (source, target) = (sentences("source"), sentences("target"))
      let got = Kernels::transformerSteps(source: source, target: target, p)
      let wide = p.converted(to: Double.self)
      let expected = Equations::transformerSteps(source: source, target: target, wide)
      let bounds = transformerBounds(source: source, target: target, wide)
      draw.cover(
        "the bound says something", bounds.logits.storage.allSatisfy { $0 < 0.01 }, atLeast: 0.3)
      try ErrorGauge(got: got.memory, expected: expected.memory, bound: bounds.memory)
      try ErrorGauge(got: got.decoded, expected: expected.decoded, bound: bounds.decoded)
      try ErrorGauge(got: got.logits, expected: expected.logits, bound: bounds.logits)
    }
  }

  @Test(
    "the model has the bits of its parts, whatever hides padding",
    arguments: NormPlacement.allCases, QueryPadding.allCases)
  func parts(_ placement: NormPlacement, _ queryPadding: QueryPadding) throws {
    var stream = RandomStream(seed: 16)
    var p = Transformer<Float>.normal(
      encoderLayers: 2, decoderLayers: 2, width: 48, heads: 4, words: 30, placement: placement,
      from: &stream)
    (p.sourcePadding, p.targetPadding, p.queryPadding) = (0, 1, queryPadding)
    p.embeddingScale = .rootModelWidth
    let norm = LayerNorm<Float>(
      gain: .normal([48], from: &stream), bias: .normal([48], from: &stream), epsilon: 1e-5)
    (p.stacks.encoderNorm, p.stacks.decoderNorm) = (norm, norm)
    let source = Tensor(shape: [2, 19], storage: (0..<38).map { $0 * 7 % 30 })
    let target = Tensor(shape: [2, 20], storage: (0..<40).map { $0 * 11 % 30 })
    func embedded(_ tokens: Tensor<Int>, _ table: Tensor<Float>) -> Tensor<Float> {
      Kernels::transformerEmbedding(
        tokens, table: table, positions: p.positions, scale: .rootModelWidth)
    }
    let memory = Kernels::encoder(
      embedded(source, p.sourceTable), layers: p.stacks.encoderLayers, norm: norm,
      mask: encoderMask(source: source, p))
    let decoded = Kernels::decoder(
      embedded(target, p.targetTable), memory: memory, layers: p.stacks.decoderLayers, norm: norm,
      mask: targetMask(target: target, p),
      memoryMask: memoryMask(target: target, source: source, p))
    let got = fenced { Kernels::transformerSteps(source: source, target: target, p).logits }
    try expectSameBits(got, Kernels::affineMap(decoded, p.output))
  }

  @Test("one thread and more give the same bits, packed or not, and so does a sentence alone")
  func threads() throws {
    var stream = RandomStream(seed: 14)
    let p = Transformer<Float>.normal(
      encoderLayers: 2, decoderLayers: 2, width: 48, heads: 4, words: 100, placement: .preNorm,
      from: &stream)
    let source = Tensor(shape: [3, 19], storage: (0..<57).map { $0 * 7 % 100 })
    let target = Tensor(shape: [3, 20], storage: (0..<60).map { $0 * 11 % 100 })
    func logits(_ threads: Int, _ p: Transformer<Float>) -> Tensor<Float> {
      Threads.$count.withValue(threads) {
        Kernels::transformer(source: source, target: target, p)
      }
    }
    let one = logits(1, p)
    for count in [1, 2, 5] { try expectSameBits(logits(count, p.packed()), one) }
    for b in 0..<3 {
      let alone = Kernels::transformer(
        source: source.slice(b).reshaped([1, 19]), target: target.slice(b).reshaped([1, 20]), p)
      try expectSameBits(alone.slice(0), one.slice(b))
    }
  }

  @Test("the kernel refuses what the equation refuses, in the same words")
  func shapes() async throws {
    let source = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Kernels::transformer(
        source: Tensor(shape: [1, 0], storage: []), target: [[0]], withoutLayers())
    }
    expectSentence("source must be b × tokens with a token at least: got 1 × 0", from: source)
    let target = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Kernels::transformer(source: [[0]], target: [0, 1], withoutLayers())
    }
    expectSentence("target must be b × tokens with a token at least: got 2", from: target)
    let token = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Kernels::transformer(source: [[0]], target: [[0, 2]], withoutLayers())
    }
    expectSentence(
      "token 2, number 1 in order, is outside of the vocabulary 0 ..< 2", from: token)
    let batch = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Kernels::transformer(source: [[0], [1]], target: [[0]], withoutLayers())
    }
    expectSentence("there must be as many sources as targets: got 2 and 1", from: batch)
  }
}

/// A model of two words that has neither encoder nor decoder.
func withoutLayers() -> Transformer<Float> {
  let table: Tensor<Float> = [[1, 2], [3, -1]]
  return Transformer(
    sourceTable: table, targetTable: table,
    stacks: TransformerStacks(encoderLayers: [], decoderLayers: []),
    output: AffineMap(weight: table))
}

private var vectors: [GoldenCase] {
  get throws { try GoldenCase.all(of: "transformer").filter(\.dropsNothing) }
}

/// What a golden case gives to a Transformer; its numbers are those of a Float.
struct TransformerInput {
  let source: Tensor<Int>
  let target: Tensor<Int>
  let p: Transformer<Float>

  init(_ vector: GoldenCase) throws {
    source = try vector.integers("source")!
    target = try vector.integers("target") ?? Tensor(shape: [0, 0], storage: [])
    p = try TransformerParameters(vector).transformer(
      positionTable: try vector.input("positionTable"), fill: vector.fill
    ).converted()
  }
}

extension Transformer<Float> {
  /// A model whose maps neither grow nor shrink what goes through them.
  static func normal(
    encoderLayers: Int, decoderLayers: Int, width d: Int, heads: Int, words: Int,
    placement: NormPlacement, from stream: inout RandomStream
  ) -> Transformer {
    Transformer(
      sourceTable: .normal([words, d], from: &stream),
      targetTable: .normal([words, d], from: &stream),
      stacks: TransformerStacks(
        encoderLayers: (0..<encoderLayers).map { _ in
          .normal(width: d, heads: heads, dFF: 2 * d, placement: placement, from: &stream)
        },
        decoderLayers: (0..<decoderLayers).map { _ in
          .normal(width: d, heads: heads, dFF: 2 * d, placement: placement, from: &stream)
        }),
      output: .normal(words, d, from: &stream))
  }
}
