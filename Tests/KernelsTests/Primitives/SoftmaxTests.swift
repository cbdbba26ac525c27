import Equations
import ErrorBounds
import Kernels
import Notation
import Specification
import TestSupport
import Testing

@Suite("Softmax kernel")
struct SoftmaxKernelTests {
  @Test("the kernel agrees with the golden vectors", arguments: try GoldenCase.all(of: "softmax"))
  func golden(_ vector: GoldenCase) throws {
    let z = try vector.input("x")!
    try ErrorGauge(
      got: Kernels::softmax(z.converted()), expected: try vector.expected("output")!,
      bound: softmaxBound(z))
  }

  @Test(
    "the log-softmax kernel agrees with the golden vectors",
    arguments: try GoldenCase.all(of: "logSoftmax"))
  func goldenLog(_ vector: GoldenCase) throws {
    let z = try vector.input("x")!
    try ErrorGauge(
      got: Kernels::logSoftmax(z.converted()), expected: try vector.expected("output")!,
      bound: logSoftmaxBound(z))
  }

  @Test(
    "the kernel agrees with the equation, whatever the row", arguments: [Values.ordinary, .any])
  func agreement(_ values: Values) throws {
    try checkProperty("softmax agreement \(values)", cases: 300) { draw in
      let z = draw.tensor(
        "z", [draw.size("n", upTo: 4), draw.size("m", upTo: 200, blocks: [32, 64])], values)
      let wide = z.converted(to: Double.self)
      try ErrorGauge(
        got: fenced { Kernels::softmax(z) }, expected: Equations::softmax(wide),
        bound: softmaxBound(wide))
      // Two logits may be farther apart than Float reaches.
      let log = Equations::logSoftmax(wide).map { Float($0) == -.infinity ? -.infinity : $0 }
      try ErrorGauge(
        got: fenced { Kernels::logSoftmax(z) }, expected: log, bound: logSoftmaxBound(wide))
    }
  }

  @Test("one thread and two give the same bits, and so does a second run")
  func threads() throws {
    var stream = RandomStream(seed: 5)
    let z = Tensor<Float>.normal([300, 257], from: &stream)
    for kernel in [Kernels::softmax, Kernels::logSoftmax] {
      let one = Threads.$count.withValue(1) { kernel(z) }
      for count in [2, 2, 5] {
        try expectSameBits(Threads.$count.withValue(count) { kernel(z) }, one)
      }
    }
  }

  @Test("a row's result does not depend on where it lies in memory, nor on the rows beside it")
  func alignment() throws {
    var stream = RandomStream(seed: 6)
    let m = 77
    var z = Tensor<Float>.normal([9, m], from: &stream)
    for j in 0..<m { (z[2, j], z[5, j], z[7, j]) = (.nan, .infinity, -.infinity) }
    for kernel in [Kernels::softmax, Kernels::logSoftmax] {
      let result = kernel(z)
      for i in 0..<9 { try expectSameBits(kernel(z.slice(i)), result.slice(i)) }
    }
  }

  @Test("argmax chooses what the equation chooses, among equals, infinities and NaN")
  func largest() throws {
    try checkProperty("argmax agreement", cases: 200) { draw in
      let m = draw.size("m", from: 1, upTo: 70, blocks: [8, 32])
      let z = Tensor(
        shape: [3, m],
        storage: (0..<3 * m).map { _ in
          draw.element("z", of: [0, 1, 1, -2, 3, 3, -.infinity, .infinity, .nan] as [Float])
        })
      let got = Kernels::argmax(z)
      try expect(got == Equations::argmax(z), "\(got.storage) is chosen")
    }
    let infinite = Tensor<Float>(shape: [1, 20], repeating: -.infinity)
    #expect(Kernels::argmax(infinite) == [0])
  }

  @Test("the kernel refuses what the equation refuses, in the same words")
  func shapes() async throws {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = Kernels::softmax(1 as Tensor<Float>) }
    expectSentence("softmax needs a dimension to sum over: got a single element", from: result)
  }
}
