import Equations
import ErrorBounds
import Kernels
import Notation
import Specification
import TestSupport
import Testing

@Suite("Scaled dot-product attention kernel")
struct ScaledDotProductAttentionKernelTests {
  @Test(
    "the kernel agrees with the golden vectors",
    arguments: try GoldenCase.all(of: "scaledDotProductAttention"))
  func golden(_ vector: GoldenCase) throws {
    let q = try vector.input("queries")!
    let (k, v) = (try vector.input("keys")!, try vector.input("values")!)
    let mask = try vector.mask()
    try ErrorGauge(
      got: Kernels::scaledDotProductAttention(
        queries: q.converted(), keys: k.converted(), values: v.converted(),
        mask: mask.converted(), fill: vector.fill, scale: vector.scale),
      expected: try vector.expected("output")!,
      bound: scaledDotProductAttentionBounds(
        queries: q.finite, keys: k.finite, values: v.finite, mask: mask, fill: vector.fill,
        scale: vector.scale
      ).output)
  }

  @Test("the kernel agrees with the equation, whatever shape, mask, fill and scale")
  func agreement() throws {
    try checkProperty("attention agreement", cases: 400) { draw in
      let input = draw.attention()
      draw.cover("some query sees no key", input.hasEmptyRow, atLeast: 0.05)
      draw.cover("few queries", (1...7).contains(input.q.shape[1]), atLeast: 0.1)
      draw.cover("more than one block of keys", input.k.shape[1] > 192, atLeast: 0.05)
      try ErrorGauge(
        got: fenced { input.kernel() }, expected: input.equation.output,
        bound: input.bounds.output)
    }
  }

  @Test("scores, masked scores and weights agree with the equation's")
  func steps() throws {
    try checkProperty("attention steps agreement", cases: 100) { draw in
      let input = draw.attention(upTo: 60)
      let got = Kernels::scaledDotProductAttentionSteps(
        queries: input.q, keys: input.k, values: input.v, mask: input.mask, fill: input.fill,
        scale: input.scale)
      let (expected, bounds) = (input.equation, input.bounds)
      try ErrorGauge(got: got.scores, expected: expected.scores, bound: bounds.scores)
      try ErrorGauge(
        got: got.maskedScores, expected: expected.maskedScores, bound: bounds.maskedScores)
      try ErrorGauge(got: got.weights, expected: expected.weights, bound: bounds.weights)
      try expectSameBits(got.output, input.kernel())
    }
  }

  @Test("nothing behind a mask reaches the output, NaN and infinities included")
  func poison() throws {
    try checkProperty("attention poison", cases: 200) { draw in
      var input = draw.attention()
      input.fill = .excluded
      let clean = input.kernel()
      let visible = visibleKeys(input.mask, fill: .excluded, shape: input.shape.scores).matrices
      let poison = draw.element("poison", of: [Float.nan, .infinity, -.infinity, 3e38])
      var poisoned = 0
      for g in 0..<input.shape.groups {
        for j in 0..<input.shape.m
        where !(0..<input.shape.n).contains(where: { visible[g, $0, j] }) {
          poisoned += 1
          for p in 0..<input.shape.dk { input.k[g, j, p] = poison }
          for c in 0..<input.shape.dv { input.v[g, j, c] = poison }
        }
      }
      draw.cover("something was poisoned", poisoned > 0, atLeast: 0.2)
      try ErrorGauge(
        got: input.kernel(), expected: clean.converted(),
        bound: input.bounds.output.map { 2 * $0 })
    }
  }

  @Test("a fill leaks from a block of keys that are all hidden, as from any other")
  func leakAcrossBlocks() throws {
    // 200 hidden keys at −10000 against 200 visible ones at −9999: e⁻¹ of their weight each.
    let (hidden, visible) = (200, 200)
    let k = Tensor<Float>(
      shape: [hidden + visible, 1], repeating: -9999)
    let v = Tensor<Float>(
      shape: [hidden + visible, 1],
      storage: (0..<hidden + visible).map { $0 < hidden ? 1 : 0 })
    let input = AttentionInput(
      q: [[1]], k: k, v: v,
      mask: .keep(
        Tensor(shape: [1, hidden + visible], storage: (0..<hidden + visible).map { $0 >= hidden })),
      fill: .replaced(by: -10000), scale: .factor(1))
    #expect(input.equation.output[0, 0] > 0.25)
    try ErrorGauge(
      got: input.kernel(), expected: input.equation.output, bound: input.bounds.output)
  }

  @Test("a NaN in a value reaches just the queries that see it")
  func causalPoison() throws {
    var stream = RandomStream(seed: 11)
    let (n, d) = (37, 5)
    let q = Tensor<Float>.normal([n, d], from: &stream)
    let k = Tensor<Float>.normal([n, d], from: &stream)
    var v = Tensor<Float>.normal([n, d], from: &stream)
    let clean = Kernels::scaledDotProductAttention(queries: q, keys: k, values: v, mask: .causal)
    v[20, 3] = .nan
    let y = Kernels::scaledDotProductAttention(queries: q, keys: k, values: v, mask: .causal)
    for i in 0..<n {
      for c in 0..<d {
        if i >= 20 && c == 3 {
          #expect(y[i, c].isNaN)
        } else {
          // Recomputed alone or not, a query is within twice its bound of itself.
          #expect(abs(y[i, c] - clean[i, c]) < 0x1p-18)
        }
      }
    }
  }

  @Test("small integers with uniform weights are exact, around every block size")
  func exact() throws {
    // With scale 0 all weights are equal, so the output is an integer sum over m: exact where m is a
    // power of two, and where only one key is seen.
    for m in [1, 2, 4, 64, 128, 256, 512] {
      for n in [1, 5, 15, 16, 17, 35] {
        for dv in [1, 5, 6, 7, 15] {
          var stream = RandomStream(seed: UInt64(m << 20 | n << 10 | dv))
          let q = Tensor<Float>.normal([n, 3], from: &stream)
          let k = Tensor<Float>.normal([m, 3], from: &stream)
          let v = Tensor<Float>.uniform([m, dv], from: &stream).map {
            ($0 * 17).rounded(.down) - 8
          }
          let y = Kernels::scaledDotProductAttention(
            queries: q, keys: k, values: v, scale: .factor(0))
          let mean = Equations::matrixProduct(
            Tensor(shape: [n, m], repeating: 1 / Float(m)), v)
          try expectSameBits(y, mean)
        }
      }
    }
  }

  @Test("one thread and two give the same bits, and so does a second run")
  func threads() throws {
    var stream = RandomStream(seed: 12)
    let k = Tensor<Float>.normal([2, 3, 401, 17], from: &stream)
    let v = Tensor<Float>.normal([2, 3, 401, 29], from: &stream)
    for n in [1, 7, 61] {
      let q = Tensor<Float>.normal([2, 3, n, 17], from: &stream)
      for mask in [AttentionMask<Float>.none, .causal(offset: 300)] {
        func attend(_ count: Int) -> Tensor<Float> {
          Threads.$count.withValue(count) {
            Kernels::scaledDotProductAttention(queries: q, keys: k, values: v, mask: mask)
          }
        }
        let one = attend(1)
        for count in [2, 2, 5] { try expectSameBits(attend(count), one) }
      }
    }
  }

  @Test("self- and cross-attention agree with the equation")
  func projected() throws {
    var stream = RandomStream(seed: 13)
    func map(_ inputs: Int, _ outputs: Int) -> AffineMap<Float> {
      AffineMap(
        weight: .normal([outputs, inputs], from: &stream), bias: .normal([outputs], from: &stream))
    }
    func wide(_ map: AffineMap<Float>) -> AffineMap<Double> {
      AffineMap(weight: map.weight.converted(), bias: map.bias?.converted())
    }
    let maps = AttentionProjections(query: map(7, 5), key: map(11, 5), value: map(11, 3))
    let x = Tensor<Float>.normal([2, 6, 7], from: &stream)
    let memory = Tensor<Float>.normal([2, 9, 11], from: &stream)
    let got = Kernels::crossAttention(x, memory: memory, maps)
    let expected = Equations::crossAttention(
      x.converted(), memory: memory.converted(),
      AttentionProjections(query: wide(maps.query), key: wide(maps.key), value: wide(maps.value)))
    // What reaches the attention is itself off by up to 2⁻¹⁹ of inputs below 2⁵, and moves scores
    // below 2⁷ and values below 2⁴ with it.
    try ErrorGauge(got: got, expected: expected, bound: expected.map { _ in 0x1p-9 })
    let square = AttentionProjections(query: map(7, 5), key: map(7, 5), value: map(7, 3))
    try expectSameBits(
      Kernels::selfAttention(x, square), Kernels::crossAttention(x, memory: x, square))
  }

  @Test("the kernel refuses what the equation refuses, in the same words")
  func shapes() async throws {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let q: Tensor<Float> = [[1, 2, 3, 4]]
      _ = Kernels::scaledDotProductAttention(queries: q, keys: [[1, 2, 3]], values: [[1]])
    }
    expectSentence("keys must be m × 4: got 1 × 3, queries are 1 × 4", from: result)
  }
}

/// What is given to both sides: queries, keys and values of g × rows × columns.
private struct AttentionInput {
  var q: Tensor<Float>
  var k: Tensor<Float>
  var v: Tensor<Float>
  var mask: AttentionMask<Float>
  var fill: MaskFill
  var scale: ScoreScale

  var shape: AttentionShape { AttentionShape(queries: q, keys: k, values: v, mask: mask) }

  var hasEmptyRow: Bool {
    let visible = visibleKeys(mask, fill: .excluded, shape: shape.scores).rows
    return shape.m > 0
      && (0..<visible.shape[0]).contains { i in
        !(0..<shape.m).contains { visible[i, $0] }
      }
  }

  func kernel() -> Tensor<Float> {
    Kernels::scaledDotProductAttention(
      queries: q, keys: k, values: v, mask: mask, fill: fill, scale: scale)
  }

  var equation: AttentionSteps<Double> {
    Equations::scaledDotProductAttentionSteps(
      queries: q.converted(to: Double.self), keys: k.converted(), values: v.converted(),
      mask: mask.converted(), fill: fill, scale: scale)
  }

  var bounds: AttentionSteps<Double> {
    scaledDotProductAttentionBounds(
      queries: q.converted().finite, keys: k.converted().finite, values: v.converted().finite,
      mask: mask.converted(), fill: fill, scale: scale)
  }
}

extension Draw {
  fileprivate func attention(upTo most: Int = 400) -> AttentionInput {
    let g = integer("g", in: 1...2)
    let (n, m) = (size("n", blocks: [16]), size("m", upTo: most, blocks: [6, 192]))
    let (dk, dv) = (size("dk", upTo: 20), size("dv", upTo: 20, blocks: [6]))
    let q = tensor("q", [g, n, dk], .ordinary)
    let k = tensor("k", [g, m, dk], .ordinary)
    let v = tensor("v", [g, m, dv], .ordinary)
    var (mask, _) = mask(leading: [g], rows: n, columns: m)
    if mask.causalOffset != nil { mask.causalOffset = integer("offset", in: -3...20) }
    if bool("biased", probability: 0.3) {
      let shape = [1, bool("of all queries") ? 1 : n, bool("of all keys") ? 1 : m]
      mask.bias = tensor("bias", shape, .ordinary)
      if bool("−∞ in the bias", probability: 0.3) {
        mask.bias = mask.bias!.map { $0 < 0 ? -.infinity : $0 }
      }
    }
    let fills: [MaskFill] = [
      .excluded, .excluded, .excluded, .replaced(by: -10000), .replaced(by: -.infinity),
      .replacedBeforeScaling(by: -1e20), .added(-100),
    ]
    return AttentionInput(
      q: q, k: k, v: v, mask: mask, fill: element("fill", of: fills),
      scale: element("scale", of: [.rootKeyWidth, .rootModelWidth(48), .factor(0.3)]))
  }
}
