import Equations
import ErrorBounds
import Kernels
import Notation
import Specification
import TestSupport
import Testing

@Suite("Gradient clipping kernel")
struct GradientClippingKernelTests {
  @Test(
    "the kernel agrees with the golden vectors",
    arguments: try GoldenCase.all(of: "clippedGradients"))
  func golden(_ vector: GoldenCase) throws {
    let gradients = try vector.inputNames.map { try vector.input($0)! }
    let (finite, floats) = (gradients.map(\.finite), gradients.map { $0.converted(to: Float.self) })
    let maximum = vector.attributes.number(needed: "maximumNorm")
    let epsilon = vector.attributes.number(needed: "epsilon")
    let norm = fenced { Kernels::globalNorm(floats) }
    try ErrorGauge(
      got: single(norm), expected: try vector.expected("norm")!,
      bound: single(globalNormBound(finite)))
    let got = fenced { Kernels::clipped(floats, maximumNorm: maximum, epsilon: epsilon) }
    let bounds = clippedBound(finite, maximumNorm: maximum, epsilon: epsilon)
    for i in got.indices {
      try ErrorGauge(got: got[i], expected: try vector.expected("output\(i)")!, bound: bounds[i])
    }
  }

  @Test("norm, coefficient and result agree with the equation, in place, too")
  func agreement() throws {
    try checkProperty("gradient clipping agreement", cases: 200) { draw in
      let gradients = (0..<draw.size("tensors", upTo: 3)).map { _ in
        draw.tensor("g", [draw.size("n", upTo: 100, blocks: [8, 16, 32])], .ordinary)
      }
      let maximum = draw.element("maximum", of: [1, 0.125, 3, 40, 1000, 0])
      let epsilon = draw.element("epsilon", of: [1e-6, 0, 0.25])
      let wide = gradients.map { $0.converted(to: Double.self) }
      let norm = fenced { Kernels::globalNorm(gradients) }
      let exactNorm = Equations::globalNorm(wide)
      try ErrorGauge(
        got: single(norm), expected: single(exactNorm), bound: single(globalNormBound(wide)))
      try ErrorGauge(
        got: single(
          Kernels::clippingCoefficient(norm: norm, maximumNorm: maximum, epsilon: epsilon)),
        expected: single(
          Equations::clippingCoefficient(
            norm: Double(norm), maximumNorm: maximum, epsilon: epsilon)),
        bound: single(
          clippingCoefficientBound(norm: Double(norm), maximumNorm: maximum, epsilon: epsilon)))

      let got = fenced { Kernels::clipped(gradients, maximumNorm: maximum, epsilon: epsilon) }
      let exact = Equations::clipped(wide, maximumNorm: maximum, epsilon: epsilon)
      let bounds = clippedBound(wide, maximumNorm: maximum, epsilon: epsilon)
      var inPlace = gradients
      let normBefore = Kernels::clip(&inPlace, maximumNorm: maximum, epsilon: epsilon)
      try expect(normBefore == norm, "the norm returned is \(normBefore)")
      for i in got.indices {
        try ErrorGauge(got: got[i], expected: exact[i], bound: bounds[i])
        try expectSameBits(inPlace[i], got[i])
      }
    }
  }

  @Test("the root of a square is exact, around every block size, and so are powers of two")
  func exact() {
    for root in [1, 2, 3, 4, 5, 6, 8, 9, 11, 128, 256] {
      let gradient = Tensor<Float>(shape: [root * root], repeating: -3)
      #expect(Kernels::globalNorm([gradient]) == Float(3 * root))
    }
    for factor: Float in [1, 0x1p+100, 0x1p-100, 0x1p-140] {
      let gradients: [Tensor<Float>] = [[3, 4], [], [[12]]]
      #expect(Kernels::globalNorm(gradients.map { $0.map { $0 * factor } }) == 13 * factor)
    }
    #expect(Kernels::globalNorm([]) == 0)
  }

  @Test("what is short enough stays as it is, and the maximum may be 0")
  func untouched() throws {
    var stream = RandomStream(seed: 3)
    let gradient = Tensor<Float>.normal([77], from: &stream)
    try expectSameBits(Kernels::clipped([gradient], maximumNorm: 100)[0], gradient)
    let zeros = Kernels::clipped([gradient], maximumNorm: 0)[0]
    #expect(zeros.storage.allSatisfy { $0 == 0 })
  }

  @Test("NaN makes everything NaN; under an infinite norm finite numbers become 0")
  func poison() {
    for n in [5, 8, 37, 70] {
      var gradient = Tensor<Float>(shape: [n], repeating: 1)
      gradient[n - 1] = .infinity
      #expect(Kernels::globalNorm([gradient]) == .infinity)
      let y = Kernels::clipped([gradient], maximumNorm: 1)[0]
      #expect(y.storage.dropLast().allSatisfy { $0 == 0 } && y[n - 1].isNaN)
      gradient[0] = .nan
      #expect(Kernels::globalNorm([gradient]).isNaN)
      #expect(Kernels::clipped([gradient], maximumNorm: 1)[0].storage.allSatisfy { $0.isNaN })
    }
  }

  @Test("any number of threads gives the same bits")
  func threads() throws {
    var stream = RandomStream(seed: 5)
    let gradients = [100_001, 3, 40_000].map { Tensor<Float>.normal([$0], from: &stream) }
    func run(_ threads: Int) -> (Float, [Tensor<Float>]) {
      Threads.$count.withValue(threads) {
        (Kernels::globalNorm(gradients), Kernels::clipped(gradients, maximumNorm: 1))
      }
    }
    let one = run(1)
    for count in [2, 2, 5] {
      let several = run(count)
      #expect(several.0 == one.0)
      for (a, b) in zip(several.1, one.1) { try expectSameBits(a, b) }
    }
  }

  @Test("in place nothing is allocated in steady state")
  func allocations() async {
    await #expect(processExitsWith: .success) {
      var stream = RandomStream(seed: 7)
      var gradients = [Tensor<Float>.normal([300, 300], from: &stream), [1, 2]]
      Kernels::clip(&gradients, maximumNorm: 10)
      let before = Allocations.count
      Kernels::clip(&gradients, maximumNorm: 1)
      require(Allocations.count == before, "\(Allocations.count - before) allocations")
    }
  }

  @Test("the kernel refuses what the equation refuses, in the same words")
  func refusals() async throws {
    let maximum = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Kernels::clipped([[1]], maximumNorm: -1)
    }
    expectSentence("a norm cannot be negative: got -1.0 for the largest", from: maximum)
    let epsilon = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var gradients: [Tensor<Float>] = [[1]]
      Kernels::clip(&gradients, maximumNorm: 1, epsilon: -1e-6)
    }
    expectSentence("ε must not be negative: got -1e-06", from: epsilon)
  }
}

private func single<S: Scalar>(_ number: S) -> Tensor<S> { Tensor(shape: [], storage: [number]) }
