import Equations
import ErrorBounds
import Kernels
import Notation
import Specification
import TestSupport
import Testing

@Suite("Shared-head attention kernel")
struct SharedHeadAttentionKernelTests {
  @Test(
    "the kernel agrees with the golden vectors",
    arguments: try GoldenCase.all(of: "sharedHeadAttention"))
  func golden(_ vector: GoldenCase) throws {
    let p = SharedHeadAttention(
      query: try vector.input("queryWeight")!, key: try vector.input("keyWeight")!,
      value: try vector.input("valueWeight")!,
      output: AffineMap(
        weight: try vector.input("outputWeight")!, bias: try vector.input("outputBias")),
      heads: vector.attributes.integer(needed: "heads"))
    let (x, y) = (try vector.input("queries")!, try vector.input("keys")!)
    let (z, mask) = (try vector.input("values")!, try vector.mask())
    let got = fenced {
      Kernels::sharedHeadAttention(
        values: z.converted(), keys: y.converted(), queries: x.converted(), p.converted(),
        mask: mask.converted())
    }
    let expected = try vector.expected("output")!
    try ErrorGauge(
      got: got, expected: expected,
      bound: sharedHeadAttentionBound(
        values: z.finite, keys: y.finite, queries: x.finite, p, mask: mask))
    try ErrorGauge(
      got: got, expected: expected, bound: vector.bound("output", unit: Float.unitRoundoff))
  }

  @Test("the kernel agrees with the equation, whatever shape and mask")
  func agreement() throws {
    try checkProperty("shared-head agreement", cases: 200) { draw in
      let (b, h) = (draw.integer("b", in: 1...2), draw.integer("h", in: 1...3))
      let (n, m) = (draw.size("n", upTo: 20, blocks: [16]), draw.size("m", upTo: 40, blocks: [6]))
      let dk = draw.size("dk", upTo: 9)
      func numbers(_ name: String, _ shape: [Int]) -> Tensor<Double> {
        draw.tensor(name, shape, .ordinary).map { Double($0) / 8 }
      }
      let p = SharedHeadAttention(
        query: numbers("query", [dk, dk]), key: numbers("key", [dk, dk]),
        value: numbers("value", [dk, dk]),
        output: AffineMap(weight: numbers("output", [5, h * dk]), bias: numbers("bias", [5])),
        heads: h)
      let (x, y) = (numbers("x", [b, n, h * dk]), numbers("y", [b, m, h * dk]))
      let mask = draw.mask(leading: [b, h], rows: n, columns: m).mask.converted(to: Double.self)
      let bound = sharedHeadAttentionBound(values: y, keys: y, queries: x, p, mask: mask)
      draw.cover("the bound says something", bound.storage.allSatisfy { $0 < 0.01 }, atLeast: 0.5)
      try ErrorGauge(
        got: fenced {
          Kernels::sharedHeadAttention(
            values: y.converted(), keys: y.converted(), queries: x.converted(), p.converted(),
            mask: mask.converted())
        },
        expected: Equations::sharedHeadAttention(
          values: y, keys: y, queries: x, p, mask: mask
        ).output, bound: bound)
    }
  }

  @Test("any number of threads gives the same bits, and so does a sentence alone")
  func threads() throws {
    var stream = RandomStream(seed: 4)
    func weight() -> Tensor<Float> { .normal([16, 16], from: &stream) }
    let p = SharedHeadAttention(
      query: weight(), key: weight(), value: weight(), output: .normal(48, 48, from: &stream),
      heads: 3)
    let x = Tensor<Float>.normal([2, 67, 48], from: &stream)
    func attend(_ x: Tensor<Float>, _ threads: Int) -> Tensor<Float> {
      Threads.$count.withValue(threads) {
        Kernels::sharedHeadAttention(values: x, keys: x, queries: x, p, mask: .causal)
      }
    }
    let one = attend(x, 1)
    for count in [2, 5] { try expectSameBits(attend(x, count), one) }
    for b in 0..<2 { try expectSameBits(attend(x.slice(b), 2), one.slice(b)) }
  }

  @Test("the kernel refuses what the equation refuses, in the same words")
  func shapes() async throws {
    let odd = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let p = SharedHeadAttention<Float>(
        query: [[1]], key: [[1]], value: [[1]], output: AffineMap(weight: [[1, 1]]), heads: 2)
      _ = Kernels::sharedHeadAttention(
        values: [[1, 2, 3]], keys: [[1, 2, 3]], queries: [[1, 2, 3]], p)
    }
    expectSentence("a width that 2 heads divide is needed: got 1 × 3", from: odd)
    let wide = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let p = SharedHeadAttention<Float>(
        query: [[1]], key: [[1]], value: [[1]], output: AffineMap(weight: [[1, 1]]), heads: 2)
      _ = Kernels::sharedHeadAttention(
        values: [[1, 2, 3, 4]], keys: [[1, 2, 3, 4]], queries: [[1, 2, 3, 4]], p)
    }
    expectSentence(
      "x must be … × 1: got 2 × 1 × 2, the weight is 1 × 1", from: wide)
  }
}
