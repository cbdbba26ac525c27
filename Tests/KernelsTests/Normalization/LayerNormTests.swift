import Equations
import ErrorBounds
import Kernels
import Notation
import Specification
import TestSupport
import Testing

@Suite("Layer norm kernel")
struct LayerNormKernelTests {
  @Test("the kernel agrees with the golden vectors", arguments: try GoldenCase.all(of: "layerNorm"))
  func golden(_ vector: GoldenCase) throws {
    let x = try vector.input("x")!
    let p = LayerNorm(
      gain: try vector.input("gain")!, bias: try vector.input("bias"),
      epsilon: vector.attributes.number("epsilon")!,
      form: vector.attributes.string("form") == "epsilonOutsideRoot"
        ? .epsilonOutsideRoot : .epsilonInsideRoot)
    try ErrorGauge(
      got: fenced { Kernels::layerNorm(x.converted(), p.converted()) },
      expected: try vector.expected("output")!, bound: layerNormBound(x.finite, p))
  }

  @Test("the kernel agrees with the equation, whatever mean, deviation and width")
  func agreement() throws {
    try checkProperty("layer norm agreement", cases: 300) { draw in
      let (n, d) = (draw.size("n", upTo: 4), draw.size("d", upTo: 200, blocks: [32, 64]))
      let mean = draw.element("mean", of: [0, 1, -10_000 as Float])
      let x = draw.tensor("x", [n, d], .ordinary).map { $0 + mean }
      let p = draw.layerNorm(width: d)
      let (wide, wideP) = (x.converted(to: Double.self), p.converted(to: Double.self))
      try ErrorGauge(
        got: fenced { Kernels::layerNorm(x, p) }, expected: Equations::layerNorm(wide, wideP),
        bound: layerNormBound(wide, wideP))
    }
  }

  @Test("a row of one number repeated gives exactly the bias", arguments: LayerNormForm.allCases)
  func constantRows(_ form: LayerNormForm) throws {
    var stream = RandomStream(seed: 7)
    for d in [1, 2, 3, 7, 8, 9, 31, 32, 33, 40, 512, 517] {
      let p = LayerNorm(
        gain: Tensor<Float>.normal([d], from: &stream), bias: .normal([d], from: &stream),
        epsilon: 1e-12, form: form)
      if d == 1 && form == .epsilonOutsideRoot { continue }  // 0 / 0
      for number: Float in [1000.1, 0.1, -1e8, 0x1p-140] {
        let y = Kernels::layerNorm(Tensor(shape: [d], repeating: number), p)
        try expectSameBits(y, p.bias!)
      }
    }
  }

  @Test("mean 5 and variance 1 are exact with ε = 3, around every block size")
  func exact() throws {
    var stream = RandomStream(seed: 8)
    for d in [2, 6, 8, 10, 16, 30, 32, 34, 62, 64, 66, 130] {
      func integers(_ shape: [Int]) -> Tensor<Float> {
        Tensor<Float>.uniform(shape, from: &stream).map { ($0 * 17).rounded(.down) - 8 }
      }
      let row = Tensor<Float>(shape: [d], storage: (0..<d).map { $0 % 2 == 0 ? 4 : 6 })
      let p = LayerNorm(gain: integers([d]), bias: integers([d]), epsilon: 3)
      let expected = (0..<d).map { p.bias![$0] + p.gain[$0] * ($0 % 2 == 0 ? -0.5 : 0.5) }
      try expectSameBits(Kernels::layerNorm(row, p), Tensor(shape: [d], storage: expected))
    }
  }

  @Test("NaN or an infinity makes its row NaN, and no other", arguments: LayerNormForm.allCases)
  func poison(_ form: LayerNormForm) throws {
    var stream = RandomStream(seed: 9)
    for d in [5, 8, 37, 70] {
      let x = Tensor<Float>.normal([4, d], from: &stream)
      let p = LayerNorm<Float>(width: d, epsilon: 1e-5, form: form)
      let clean = Kernels::layerNorm(x, p)
      for (poison, j) in [(Float.nan, 0), (.infinity, d - 1), (-.infinity, d / 2)] {
        var poisoned = x
        poisoned[2, j] = poison
        let y = Kernels::layerNorm(poisoned, p)
        for i in [0, 1, 3] { try expectSameBits(y.slice(i), clean.slice(i)) }
        #expect(y.slice(2).storage.allSatisfy { $0.isNaN })
      }
    }
  }

  @Test("any number of threads gives the same bits, and so does a row alone")
  func threads() throws {
    var stream = RandomStream(seed: 5)
    let x = Tensor<Float>.normal([300, 257], from: &stream)
    let p = LayerNorm(
      gain: Tensor<Float>.normal([257], from: &stream), bias: .normal([257], from: &stream),
      epsilon: 1e-5)
    let one = Threads.$count.withValue(1) { Kernels::layerNorm(x, p) }
    for count in [2, 2, 5] {
      try expectSameBits(Threads.$count.withValue(count) { Kernels::layerNorm(x, p) }, one)
    }
    for i in 0..<9 { try expectSameBits(Kernels::layerNorm(x.slice(i), p), one.slice(i)) }
  }

  @Test("the kernel refuses what the equation refuses, in the same words")
  func shapes() async throws {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = Kernels::layerNorm([[1, 2], [3, 4]], LayerNorm<Float>(width: 3, epsilon: 1e-5)) }
    expectSentence("x must be … × 3, the width of the gain: got 2 × 2", from: result)
  }
}

extension Draw {
  /// The parameters of a normalisation, with a bias or without, of either form.
  func layerNorm(width d: Int) -> LayerNorm<Float> {
    LayerNorm(
      gain: tensor("gain", [d], .ordinary),
      bias: bool("biased") ? tensor("bias", [d], .ordinary) : nil,
      epsilon: element("epsilon", of: [1e-5, 1e-12, 0.5]),
      form: element("form", of: LayerNormForm.allCases))
  }
}
