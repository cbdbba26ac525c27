import Equations
import ErrorBounds
import Kernels
import Notation
import Specification
import TestSupport
import Testing

@Suite("Positional encoding kernel")
struct PositionalEncodingKernelTests {
  @Test(
    "the kernel agrees with the golden vectors",
    arguments: try GoldenCase.all(of: "positionalEncoding"))
  func golden(_ vector: GoldenCase) throws {
    let (t, d) = (vector.attributes.integer("length")!, vector.attributes.integer("width")!)
    let (offset, encoding) = (vector.attributes.integer("offset")!, try vector.positions())
    try ErrorGauge(
      got: fenced {
        Kernels::positionalEncoding(length: t, width: d, offset: offset, encoding.converted())
      },
      expected: try vector.expected("output")!,
      bound: positionalEncodingBound(length: t, width: d, offset: offset, encoding))
  }

  @Test(
    "sums with positions agree with the golden vectors",
    arguments: try GoldenCase.all(of: "addPositions"))
  func goldenSum(_ vector: GoldenCase) throws {
    let (x, offset) = (try vector.input("x")!, vector.attributes.integer("offset")!)
    let encoding = try vector.positions()
    try ErrorGauge(
      got: fenced { Kernels::addPositions(x.converted(), encoding.converted(), offset: offset) },
      expected: try vector.expected("output")!,
      bound: addPositionsBound(x.finite, encoding, offset: offset))
  }

  @Test("the kernel agrees with the equation, wherever the positions begin")
  func agreement() throws {
    try checkProperty("positional encoding agreement", cases: 200) { draw in
      let (t, d) = (draw.size("t", upTo: 5), draw.size("d", upTo: 100, blocks: [16, 32]))
      let offset = draw.element("offset", of: [0, 1, 4999, 1 << 20, 1 << 40])
      let form = draw.element("form", of: SinusoidForm.allCases)
      try ErrorGauge(
        got: fenced {
          Kernels::positionalEncoding(length: t, width: d, offset: offset, .sinusoidal(form))
        },
        expected: Equations::positionalEncoding(
          length: t, width: d, offset: offset, .sinusoidal(form)),
        bound: positionalEncodingBound(length: t, width: d, offset: offset, .sinusoidal(form)))
    }
  }

  @Test("sums agree with the equation, for any number of sentences and both kinds of positions")
  func sums() throws {
    try checkProperty("sum with positions agreement", cases: 200) { draw in
      let (g, t) = (draw.size("g", upTo: 3), draw.size("t", upTo: 5))
      let d = draw.size("d", upTo: 70, blocks: [16])
      let x = draw.tensor("x", [g, t, d], .ordinary)
      let (encoding, offset) = draw.positions(t, d)
      let wide = (x.converted(to: Double.self), encoding.converted(to: Double.self))
      try ErrorGauge(
        got: fenced { Kernels::addPositions(x, encoding, offset: offset) },
        expected: Equations::addPositions(wide.0, wide.1, offset: offset),
        bound: addPositionsBound(wide.0, wide.1, offset: offset))
    }
  }

  @Test("position 0 is 0 and 1 in turns, and learned positions of integers are added exactly")
  func exact() throws {
    for d in [1, 2, 7, 8, 9, 15, 16, 17, 33] {
      let first = Kernels::positionalEncoding(length: 1, width: d)
      let zerosAndOnes = (0..<d).map { Float($0 % 2) }
      #expect(first.storage == zerosAndOnes)
      var stream = RandomStream(seed: UInt64(d))
      func integers(_ shape: [Int]) -> Tensor<Float> {
        Tensor<Float>.uniform(shape, from: &stream).map { ($0 * 17).rounded(.down) - 8 }
      }
      let (x, table) = (integers([3, 2, d]), integers([5, d]))
      try expectSameBits(
        Kernels::addPositions(x, .learned(table), offset: 3),
        Equations::addPositions(x, .learned(table), offset: 3))
    }
  }

  @Test("NaN and infinities of x stay where they are")
  func poison() {
    var x = Tensor<Float>(shape: [2, 3, 19], repeating: 1)
    let clean = Kernels::addPositions(x)
    x[0, 1, 17] = .nan
    x[1, 2, 0] = -.infinity
    let y = Kernels::addPositions(x)
    #expect(y[0, 1, 17].isNaN && y[1, 2, 0] == -.infinity)
    for i in y.storage.indices where x.storage[i] == 1 {
      #expect(y.storage[i] == clean.storage[i])
    }
  }

  @Test("any number of threads gives the same bits, and so does a position alone")
  func threads() throws {
    var stream = RandomStream(seed: 5)
    let x = Tensor<Float>.normal([2, 300, 77], from: &stream)
    let one = Threads.$count.withValue(1) {
      (Kernels::positionalEncoding(length: 300, width: 77), Kernels::addPositions(x))
    }
    for count in [2, 2, 5] {
      try Threads.$count.withValue(count) {
        try expectSameBits(Kernels::positionalEncoding(length: 300, width: 77), one.0)
        try expectSameBits(Kernels::addPositions(x), one.1)
      }
    }
    for p in [0, 1, 299] {
      let row = Kernels::positionalEncoding(length: 1, width: 77, offset: p)
      try expectSameBits(row.reshaped([77]), one.0.slice(p))
    }
    try expectSameBits(Kernels::addPositions(x.slice(1)), one.1.slice(1))
  }

  @Test("the kernel refuses what the equation refuses, in the same words")
  func shapes() async throws {
    let negative = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = Kernels::positionalEncoding(length: 3, width: 4, offset: -1) }
    expectSentence(
      "positions are counted from 0: got length 3, width 4 and offset -1", from: negative)
    let longer = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = Kernels::addPositions([[1, 2], [3, 4]], .sinusoidal(maximumLength: 9), offset: 8) }
    expectSentence(
      "a positional table of 9 rows is shorter than the 10 positions asked for", from: longer)
    let width = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = Kernels::positionalEncoding(length: 2, width: 3, .learned([[1, 2], [3, 4]])) }
    expectSentence("a positional table must be positions × 3: got 2 × 2", from: width)
    let vector = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = Kernels::addPositions([1, 2, 3] as Tensor<Float>) }
    expectSentence("a sequence must be … × t × d: got 3", from: vector)
  }
}

extension Draw {
  /// Positions of either kind for t vectors of width d, and the first of them.
  func positions(_ t: Int, _ d: Int) -> (encoding: PositionalEncoding<Float>, offset: Int) {
    let offset = element("offset", of: [0, 1, 3])
    return bool("learned")
      ? (.learned(tensor("table", [offset + t, d], .ordinary)), offset) : (.sinusoidal(), offset)
  }
}
