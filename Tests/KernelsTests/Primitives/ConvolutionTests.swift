import Equations
import ErrorBounds
import Kernels
import Notation
import Specification
import TestSupport
import Testing

@Suite("Convolution kernel")
struct ConvolutionKernelTests {
  @Test(
    "the kernel agrees with the golden vectors", arguments: try GoldenCase.all(of: "convolution"))
  func golden(_ vector: GoldenCase) throws {
    let zeros = vector.attributes.variant(needed: "padding")
    let padding: ConvolutionPadding =
      switch zeros.string(needed: "kind") {
      case "causal": .causal
      case "same": .same
      default: .zeros(left: zeros.integer(needed: "left"), right: zeros.integer(needed: "right"))
      }
    let p = Convolution(
      weight: try vector.input("weight")!, bias: try vector.input("bias"),
      stride: vector.attributes.integer(needed: "stride"),
      dilation: vector.attributes.integer(needed: "dilation"), padding: padding)
    let x = try vector.input("x")!
    for inFloat: Convolution<Float> in [p.converted(), p.converted().packed()] {
      try ErrorGauge(
        got: fenced { Kernels::convolution(x.converted(), inFloat) },
        expected: try vector.expected("output")!, bound: convolutionBound(x.finite, p.finite))
    }
  }

  @Test("the kernel agrees with the equation, whatever shape, stride, dilation and padding")
  func agreement() throws {
    try checkProperty("convolution agreement", cases: 300) { draw in
      let p = draw.convolution { draw.tensor($0, $1, .ordinary) }
      let x = draw.tensor("x", draw.sequences(for: p), .ordinary)
      draw.cover("some result sees beyond the sequence", p.zeros.left > 0, atLeast: 0.3)
      draw.cover("dilated", p.dilation > 1 && p.kernel > 1, atLeast: 0.1)
      try ErrorGauge(
        got: fenced { Kernels::convolution(x, p) },
        expected: Equations::convolution(x.converted(), p.converted(to: Double.self)),
        bound: convolutionBound(x.converted(), p.converted()))
    }
  }

  @Test("a packed convolution gives the bits of the convolution, whatever its shape")
  func packed() throws {
    try checkProperty("packed convolution", cases: 200) { draw in
      let p = draw.convolution { draw.tensor($0, $1, .ordinary) }
      let x = draw.tensor("x", draw.sequences(for: p), .ordinary)
      let packed = p.packed()
      try expectSameBits(fenced { Kernels::convolution(x, packed) }, Kernels::convolution(x, p))
    }
  }

  @Test("a new weight is not multiplied by the panels of the old one")
  func repacked() throws {
    var p = Convolution<Float>(weight: [[[1, 2]], [[3, 4]]]).packed()
    p.weight[1, 0, 1] = 7
    #expect(Kernels::convolution([[1], [1]], p) == [[3, 10]])
  }

  @Test("small integers are exact, whatever shape, stride, dilation and padding")
  func exact() throws {
    try checkProperty("convolution exact", cases: 300) { draw in
      let p = draw.convolution { draw.integerTensor($0, $1, magnitude: 8) }
      let x = draw.integerTensor("x", draw.sequences(for: p), magnitude: 8)
      try expectSameBits(fenced { Kernels::convolution(x, p) }, Equations::convolution(x, p))
    }
  }

  @Test("small integers are exact beyond one block of results, steps and outputs")
  func exactBlocks() throws {
    for (t, inputs, outputs, k) in [
      (35, 3, 4, 2), (37, 3, 33, 2), (75, 171, 18, 3), (80, 512, 5, 2), (9, 1, 17, 600),
      (5, 2, 385, 3), (40, 200, 400, 3),
    ] {
      for (stride, dilation) in [(1, 1), (2, 1), (1, 3)] {
        for padding in [ConvolutionPadding.same, .causal, .zeros(left: k * dilation, right: 0)] {
          var stream = RandomStream(seed: UInt64(t))
          func integers(_ shape: [Int]) -> Tensor<Float> {
            Tensor<Float>.uniform(shape, from: &stream).map { ($0 * 7).rounded(.down) - 3 }
          }
          let p = Convolution(
            weight: integers([outputs, inputs, k]), bias: integers([outputs]), stride: stride,
            dilation: dilation, padding: padding)
          let x = integers([2, t, inputs])
          let exact = Equations::convolution(x, p)
          for p in [p, p.packed()] { try expectSameBits(Kernels::convolution(x, p), exact) }
        }
      }
    }
  }

  @Test("a result has the same bits alone, whatever the others see")
  func alone() throws {
    try checkProperty("convolution alone", cases: 100) { draw in
      let p = draw.convolution { draw.tensor($0, $1, .ordinary) }
      let x = draw.tensor("x", draw.sequences(for: p), .ordinary)
      let y = Kernels::convolution(x, p)
      let (t, results) = (x.shape[1], y.shape[1])
      guard x.shape[0] > 0 else { return }
      let i = draw.integer("i", in: 0...results - 1)
      let start = i * p.stride - p.zeros.left
      // Where a position does not exist, zeros stand around those that do.
      let seen = max(start, 0)..<max(min(start + p.span, t), max(start, 0))
      let before = min(seen.lowerBound - start, p.span)
      let alone = Convolution(
        weight: p.weight, bias: p.bias, stride: p.stride, dilation: p.dilation,
        padding: .zeros(left: before, right: p.span - before - seen.count))
      let part = Tensor(
        shape: [seen.count, p.inputs],
        storage: seen.flatMap { position in (0..<p.inputs).map { x[0, position, $0] } })
      try expectSameBits(
        Kernels::convolution(part, alone), y.slice(0).slice(i).reshaped([1, p.outputs]))
    }
  }

  @Test("NaN reaches the results that see it, and weights beyond the sequence none")
  func poison() throws {
    var stream = RandomStream(seed: 8)
    var x = Tensor<Float>.normal([60, 5], from: &stream)
    var weight = Tensor<Float>.normal([19, 5, 3], from: &stream)
    for dilation in [1, 2] {
      let p = Convolution(weight: weight, dilation: dilation, padding: .same)
      let clean = Kernels::convolution(x, p)
      x[40, 2] = .nan
      let y = Kernels::convolution(x, p)
      x[40, 2] = 0
      for i in 0..<60 {
        let sees = [-1, 0, 1].contains { i + $0 * dilation == 40 }
        for o in 0..<19 {
          #expect(sees ? y[i, o].isNaN : y[i, o].bitPattern == clean[i, o].bitPattern)
        }
      }
    }
    for o in 0..<19 { for c in 0..<5 { weight[o, c, 0] = .nan } }
    let y = Kernels::convolution(x, Convolution(weight: weight, padding: .causal))
    #expect(!y[0, 3].isNaN && !y[1, 3].isNaN && y[2, 3].isNaN)
  }

  @Test("one thread and more give the same bits, and so does a sequence alone")
  func threads() throws {
    var stream = RandomStream(seed: 9)
    let p = Convolution<Float>(
      weight: .normal([97, 64, 3], from: &stream), bias: .normal([97], from: &stream),
      padding: .same)
    let x = Tensor<Float>.normal([3, 131, 64], from: &stream)
    let one = Threads.$count.withValue(1) { Kernels::convolution(x, p) }
    for (count, p) in [(2, p), (2, p), (5, p), (1, p.packed()), (5, p.packed())] {
      try expectSameBits(Threads.$count.withValue(count) { Kernels::convolution(x, p) }, one)
    }
    try expectSameBits(Kernels::convolution(x.slice(2), p), one.slice(2))
  }

  @Test("the kernel refuses what the equation refuses, in the same words")
  func shapes() async throws {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = Kernels::convolution([[1, 2]], Convolution<Float>(weight: [[[1]]])) }
    expectSentence("x must be … × t × 1: got 1 × 2, the weight is 1 × 1 × 1", from: result)
  }
}

extension Convolution<Double> {
  /// The same parameters with 0 for NaN and infinities.
  fileprivate var finite: Convolution {
    Convolution(
      weight: weight.finite, bias: bias?.finite, stride: stride, dilation: dilation,
      padding: padding)
  }
}

extension Draw {
  /// A convolution of any kind, its numbers by name and shape.
  fileprivate func convolution(
    _ tensor: (String, [Int]) -> Tensor<Float>
  ) -> Convolution<Float> {
    let (outputs, inputs) = (size("outputs", blocks: [16]), size("inputs", upTo: 20))
    let weight = tensor("weight", [outputs, inputs, size("k", from: 1, upTo: 7)])
    let paddings: [ConvolutionPadding] = [
      .none, .same, .causal,
      .zeros(left: integer("left", in: 0...9), right: integer("right", in: 0...9)),
    ]
    return Convolution(
      weight: weight, bias: bool("biased") ? tensor("bias", [outputs]) : nil,
      stride: integer("stride", in: 1...4), dilation: integer("dilation", in: 1...4),
      padding: element("padding", of: paddings))
  }

  /// The shape of sequences that are long enough.
  fileprivate func sequences(for p: Convolution<Float>) -> [Int] {
    let least = max(p.span - p.zeros.left - p.zeros.right, 0)
    return [
      size("sequences", upTo: 3), least + size("more", upTo: 80, blocks: [36]), p.inputs,
    ]
  }
}
