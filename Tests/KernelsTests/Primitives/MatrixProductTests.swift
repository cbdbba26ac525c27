import Equations
import ErrorBounds
import Kernels
import Notation
import Specification
import TestSupport
import Testing

@Suite("Matrix product kernel")
struct MatrixProductKernelTests {
  @Test("the kernel agrees with the golden vectors", arguments: try products)
  func goldenProduct(_ vector: GoldenCase) throws {
    let (a, b) = (try vector.input("a")!, try vector.input("b")!)
    try ErrorGauge(
      got: Kernels::matrixProduct(a.converted(), b.converted()),
      expected: try vector.expected("output")!, bound: matrixProductBound(a.finite, b.finite))
  }

  @Test("the affine kernel agrees with the golden vectors", arguments: try affineMaps)
  func goldenAffineMap(_ vector: GoldenCase) throws {
    let (x, weight) = (try vector.input("x")!, try vector.input("weight")!)
    let bias = try vector.input("bias")
    let isRelu = vector.attributes.string(needed: "activation") == "relu"
    let activation: Activation = isRelu ? .relu : .identity
    try ErrorGauge(
      got: Kernels::affineMap(
        x.converted(), AffineMap(weight: weight.converted(), bias: bias?.converted()),
        activation: activation),
      expected: try vector.expected("output")!,
      bound: affineMapBound(
        x.finite, AffineMap(weight: weight.finite, bias: bias?.finite), activation: activation))
  }

  @Test("the kernel agrees with the equation, whatever the shape and the numbers")
  func agreement() throws {
    try checkProperty("matrix product agreement", cases: 200) { draw in
      let g = draw.integer("g", in: 1...2)
      let n = draw.size("n", blocks: [6])
      let k = draw.size("k", upTo: 70)
      let m = draw.size("m", blocks: [16])
      let a = draw.tensor("a", [g, n, k], .ordinary)
      let b = draw.tensor("b", [g, k, m], .ordinary)
      let (wideA, wideB) = (a.converted(to: Double.self), b.converted(to: Double.self))
      try ErrorGauge(
        got: fenced { Kernels::matrixProduct(a, b) },
        expected: Equations::matrixProduct(wideA, wideB),
        bound: matrixProductBound(wideA, wideB))
    }
  }

  @Test("the affine kernel agrees with the equation, bias and activation included")
  func affineAgreement() throws {
    try checkProperty("affine map agreement", cases: 200) { draw in
      let (n, inputs) = (draw.size("n", blocks: [6]), draw.size("inputs", upTo: 70))
      let outputs = draw.size("outputs", blocks: [16])
      let x = draw.tensor("x", [n, inputs], .ordinary)
      let bias = draw.bool("biased") ? draw.tensor("bias", [outputs], .ordinary) : nil
      let map = AffineMap(
        weight: draw.tensor("weight", [outputs, inputs], .ordinary), bias: bias)
      let activation = draw.element("activation", of: Activation.allCases)
      let wide = AffineMap<Double>(
        weight: map.weight.converted(), bias: map.bias?.converted())
      try ErrorGauge(
        got: fenced { Kernels::affineMap(x, map, activation: activation) },
        expected: Equations::affineMap(x.converted(), wide, activation: activation),
        bound: affineMapBound(x.converted(), wide, activation: activation))
    }
  }

  @Test("products of small integers are exact, around every block size", arguments: blockSizes)
  func exact(n: Int, k: Int, m: Int) throws {
    var stream = RandomStream(seed: UInt64(n << 40 | k << 20 | m))
    // 1100 · 8² < 2²⁴: every product and partial sum is an integer that Float holds.
    let a = integers([n, k], from: &stream)
    let b = integers([k, m], from: &stream)
    try expectSameBits(Kernels::matrixProduct(a, b), Equations::matrixProduct(a, b))
    let map = AffineMap(weight: b.transposed, bias: integers([m], from: &stream))
    try expectSameBits(
      Kernels::affineMap(a, map, activation: .relu),
      Equations::affineMap(a, map, activation: .relu))
  }

  @Test(
    "a packed map gives the bits of the map, whatever its shape; few rows stay within the bound")
  func packed() throws {
    try checkProperty("packed affine map", cases: 200) { draw in
      let n = draw.size("n", blocks: [6, 17, 36])
      let (inputs, outputs) = (draw.size("inputs", upTo: 70), draw.size("outputs", blocks: [16]))
      let x = draw.tensor("x", [n, inputs], .ordinary)
      let map = AffineMap(
        weight: draw.tensor("weight", [outputs, inputs], .ordinary),
        bias: draw.bool("biased") ? draw.tensor("bias", [outputs], .ordinary) : nil)
      let addend = draw.bool("adds") ? draw.tensor("addend", [n, outputs], .ordinary) : nil
      let activation = draw.element("activation", of: Activation.allCases)
      let packed = map.packed()
      let got = fenced {
        Kernels::affineMap(x, packed, activation: activation, adding: addend)
      }
      if n > 16 && outputs > 1 {
        try expectSameBits(
          got, Kernels::affineMap(x, map, activation: activation, adding: addend))
      }
      for row in 0..<n where outputs > 1 {
        let alone = Kernels::affineMap(
          x.slice(row), packed, activation: activation, adding: addend?.slice(row))
        try expectSameBits(alone, got.slice(row))
      }
      let y = Equations::affineMap(
        x.converted(to: Double.self), map.converted(), activation: activation)
      let bound = affineMapBound(x.converted(), map.converted(), activation: activation)
      let wide = addend?.converted(to: Double.self)
      let output = wide.map { y + $0 } ?? y
      try ErrorGauge(
        got: got, expected: output,
        bound: wide == nil
          ? bound : bound + (output.map(abs) + bound).map { Arithmetic.kernel.unitRoundoff * $0 })
    }
  }

  @Test("products of small integers are exact through packed maps", arguments: blockSizes)
  func exactPacked(n: Int, k: Int, m: Int) throws {
    var stream = RandomStream(seed: UInt64(n << 40 | k << 20 | m))
    let x = integers([n, k], from: &stream)
    let map = AffineMap(
      weight: integers([m, k], from: &stream), bias: integers([m], from: &stream))
    try expectSameBits(Kernels::affineMap(x, map.packed()), Equations::affineMap(x, map))
  }

  @Test("a new weight is not multiplied by the panels of the old one")
  func repacked() throws {
    var map = AffineMap<Float>(weight: [[1, 2], [3, 4]]).packed()
    map.weight[1, 0] = 7
    #expect(Kernels::affineMap([1, 1], map) == [3, 11])
  }

  @Test("one thread and two give the same bits, and so does a second run")
  func threads() throws {
    var stream = RandomStream(seed: 3)
    let a = Tensor<Float>.normal([131, 600], from: &stream)
    let b = Tensor<Float>.normal([600, 97], from: &stream)
    let one = Threads.$count.withValue(1) { Kernels::matrixProduct(a, b) }
    for count in [2, 2, 3, 7] {
      let several = Threads.$count.withValue(count) { Kernels::matrixProduct(a, b) }
      try expectSameBits(several, one)
    }
    for rows in [1, 9, 131] {
      let map = AffineMap(weight: Tensor<Float>.normal([2100, 600], from: &stream))
      let x = Tensor<Float>.normal([rows, 600], from: &stream)
      for map in [map, map.packed()] {
        let one = Threads.$count.withValue(1) { Kernels::affineMap(x, map) }
        try expectSameBits(Threads.$count.withValue(3) { Kernels::affineMap(x, map) }, one)
      }
    }
  }

  @Test("the error stays near what independent roundings give")
  func expectedError() throws {
    var stream = RandomStream(seed: 4)
    let a = Tensor<Double>.normal([60, 1000], from: &stream).converted(to: Float.self)
    let b = Tensor<Double>.normal([1000, 50], from: &stream).converted(to: Float.self)
    let (wideA, wideB) = (a.converted(to: Double.self), b.converted(to: Double.self))
    do {
      try ErrorGauge(
        got: Kernels::matrixProduct(a, b), expected: Equations::matrixProduct(wideA, wideB),
        bound: expectedMatrixProductError(wideA, wideB))
    } catch {
      Issue.record("larger than expected of independent roundings: \(error)", severity: .warning)
    }
  }

  @Test("NaN and infinities come out where the equation has them")
  func notFinite() throws {
    let a: Tensor<Float> = [[1, 0], [0, 1]]
    let b = Tensor<Float>(shape: [2, 2], storage: [.nan, 1, .infinity, -.infinity])
    let wide = Equations::matrixProduct(a.converted(to: Double.self), b.converted())
    try ErrorGauge(
      got: Kernels::matrixProduct(a, b), expected: wide, bound: wide.map { _ in 0 })
    let nan = Tensor<Float>(shape: [1, 1], repeating: .nan)
    #expect(Kernels::affineMap(nan, AffineMap(weight: [[1]]), activation: .relu)[0, 0].isNaN)
  }

  @Test("the kernel refuses what the equation refuses, in the same words")
  func shapes() async throws {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let a: Tensor<Float> = [[1, 2, 3]]
      _ = Kernels::matrixProduct(a, a)
    }
    expectSentence("b must be 3 × m: got 1 × 3, a is 1 × 3", from: result)
  }
}

private var products: [GoldenCase] {
  get throws { try GoldenCase.all(of: "matrixProduct") }
}

private var affineMaps: [GoldenCase] {
  get throws { try GoldenCase.all(of: "affineMap") }
}

/// A tile has 6 rows, a panel 16 or 32 columns, a block 36 rows, 384 columns and 512 steps.
private let blockSizes: [(n: Int, k: Int, m: Int)] =
  [0, 1, 5, 6, 7, 15, 16, 17].flatMap { n in
    [0, 1, 2, 65].flatMap { k in [0, 1, 15, 16, 17, 31, 32, 35].map { m in (n, k, m) } }
  } + [(35, 3, 4), (36, 3, 4), (37, 3, 40), (75, 2, 33), (7, 511, 5), (7, 512, 5), (7, 513, 17)]
  + [(3, 1100, 18), (2, 3, 383), (2, 3, 384), (40, 520, 385), (2, 3, 771), (130, 140, 70)]

private func integers(_ shape: [Int], from stream: inout RandomStream) -> Tensor<Float> {
  Tensor.uniform(shape, from: &stream).map { ($0 * 17).rounded(.down) - 8 }
}
