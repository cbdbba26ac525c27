import Equations
import ErrorBounds
import Kernels
import Notation
import Specification
import TestSupport
import Testing

@Suite("Swin Transformer kernel")
struct SwinTransformerKernelTests {
  @Test(
    "shifts, windows and masks agree with the golden vectors",
    arguments: try GoldenCase.all(of: "cyclicShift") + GoldenCase.all(of: "windows")
      + GoldenCase.all(of: "joinedWindows") + GoldenCase.all(of: "shiftedWindowMask"))
  func goldenMoves(_ vector: GoldenCase) throws {
    func number(_ name: String) -> Int { vector.attributes.integer(needed: name) }
    func expectMoved(_ kernel: (Tensor<Float>) -> Tensor<Float>) throws {
      let (x, expected) = (try vector.input("x")!, try vector.expected("output")!)
      try ErrorGauge(
        got: fenced { kernel(x.converted()) }, expected: expected, bound: expected.map { _ in 0 })
    }
    switch vector.function {
    case "cyclicShift": try expectMoved { Kernels::cyclicShift($0, by: number("shift")) }
    case "windows": try expectMoved { Kernels::windows($0, size: number("window")) }
    case "joinedWindows":
      try expectMoved {
        Kernels::joinedWindows(
          $0, size: number("window"), height: number("height"), width: number("width"))
      }
    default:
      #expect(
        Kernels::shiftedWindowMask(
          height: number("height"), width: number("width"), window: number("window"),
          shift: number("shift")) == (try vector.expectedFlags("output")))
    }
  }

  @Test(
    "attention inside windows agrees with the golden vectors",
    arguments: try GoldenCase.all(of: "windowAttention"))
  func goldenInside(_ vector: GoldenCase) throws {
    let (x, p) = (try vector.input("x")!, try SwinParameters(vector).windowAttention())
    let (mask, fill) = (try vector.flags("keep"), vector.fill)
    try ErrorGauge(
      got: fenced {
        Kernels::windowAttention(x.converted(), p.converted(), mask: mask, fill: fill)
      },
      expected: try vector.expected("output")!,
      bound: windowAttentionBound(x.finite, p, mask: mask, fill: fill))
  }

  @Test(
    "attention inside shifted windows agrees with the golden vectors",
    arguments: try GoldenCase.all(of: "shiftedWindowAttention"))
  func goldenShifted(_ vector: GoldenCase) throws {
    let (x, p) = (try vector.input("x")!, try SwinParameters(vector).windowAttention())
    let (shift, fill) = (vector.attributes.integer(needed: "shift"), vector.fill)
    try ErrorGauge(
      got: fenced {
        Kernels::shiftedWindowAttention(x.converted(), p.converted(), shift: shift, fill: fill)
      },
      expected: try vector.expected("output")!,
      bound: shiftedWindowAttentionBound(x.finite, p, shift: shift, fill: fill))
  }

  @Test("the block agrees with the golden vectors", arguments: try GoldenCase.all(of: "swinBlock"))
  func goldenBlock(_ vector: GoldenCase) throws {
    let (x, p, fill) = (try vector.input("x")!, try SwinParameters(vector).block(), vector.fill)
    try ErrorGauge(
      got: fenced { Kernels::swinBlock(x.converted(), p.converted(), fill: fill) },
      expected: try vector.expected("output")!,
      bound: try vector.bound("output", unit: Float.unitRoundoff))
  }

  @Test(
    "patch merging agrees with the golden vectors",
    arguments: try GoldenCase.all(of: "patchMerging"))
  func goldenMerging(_ vector: GoldenCase) throws {
    let (x, p) = (try vector.input("x")!, try SwinParameters(vector).merging())
    try ErrorGauge(
      got: fenced { Kernels::patchMerging(x.converted(), p.converted()) },
      expected: try vector.expected("output")!, bound: patchMergingBound(x.finite, p))
  }

  @Test(
    "the model agrees with the golden vectors", arguments: try GoldenCase.all(of: "swinTransformer")
  )
  func golden(_ vector: GoldenCase) throws {
    let (images, fill) = (try vector.input("images")!, vector.fill)
    let p = try SwinParameters(vector).swinTransformer()
    try ErrorGauge(
      got: fenced { Kernels::swinTransformer(images.converted(), p.converted(), fill: fill) },
      expected: try vector.expected("logits")!,
      bound: try vector.bound("logits", unit: Float.unitRoundoff))
  }

  @Test("shifts, windows and masks agree with the equation, whatever map, window and shift")
  func moves() throws {
    try checkProperty("map moves agreement", cases: 200) { draw in
      let m = draw.integer("m", in: 1...5)
      let (rows, columns) = (draw.integer("rows", in: 0...3), draw.integer("columns", in: 0...3))
      let (height, width) = (rows * m, columns * m)
      let shape = [draw.integer("maps", in: 0...2), height, width, draw.size("channels", upTo: 20)]
      let x = draw.tensor("x", shape, .any)
      let s = draw.integer("s", in: -20...20)
      try expectSameBits(
        fenced { Kernels::cyclicShift(x, by: s) }, Equations::cyclicShift(x, by: s))
      let y = Equations::windows(x, size: m)
      try expectSameBits(fenced { Kernels::windows(x, size: m) }, y)
      try expectSameBits(
        fenced { Kernels::joinedWindows(y, size: m, height: height, width: width) }, x)
      let shift = abs(s) % m
      try expect(
        Kernels::shiftedWindowMask(height: height, width: width, window: m, shift: shift)
          == Equations::shiftedWindowMask(height: height, width: width, window: m, shift: shift),
        "the masks differ")
    }
  }

  @Test("a block has the bits of its sublayers, each within its bound, whatever map and shift")
  func sublayers() throws {
    try checkProperty("Swin sublayers", cases: 60) { draw in
      let input = draw.block()
      let (x, p) = (input.x, input.p)
      draw.cover("windows are shifted", input.isShifted, atLeast: 0.15)
      let a = try Sublayer.windowAttention(p.attention, shift: p.shift, fill: input.fill)
        .joined(to: x, .preNorm, p.attentionNorm)
      try expectSameBits(
        fenced { Kernels::swinBlock(x, p, fill: input.fill) },
        Sublayer.feedForward(p.feedForward).joined(to: a, .preNorm, p.feedForwardNorm))
    }
  }

  @Test("a model has the bits of its parts", arguments: [MaskFill.excluded, .added(-100)])
  func parts(_ fill: MaskFill) throws {
    var stream = RandomStream(seed: 4)
    func block(_ d: Int, _ shift: Int) -> SwinBlock<Float> {
      .normal(width: d, heads: 2, window: 3, shift: shift, from: &stream)
    }
    func norm(_ d: Int) -> LayerNorm<Float> {
      LayerNorm(
        gain: .normal([d], from: &stream), bias: .normal([d], from: &stream), epsilon: 1e-5)
    }
    let merging = PatchMerging<Float>(
      norm: norm(32), reduction: .normal(16, 32, from: &stream))
    let p = SwinTransformer<Float>(
      patchSize: 2, patch: .normal(8, 12, from: &stream), patchNorm: norm(8),
      stages: [
        SwinStage(blocks: [block(8, 0), block(8, 1)]),
        SwinStage(merging: merging, blocks: [block(16, 0), block(16, 1)]),
      ], norm: norm(16), head: .normal(5, 16, from: &stream))
    let images = Tensor<Float>.normal([2, 24, 12, 3], from: &stream)

    let vectors = Kernels::affineMap(Kernels::patches(images, size: 2), p.patch)
    var x = Kernels::layerNorm(vectors.reshaped([2, 12, 6, 8]), p.patchNorm!)
    for stage in p.stages {
      if let merging = stage.merging { x = Kernels::patchMerging(x, merging) }
      for block in stage.blocks { x = Kernels::swinBlock(x, block, fill: fill) }
    }
    let normalized = Kernels::layerNorm(x, p.norm).reshaped([2, 18, 16])
    let means = (0..<2).flatMap { image in
      (0..<16).map { k in (0..<18).reduce(Float(0)) { $0 + normalized[image, $1, k] } / 18 }
    }
    try expectSameBits(
      fenced { Kernels::swinTransformer(images, p, fill: fill) },
      Kernels::affineMap(Tensor(shape: [2, 16], storage: means), p.head))
  }

  @Test("patch merging agrees with the equation, whatever map")
  func merging() throws {
    try checkProperty("patch merging agreement", cases: 60) { draw in
      let (height, width) = (
        2 * draw.integer("rows", in: 0...3), 2 * draw.integer("columns", in: 0...3)
      )
      let c = draw.integer("channels", in: 1...9)
      var stream = RandomStream(seed: UInt64(c))
      let p = PatchMerging<Float>(
        norm: LayerNorm(width: 4 * c, epsilon: 1e-5),
        reduction: .normal(2 * c, 4 * c, from: &stream))
      let x = draw.tensor("x", [draw.integer("maps", in: 1...2), height, width, c], .ordinary)
      let wide = p.converted(to: Double.self)
      try ErrorGauge(
        got: fenced { Kernels::patchMerging(x, p) },
        expected: Equations::patchMerging(x.converted(), wide),
        bound: patchMergingBound(x.converted(), wide))
    }
  }

  @Test("small integers with uniform weights are exact, shifted or not", arguments: [2, 4])
  func exact(m: Int) throws {
    // A position sees 1, 2 or 4 quarters of its window: means over powers of two.
    for h in [1, 3] {
      for shift in [0, m / 2] {
        var stream = RandomStream(seed: UInt64(10 * h + shift))
        func integers(_ shape: [Int]) -> Tensor<Float> {
          Tensor<Float>.uniform(shape, from: &stream).map { ($0 * 7).rounded(.down) - 3 }
        }
        let zero = AffineMap(weight: Tensor<Float>(shape: [2 * h, 5], repeating: 0))
        let p = WindowAttention(
          attention: MultiHeadAttention(
            query: zero, key: zero, value: AffineMap(weight: integers([7 * h, 5])),
            output: AffineMap(weight: integers([4, 7 * h]), bias: integers([4])), heads: h),
          biasTable: Tensor(shape: [(2 * m - 1) * (2 * m - 1), h], repeating: 0), windowSize: m)
        let x = integers([2, 3 * m, 2 * m, 5])
        try expectSameBits(
          Kernels::shiftedWindowAttention(x, p, shift: shift),
          Equations::shiftedWindowAttention(x, p, shift: shift))
      }
    }
  }

  @Test("NaN stays in its part of a shifted window")
  func poison() throws {
    let input = block(side: 14, shift: 3)
    var x = input.x
    let clean = Kernels::swinBlock(x, input.p)
    for k in 0..<x.shape[2] { x.storage[k] = .nan }
    let y = Kernels::swinBlock(x, input.p)
    // The first position shares a window with the last rows and columns, and sees 3 × 3 positions.
    for (position, (got, expected)) in zip(slices(y), slices(clean)).enumerated() {
      let isNear = position / 14 < 3 && position % 14 < 3
      #expect(got.allSatisfy { $0.isNaN == isNear })
      if !isNear { #expect(zip(got, expected).allSatisfy { abs($0 - $1) < 1e-4 }) }
    }
  }

  @Test("any number of threads gives the same bits, and so does an image alone")
  func threads() throws {
    let input = block(side: 14, shift: 3)
    let x = Tensor(
      shape: [2] + input.x.shape, storage: input.x.storage + input.x.storage.reversed())
    func run(_ x: Tensor<Float>, _ threads: Int) -> Tensor<Float> {
      Threads.$count.withValue(threads) { Kernels::swinBlock(x, input.p) }
    }
    let one = run(x, 1)
    for count in [2, 5] { try expectSameBits(run(x, count), one) }
    for b in 0..<2 { try expectSameBits(run(x.slice(b), 2), one.slice(b)) }
  }

  @Test("the kernels refuse what the equations refuse, in the same words")
  func shapes() async throws {
    let map = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = Kernels::cyclicShift([[1, 2], [3, 4]], by: 1) }
    expectSentence("an image must be … × height × width × channels: got 2 × 2", from: map)
    let odd = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = Kernels::swinBlock(Tensor(shape: [7, 8, 32], repeating: 1), block(side: 14, shift: 3).p)
    }
    expectSentence("squares of 7 × 7 must divide an image of 7 × 8", from: odd)
    let narrow = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = Kernels::swinBlock(Tensor(shape: [7, 7, 2], repeating: 1), block(side: 14, shift: 3).p)
    }
    expectSentence("x must be … × 32, the width of the gain: got 7 × 7 × 2", from: narrow)
    let inside = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let p = block(side: 14, shift: 0).p.attention
      _ = Kernels::windowAttention(Tensor(shape: [3, 9, 32], repeating: 1), p)
    }
    expectSentence("windows of 7 × 7 must be … × N × 49 × C: got 3 × 9 × 32", from: inside)
    let joined = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = Kernels::joinedWindows(
        Tensor(shape: [5, 4, 1], repeating: 1), size: 2, height: 4, width: 6)
    }
    expectSentence(
      "windows of 2 × 2 that make a map of 4 × 6 are needed: got 5 × 4 × 1", from: joined)
  }
}

/// What is given to both sides.
private struct BlockInput {
  var x: Tensor<Float>
  var p: SwinBlock<Float>
  var fill = MaskFill.excluded

  var isShifted: Bool {
    p.shift > 0 && min(x.shape[x.rank - 3], x.shape[x.rank - 2]) > p.attention.windowSize
  }
}

/// A block of two heads with windows of 7 × 7, and a map for it.
private func block(side: Int, shift: Int) -> BlockInput {
  var stream = RandomStream(seed: 3)
  let p = SwinBlock<Float>.normal(width: 32, heads: 2, window: 7, shift: shift, from: &stream)
  return BlockInput(x: .normal([side, side, 32], from: &stream), p: p)
}

extension Sublayer {
  fileprivate static func windowAttention(
    _ p: WindowAttention<Float>, shift: Int, fill: MaskFill
  ) -> Sublayer {
    let wide = p.converted(to: Double.self)
    return Sublayer {
      Kernels::shiftedWindowAttention($0, p, shift: shift, fill: fill)
    } equation: {
      Equations::shiftedWindowAttention($0, wide, shift: shift, fill: fill)
    } bound: {
      shiftedWindowAttentionBound($0, wide, shift: shift, fill: fill)
    }
  }
}

/// The vectors of all positions of a map.
private func slices(_ x: Tensor<Float>) -> [[Float]] {
  let rows = x.rows
  return (0..<rows.shape[0]).map { rows.slice($0).storage }
}

extension Draw {
  fileprivate func block() -> BlockInput {
    let (m, heads) = (integer("m", in: 1...7), integer("heads", in: 1...2))
    let d = heads * integer("width of a head", in: 1...9)
    var stream = RandomStream(seed: UInt64(integer("parameters", in: 0...0xFFFF)))
    let shape = [
      integer("maps", in: 1...2), m * integer("rows", in: 1...3), m * integer("columns", in: 1...2),
      d,
    ]
    return BlockInput(
      x: tensor("x", shape, .ordinary),
      p: .normal(
        width: d, heads: heads, window: m, shift: integer("shift", in: 0...6) % m, from: &stream),
      fill: element("fill", of: [.excluded, .added(-100)]))
  }
}

extension SwinBlock<Float> {
  fileprivate static func normal(
    width d: Int, heads: Int, window m: Int, shift: Int, from stream: inout RandomStream
  ) -> SwinBlock {
    SwinBlock(
      attention: WindowAttention(
        attention: .normal(width: d, heads: heads, from: &stream),
        biasTable: .normal([(2 * m - 1) * (2 * m - 1), heads], from: &stream), windowSize: m),
      attentionNorm: LayerNorm(width: d, epsilon: 1e-5),
      feedForward: .normal(width: d, dFF: 2 * d, from: &stream),
      feedForwardNorm: LayerNorm(width: d, epsilon: 1e-5), shift: shift)
  }
}
