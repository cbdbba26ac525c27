import Equations
import ErrorBounds
import Kernels
import Notation
import Specification
import TestSupport
import Testing

@Suite("Multi-head attention kernel")
struct MultiHeadAttentionKernelTests {
  @Test(
    "the kernel agrees with the golden vectors",
    arguments: try GoldenCase.all(of: "multiHeadAttention"))
  func golden(_ vector: GoldenCase) throws {
    func map(_ name: String) throws -> AffineMap<Double> {
      AffineMap(weight: try vector.input(name + "Weight")!, bias: try vector.input(name + "Bias"))
    }
    let input = MultiHeadInput(
      x: try vector.input("queries")!, y: try vector.input("keys")!,
      z: try vector.input("values")!,
      p: MultiHeadAttention(
        query: try map("query"), key: try map("key"), value: try map("value"),
        output: try map("output"), heads: vector.attributes.integer("heads")!),
      mask: try vector.mask(), fill: vector.fill, scale: vector.scale)
    let (got, expected) = (fenced { input.kernel() }, try vector.expected("output")!)
    try ErrorGauge(got: got, expected: expected, bound: input.bound)
    try ErrorGauge(
      got: got, expected: expected, bound: vector.bound("output", unit: Float.unitRoundoff))
  }

  @Test("the kernel agrees with the equation, whatever shape, mask, fill and scale")
  func agreement() throws {
    try checkProperty("multi-head agreement", cases: 200) { draw in
      let input = draw.multiHead()
      let bound = input.bound
      draw.cover("the bound says something", bound.storage.allSatisfy { $0 < 0.01 }, atLeast: 0.5)
      try ErrorGauge(got: fenced { input.kernel() }, expected: input.equation, bound: bound)
    }
  }

  @Test(
    "the kernel has the bits of its parts, each within its bound", arguments: [(60, 4), (512, 8)])
  func parts(width d: Int, heads h: Int) throws {
    var stream = RandomStream(seed: 5)
    let p = MultiHeadAttention<Float>.normal(width: d, heads: h, from: &stream).packed()
    let x = Tensor<Float>.normal([2, 19, d], from: &stream)
    let y = Tensor<Float>.normal([2, 33, d], from: &stream)
    func mapped(_ x: Tensor<Float>, _ map: AffineMap<Float>) throws -> Tensor<Float> {
      let (y, wide) = (Kernels::affineMap(x, map), map.converted(to: Double.self))
      try ErrorGauge(
        got: y, expected: Equations::affineMap(x.converted(), wide),
        bound: affineMapBound(x.converted(), wide))
      return y
    }
    let q = splitHeads(try mapped(x, p.query), heads: h)
    let k = splitHeads(try mapped(y, p.key), heads: h)
    let v = splitHeads(try mapped(y, p.value), heads: h)
    let attended = Kernels::scaledDotProductAttention(
      queries: q, keys: k, values: v, mask: .causal(offset: 14))
    let (wideQ, wideK) = (q.converted(to: Double.self), k.converted(to: Double.self))
    try ErrorGauge(
      got: attended,
      expected: Equations::scaledDotProductAttention(
        queries: wideQ, keys: wideK, values: v.converted(), mask: .causal(offset: 14)),
      bound: scaledDotProductAttentionBounds(
        queries: wideQ, keys: wideK, values: v.converted(), mask: .causal(offset: 14)
      ).output)
    try expectSameBits(
      fenced {
        Kernels::multiHeadAttention(
          queries: x, keys: y, values: y, p, mask: .causal(offset: 14))
      }, mapped(concatenateHeads(attended), p.output))
  }

  @Test("small integers with uniform weights are exact, whatever the heads")
  func exact() throws {
    for (h, m) in [(1, 1), (2, 4), (3, 64), (5, 256)] {
      var stream = RandomStream(seed: UInt64(h))
      func integers(_ shape: [Int]) -> Tensor<Float> {
        Tensor<Float>.uniform(shape, from: &stream).map { ($0 * 7).rounded(.down) - 3 }
      }
      let p = MultiHeadAttention(
        query: AffineMap(weight: integers([2 * h, 3])),
        key: AffineMap(weight: integers([2 * h, 3])),
        value: AffineMap(weight: integers([7 * h, 3])),
        output: AffineMap(weight: integers([5, 7 * h]), bias: integers([5])), heads: h)
      let (x, y) = (integers([2, 17, 3]), integers([2, m, 3]))
      try expectSameBits(
        Kernels::multiHeadAttention(queries: x, keys: y, values: y, p, scale: .factor(0)),
        Equations::multiHeadAttention(queries: x, keys: y, values: y, p, scale: .factor(0)))
    }
  }

  @Test("what is hidden may be NaN")
  func poison() throws {
    var stream = RandomStream(seed: 3)
    func map(_ outputs: Int, _ inputs: Int) -> AffineMap<Float> {
      AffineMap(
        weight: .normal([outputs, inputs], from: &stream), bias: .normal([outputs], from: &stream))
    }
    let p = MultiHeadAttention(
      query: map(12, 5), key: map(12, 5), value: map(9, 5), output: map(4, 9), heads: 3)
    let x = Tensor<Float>.normal([2, 19, 5], from: &stream)
    var y = Tensor<Float>.normal([2, 23, 5], from: &stream)
    let keep = Tensor(shape: [1, 1, 1, 23], storage: (0..<23).map { $0 % 4 != 1 })
    let clean = Kernels::multiHeadAttention(queries: x, keys: y, values: y, p, mask: .keep(keep))
    for b in 0..<2 {
      for j in 0..<23 where j % 4 == 1 { for c in 0..<5 { y[b, j, c] = .nan } }
    }
    let output = Kernels::multiHeadAttention(queries: x, keys: y, values: y, p, mask: .keep(keep))
    for (a, b) in zip(output.storage, clean.storage) { #expect(abs(a - b) <= 1e-4 * abs(b) + 1e-4) }
  }

  @Test("one thread and two give the same bits, and so does a sentence alone")
  func threads() throws {
    var stream = RandomStream(seed: 4)
    func map() -> AffineMap<Float> {
      AffineMap(weight: Tensor<Float>.normal([48, 48], from: &stream).map { $0 / 7 })
    }
    let p = MultiHeadAttention(query: map(), key: map(), value: map(), output: map(), heads: 4)
    let x = Tensor<Float>.normal([2, 67, 48], from: &stream)
    func attend(_ x: Tensor<Float>, _ threads: Int) -> Tensor<Float> {
      Threads.$count.withValue(threads) {
        Kernels::multiHeadAttention(queries: x, keys: x, values: x, p, mask: .causal)
      }
    }
    let one = attend(x, 1)
    for count in [2, 5] { try expectSameBits(attend(x, count), one) }
    for b in 0..<2 { try expectSameBits(attend(x.slice(b), 2), one.slice(b)) }
  }

  @Test("the kernel refuses what the equation refuses, in the same words")
  func shapes() async throws {
    let keys = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let map = AffineMap<Float>(weight: [[1, 1], [1, 1]])
      let p = MultiHeadAttention(query: map, key: map, value: map, output: map, heads: 2)
      _ = Kernels::multiHeadAttention(queries: [[1, 2]], keys: [[[1, 2]]], values: [[1, 2]], p)
    }
    expectSentence("keys must be 2 × m × 1: got 1 × 2 × 1 × 1, queries are 2 × 1 × 1", from: keys)
    let mask = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let map = AffineMap<Float>(weight: [[1, 1], [1, 1]])
      let p = MultiHeadAttention(query: map, key: map, value: map, output: map, heads: 2)
      _ = Kernels::multiHeadAttention(
        queries: [[1, 2]], keys: [[1, 2]], values: [[1, 2]], p, mask: .keep([[true]]))
    }
    expectSentence(
      "a mask's keep must be 2 × 1 × 1 with any extent 1 instead: got 1 × 1", from: mask)
  }
}

/// What is given to both sides, in Double, though every number is a Float.
private struct MultiHeadInput {
  var x: Tensor<Double>
  var y: Tensor<Double>
  var z: Tensor<Double>
  var p: MultiHeadAttention<Double>
  var mask = AttentionMask<Double>.none
  var fill = MaskFill.excluded
  var scale = ScoreScale.rootKeyWidth

  func kernel() -> Tensor<Float> {
    Kernels::multiHeadAttention(
      queries: x.converted(), keys: y.converted(), values: z.converted(), p.converted(),
      mask: mask.converted(), fill: fill, scale: scale)
  }

  var equation: Tensor<Double> {
    Equations::multiHeadAttention(
      queries: x, keys: y, values: z, p, mask: mask, fill: fill, scale: scale)
  }

  /// That of the finite numbers: results that are not finite are compared by class.
  var bound: Tensor<Double> {
    multiHeadAttentionBound(
      queries: x.finite, keys: y.finite, values: z.finite, p, mask: mask, fill: fill, scale: scale)
  }
}

extension Draw {
  fileprivate func multiHead() -> MultiHeadInput {
    let (b, h) = (integer("b", in: 1...2), integer("h", in: 1...3))
    let (n, m) = (size("n", upTo: 20, blocks: [16]), size("m", upTo: 40, blocks: [6]))
    let (dk, dv) = (size("dk", upTo: 9), size("dv", upTo: 9))
    func map(_ name: String, _ outputs: Int, _ inputs: Int) -> AffineMap<Double> {
      // Up to 1: where scores reach the hundreds a weight is 1 or 0, whatever the bound says.
      let weight = tensor(name, [outputs, inputs], .ordinary).map { $0 / 8 }
      let bias = bool(name + " has a bias") ? tensor(name + "Bias", [outputs], .ordinary) : nil
      return AffineMap(weight: weight.converted(), bias: bias?.converted())
    }
    let (width, other, out) = (size("width", upTo: 9), size("other", upTo: 9), size("out", upTo: 9))
    let p = MultiHeadAttention(
      query: map("query", h * dk, width), key: map("key", h * dk, other),
      value: map("value", h * dv, other), output: map("output", out, h * dv), heads: h)
    let y = tensor("y", [b, m, other], .ordinary)
    return MultiHeadInput(
      x: tensor("x", [b, n, width], .ordinary).converted(), y: y.converted(), z: y.converted(),
      p: p, mask: mask(leading: [b, h], rows: n, columns: m).mask.converted(),
      fill: element(
        "fill", of: [.excluded, .excluded, .replaced(by: -10000), .replaced(by: -.infinity)]),
      scale: element("scale", of: [.rootKeyWidth, .rootModelWidth(48)]))
  }
}
