import Equations
import ErrorBounds
import Kernels
import Notation
import Specification
import TestSupport
import Testing

@Suite("Feed-forward kernel")
struct FeedForwardKernelTests {
  @Test(
    "the kernel agrees with the golden vectors", arguments: try GoldenCase.all(of: "feedForward"))
  func golden(_ vector: GoldenCase) throws {
    func map(_ name: String) throws -> AffineMap<Double> {
      AffineMap(weight: try vector.input(name + "Weight")!, bias: try vector.input(name + "Bias"))
    }
    let activation = Activation.allCases.first {
      "\($0)" == vector.attributes.string("activation")
    }!
    let p = FeedForward(
      inner: try map("inner"), outer: try map("outer"), activation: activation)
    let drop =
      vector.attributes.number("probability").map {
        Dropout(probability: $0, seed: UInt64(vector.attributes.integer(needed: "seed")))
      } ?? .none
    let x = try vector.input("x")!
    try ErrorGauge(
      got: fenced { Kernels::feedForward(x.converted(), p.converted(), dropout: drop) },
      expected: try vector.expected("output")!,
      bound: feedForwardBound(x.finite, p, dropout: drop))
  }

  @Test("the kernel agrees with the equation, whatever shape and activation")
  func agreement() throws {
    try checkProperty("feed-forward agreement", cases: 200) { draw in
      let (d, dFF, out) = (size("d"), size("dFF"), size("out"))
      func size(_ name: String) -> Int { draw.size(name, upTo: 40, blocks: [16]) }
      func map(_ name: String, _ outputs: Int, _ inputs: Int) -> AffineMap<Double> {
        let bias = draw.bool(name + " has a bias") ? draw.tensor("b", [outputs], .ordinary) : nil
        return AffineMap(
          weight: draw.tensor(name, [outputs, inputs], .ordinary).converted(),
          bias: bias?.converted())
      }
      let p = FeedForward(
        inner: map("inner", dFF, d), outer: map("outer", out, dFF),
        activation: draw.element("activation", of: Activation.allCases))
      let x = draw.tensor("x", [draw.size("n", upTo: 20, blocks: [6]), d], .ordinary)
      try ErrorGauge(
        got: fenced { Kernels::feedForward(x, p.converted()) },
        expected: Equations::feedForward(x.converted(), p),
        bound: feedForwardBound(x.converted(), p))
    }
  }

  @Test("small integers are exact")
  func exact() throws {
    for (n, d, dFF) in [(1, 1, 1), (7, 15, 33), (37, 64, 513)] {
      var stream = RandomStream(seed: UInt64(dFF))
      func integers(_ shape: [Int]) -> Tensor<Float> {
        Tensor<Float>.uniform(shape, from: &stream).map { ($0 * 5).rounded(.down) - 2 }
      }
      let p = FeedForward(
        inner: AffineMap(weight: integers([dFF, d]), bias: integers([dFF])),
        outer: AffineMap(weight: integers([3, dFF]), bias: integers([3])))
      let x = integers([n, d])
      try expectSameBits(Kernels::feedForward(x, p), Equations::feedForward(x, p))
    }
  }

  @Test("one thread and two give the same bits")
  func threads() throws {
    var stream = RandomStream(seed: 6)
    let p = FeedForward<Float>(
      inner: AffineMap(weight: .normal([700, 90], from: &stream)),
      outer: AffineMap(weight: .normal([90, 700], from: &stream)), activation: .gelu)
    let x = Tensor<Float>.normal([61, 90], from: &stream)
    let one = Threads.$count.withValue(1) { Kernels::feedForward(x, p) }
    try expectSameBits(Threads.$count.withValue(2) { Kernels::feedForward(x, p) }, one)
  }

  @Test("the kernel refuses what the equation refuses, in the same words", arguments: [0, 0.5])
  func shapes(probability: Double) async throws {
    let width = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { [probability] in
      let p = FeedForward<Float>(
        inner: AffineMap(weight: [[1, 2], [3, 4], [5, 6]]), outer: AffineMap(weight: [[1, 2, 3]]))
      _ = Kernels::feedForward([[1, 2, 3]], p, dropout: Dropout(probability: probability, seed: 1))
    }
    expectSentence("x must be … × 2: got 1 × 3, the weight is 3 × 2", from: width)
  }
}
