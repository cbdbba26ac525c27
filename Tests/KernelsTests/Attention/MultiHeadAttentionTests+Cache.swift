import Equations
import ErrorBounds
import Kernels
import Notation
import TestSupport
import Testing

@Suite("Multi-head attention kernel with a cache")
struct CachedAttentionKernelTests {
  @Test("the kernel agrees with the equation, whatever shape, mask, fill and scale")
  func agreement() throws {
    try checkProperty("cached attention agreement", cases: 200) { draw in
      let input = draw.cached()
      draw.cover("few queries", (1...7).contains(input.x.shape[1]), atLeast: 0.3)
      draw.cover("there is room behind the keys", input.room > 0, atLeast: 0.3)
      let bound = input.bound
      draw.cover("the bound says something", bound.storage.allSatisfy { $0 < 1 }, atLeast: 0.5)
      try ErrorGauge(got: fenced { input.kernel() }, expected: input.equation, bound: bound)
    }
  }

  @Test("keys and values agree with the equation's")
  func caches() throws {
    try checkProperty("key-value cache agreement", cases: 100) { draw in
      let input = draw.cached()
      let m = draw.integer("kept", in: 0...input.y.shape[1])
      var got = Kernels::keyValueCache(
        keys: input.y.positions(0..<m).converted(), values: input.y.positions(0..<m).converted(),
        input.p.converted())
      let rest = input.y.positions(m..<input.y.shape[1])
      got.append(keys: rest.converted(), values: rest.converted(), input.p.converted())
      let expected = Equations::keyValueCache(keys: input.y, values: input.y, input.p)
      let bounds = keyValueCacheBound(keys: input.y, values: input.y, input.p)
      try ErrorGauge(got: got.keys, expected: expected.keys, bound: bounds.keys)
      try ErrorGauge(got: got.values, expected: expected.values, bound: bounds.values)
    }
  }

  @Test("small integers with uniform weights are exact, whatever the heads")
  func exact() throws {
    for (h, m) in [(1, 1), (2, 4), (3, 64), (5, 256)] {
      for n in [1, 2, 7, 8] {
        var stream = RandomStream(seed: UInt64(h))
        func integers(_ shape: [Int]) -> Tensor<Float> {
          Tensor<Float>.uniform(shape, from: &stream).map { ($0 * 7).rounded(.down) - 3 }
        }
        func map(_ outputs: Int) -> AffineMap<Float> { AffineMap(weight: integers([outputs, 3])) }
        let p = MultiHeadAttention(
          query: map(2 * h), key: map(2 * h), value: map(17 * h),
          output: AffineMap(weight: integers([5, 17 * h]), bias: integers([5])), heads: h)
        let (x, y) = (integers([2, n, 3]), integers([2, m, 3]))
        var cache = Kernels::keyValueCache(keys: y, values: y, p)
        cache.reserve(m + 3)
        try expectSameBits(
          Kernels::multiHeadAttention(queries: x, cache, p, scale: .factor(0)),
          Equations::multiHeadAttention(queries: x, keys: y, values: y, p, scale: .factor(0)))
      }
    }
  }

  @Test("what is hidden in a cache may be NaN, and so may the room behind it")
  func poison() throws {
    var stream = RandomStream(seed: 43)
    let p = MultiHeadAttention<Float>.normal(width: 12, heads: 3, from: &stream)
    let x = Tensor<Float>.normal([2, 1, 12], from: &stream)
    var y = Tensor<Float>.normal([2, 230, 12], from: &stream)
    let keep = Tensor(shape: [1, 1, 1, 230], storage: (0..<230).map { $0 % 4 != 1 })
    func attend() -> Tensor<Float> {
      var cache = Kernels::keyValueCache(keys: y, values: y, p)
      let nan = y.map { _ in Float.nan }
      cache.append(keys: nan, values: nan, p)
      cache.truncate(to: 230)
      return Kernels::multiHeadAttention(queries: x, cache, p, mask: .keep(keep))
    }
    let clean = attend()
    for b in 0..<2 {
      for j in 0..<230 where j % 4 == 1 { for c in 0..<12 { y[b, j, c] = .nan } }
    }
    // A query with hidden NaN is computed again by itself: the same up to rounding.
    for (a, b) in zip(attend().storage, clean.storage) { #expect(abs(a - b) < 0x1p-15) }
  }

  @Test("one thread and more give the same bits, and so does a sentence alone")
  func threads() throws {
    var stream = RandomStream(seed: 44)
    let p = MultiHeadAttention<Float>.normal(width: 96, heads: 6, from: &stream).packed()
    for n in [1, 5] {
      let x = Tensor<Float>.normal([5, n, 96], from: &stream)
      let y = Tensor<Float>.normal([5, 401, 96], from: &stream)
      let cache = Kernels::keyValueCache(keys: y, values: y, p)
      func attend(_ threads: Int) -> Tensor<Float> {
        Threads.$count.withValue(threads) { Kernels::multiHeadAttention(queries: x, cache, p) }
      }
      let one = attend(1)
      for count in [2, 5] { try expectSameBits(attend(count), one) }
      for b in 0..<5 {
        let alone = KeyValueCache(keys: cache.keys.slice(b), values: cache.values.slice(b))
        try expectSameBits(
          Kernels::multiHeadAttention(queries: x.slice(b), alone, p), one.slice(b))
      }
    }
  }

  @Test("the kernel refuses what the equation refuses, in the same words")
  func shapes() async throws {
    let mask = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let map = AffineMap<Float>(weight: [[1, 1], [1, 1]])
      let p = MultiHeadAttention(query: map, key: map, value: map, output: map, heads: 2)
      let cache = Kernels::keyValueCache(keys: [[1, 2]], values: [[1, 2]], p)
      _ = Kernels::multiHeadAttention(queries: [[1, 2]], cache, p, mask: .keep([[true]]))
    }
    expectSentence(
      "a mask's keep must be 2 × 1 × 1 with any extent 1 instead: got 1 × 1", from: mask)
    let later = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let map = AffineMap<Float>(weight: [[1, 1], [1, 1]])
      let p = MultiHeadAttention(query: map, key: map, value: map, output: map, heads: 2)
      var cache = Kernels::keyValueCache(keys: [[1, 2]], values: [[1, 2]], p)
      cache.append(keys: [[[1, 2]]], values: [[[1, 2]]], p)
    }
    expectSentence(
      "what is added to a cache of 2 × 1 × 1 must differ in its length only: got 1 × 2 × 1 × 1",
      from: later)
  }
}

/// What is given to both sides, in Double, though every number is a Float.
private struct CachedInput {
  var x: Tensor<Double>
  var y: Tensor<Double>
  var cache: KeyValueCache<Double>
  var p: MultiHeadAttention<Double>
  var room: Int
  var mask: AttentionMask<Double>
  var fill: MaskFill
  var scale: ScoreScale

  func kernel() -> Tensor<Float> {
    var kept = cache.converted(to: Float.self)
    kept.reserve(kept.length + room)
    return Kernels::multiHeadAttention(
      queries: x.converted(), kept, p.converted(), mask: mask.converted(), fill: fill, scale: scale)
  }

  var equation: Tensor<Double> {
    multiHeadAttentionSteps(queries: x, cache, p, mask: mask, fill: fill, scale: scale).output
  }

  var bound: Tensor<Double> {
    multiHeadAttentionBound(queries: x, cache, p, mask: mask, fill: fill, scale: scale)
  }
}

extension Draw {
  fileprivate func cached() -> CachedInput {
    let (b, h) = (integer("b", in: 1...2), integer("h", in: 1...3))
    let n = integer("n", in: 0...9)
    let m = size("m", upTo: 400, blocks: [8, 16, 192])
    let (dk, dv) = (size("dk", upTo: 17, blocks: [8, 16]), size("dv", upTo: 70, blocks: [8, 64]))
    var stream = RandomStream(seed: UInt64(integer("numbers", in: 0...0xFFFF)))
    func map(_ outputs: Int, _ inputs: Int) -> AffineMap<Double> {
      AffineMap<Float>.normal(outputs, inputs, from: &stream).converted()
    }
    func numbers(_ shape: [Int]) -> Tensor<Double> {
      Tensor<Float>.normal(shape, from: &stream).converted()
    }
    let p = MultiHeadAttention(
      query: map(h * dk, 5), key: map(h * dk, 7), value: map(h * dv, 7), output: map(3, h * dv),
      heads: h)
    return CachedInput(
      x: numbers([b, n, 5]), y: numbers([b, m, 7]),
      cache: KeyValueCache(keys: numbers([b, h, m, dk]), values: numbers([b, h, m, dv])), p: p,
      room: integer("room", in: 0...3),
      mask: mask(leading: [b, h], rows: n, columns: m).mask.converted(),
      fill: element(
        "fill", of: [.excluded, .excluded, .replaced(by: -10000), .replaced(by: -.infinity)]),
      scale: element("scale", of: [.rootKeyWidth, .rootModelWidth(48)]))
  }
}

extension Tensor {
  /// Some positions of b × t × d.
  func positions(_ range: Range<Int>) -> Tensor {
    let d = shape[2]
    return Tensor(
      shape: [shape[0], range.count, d],
      storage: (0..<shape[0]).flatMap { b in
        let start = (b * shape[1] + range.lowerBound) * d
        return Array(storage[start..<start + range.count * d])
      })
  }
}
