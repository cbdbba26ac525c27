import Equations
import ErrorBounds
import Kernels
import Notation
import TestSupport
import Testing

@Suite("Decoder layer kernel, one step at a time")
struct DecoderLayerStepKernelTests {
  @Test("steps of one or several positions give what the layer gives at once")
  func steps() throws {
    try checkProperty("decoder layer steps", cases: 100) { draw in
      let (d, h) = (4 * draw.integer("d/4", in: 1...3), draw.element("heads", of: [1, 2, 4]))
      let (b, t, s) = (
        draw.integer("b", in: 1...3), draw.integer("t", in: 1...12), draw.integer("s", in: 1...9)
      )
      var stream = RandomStream(seed: UInt64(draw.integer("numbers", in: 0...0xFFFF)))
      let placement = draw.element("placement", of: [NormPlacement.postNorm, .preNorm])
      let p = DecoderLayer<Float>.normal(
        width: d, heads: h, dFF: 2 * d, placement: placement, from: &stream)
      let x = Tensor<Float>.normal([b, t, d], from: &stream)
      let memory = Tensor<Float>.normal([b, s, d], from: &stream)
      let (wide, wideMemory) = (p.converted(to: Double.self), memory.converted(to: Double.self))
      let bound = decoderLayerBound(x.converted(), memory: wideMemory, wide)
      draw.cover("the bound says something", bound.storage.allSatisfy { $0 < 1 }, atLeast: 0.3)

      var cache: KeyValueCache<Float>?
      let ofMemory = Kernels::keyValueCache(keys: memory, values: memory, p.crossAttention)
      var expectedCache: KeyValueCache<Double>?
      let wideOfMemory = Equations::keyValueCache(
        keys: wideMemory, values: wideMemory, wide.crossAttention)
      var start = 0
      while start < t {
        let end = min(t, start + draw.integer("positions", in: 1...4))
        let newest = x.positions(start..<end)
        let mask = AttentionMask<Float>.causal(offset: start)
        let got = fenced {
          Kernels::decoderLayerStep(newest, cache: &cache, memory: ofMemory, p, mask: mask)
        }
        let expected = Equations::decoderLayerStep(
          newest.converted(), cache: &expectedCache, memory: wideOfMemory, wide,
          mask: mask.converted())
        try ErrorGauge(got: got, expected: expected, bound: bound.positions(start..<end))
        start = end
      }
      try expect(cache!.length == t, "the cache holds \(cache!.length) positions instead of \(t)")
    }
  }

  @Test("a step agrees with the equation's on one cache, whatever the masks")
  func agreement() throws {
    try checkProperty("decoder layer step agreement", cases: 100) { draw in
      let (d, h, b) = (8, 2, draw.integer("b", in: 1...3))
      let (n, t) = (draw.integer("n", in: 1...3), draw.size("t", upTo: 40))
      let s = draw.size("s", upTo: 40)
      var stream = RandomStream(seed: UInt64(draw.integer("numbers", in: 0...0xFFFF)))
      let placement = draw.element("placement", of: [NormPlacement.postNorm, .preNorm])
      let p = DecoderLayer<Float>.normal(
        width: d, heads: h, dFF: 13, placement: placement, from: &stream)
      func kept(_ length: Int) -> KeyValueCache<Float> {
        let shape = [b, h, length, d / h]
        return KeyValueCache(
          keys: .normal(shape, from: &stream), values: .normal(shape, from: &stream))
      }
      let x = Tensor<Float>.normal([b, n, d], from: &stream)
      let (before, memory) = (kept(t), kept(s))
      let (mask, _) = draw.mask(leading: [b, h], rows: n, columns: t + n)
      let (memoryMask, _) = draw.mask(leading: [b, h], rows: n, columns: s)
      let fill = draw.element("fill", of: [MaskFill.excluded, .replaced(by: -10000)])
      let bound = decoderLayerStepBound(
        x.converted(), cache: before.converted(), memory: memory.converted(), p.converted(),
        mask: mask.converted(), memoryMask: memoryMask.converted(), fill: fill)
      draw.cover("the bound says something", bound.storage.allSatisfy { $0 < 1 }, atLeast: 0.4)
      var cache = Optional(before)
      var expectedCache = Optional(before.converted(to: Double.self))
      try ErrorGauge(
        got: fenced {
          Kernels::decoderLayerStep(
            x, cache: &cache, memory: memory, p, mask: mask, memoryMask: memoryMask, fill: fill)
        },
        expected: Equations::decoderLayerStep(
          x.converted(), cache: &expectedCache, memory: memory.converted(), p.converted(),
          mask: mask.converted(), memoryMask: memoryMask.converted(), fill: fill),
        bound: bound)
    }
  }

  @Test("one thread and more give the same bits, and so does a sentence alone")
  func threads() throws {
    var stream = RandomStream(seed: 11)
    let p = DecoderLayer<Float>.normal(
      width: 96, heads: 6, dFF: 200, placement: .postNorm, from: &stream
    ).packed()
    let x = Tensor<Float>.normal([3, 1, 96], from: &stream)
    let shape = [3, 6, 300, 16]
    let before = KeyValueCache<Float>(
      keys: .normal(shape, from: &stream), values: .normal(shape, from: &stream))
    func part(_ b: Int) -> KeyValueCache<Float> {
      KeyValueCache(keys: before.keys.slice(b), values: before.values.slice(b))
    }
    func step(
      _ x: Tensor<Float>, _ before: KeyValueCache<Float>, _ p: DecoderLayer<Float>, _ threads: Int
    ) -> Tensor<Float> {
      var cache = Optional(before)
      return Threads.$count.withValue(threads) {
        Kernels::decoderLayerStep(x, cache: &cache, memory: before, p)
      }
    }
    let one = step(x, before, p, 1)
    for threads in [2, 5] { try expectSameBits(step(x, before, p, threads), one) }
    for b in 0..<3 { try expectSameBits(step(x.slice(b), part(b), p, 2), one.slice(b)) }
  }

  @Test("a step allocates its output and nothing else, where the cache has room")
  func allocations() async {
    // In a process of its own: other tests allocate, too.
    await #expect(processExitsWith: .success) {
      var stream = RandomStream(seed: 12)
      let p = DecoderLayer<Float>.normal(
        width: 32, heads: 4, dFF: 64, placement: .preNorm, from: &stream
      ).packed()
      let x = Tensor<Float>.normal([2, 1, 32], from: &stream)
      let memory = KeyValueCache<Float>(
        keys: .normal([2, 4, 9, 8], from: &stream), values: .normal([2, 4, 9, 8], from: &stream))
      var cache = Optional(memory)
      cache!.reserve(30)
      Threads.$count.withValue(1) {
        _ = Kernels::decoderLayerStep(x, cache: &cache, memory: memory, p)
        let place = address(of: cache!)
        let before = Allocations.count
        for _ in 0..<20 { _ = Kernels::decoderLayerStep(x, cache: &cache, memory: memory, p) }
        let count = Allocations.count - before
        require(count == 20, "20 steps allocated \(count) times")
        require(address(of: cache!) == place, "the cache was copied")
      }
    }
  }
}

/// Where the keys of a cache stand.
private func address(of cache: KeyValueCache<Float>) -> Int {
  unsafe cache.keyRows.storage.withUnsafeBufferPointer { Int(bitPattern: $0.baseAddress) }
}

extension DecoderLayer<Float> {
  /// A layer whose maps neither grow nor shrink what goes through them.
  static func normal(
    width d: Int, heads: Int, dFF: Int, placement: NormPlacement, from stream: inout RandomStream
  ) -> DecoderLayer {
    let norm = LayerNorm<Float>(width: d, epsilon: 1e-5)
    return DecoderLayer(
      selfAttention: .normal(width: d, heads: heads, from: &stream), selfAttentionNorm: norm,
      crossAttention: .normal(width: d, heads: heads, from: &stream), crossAttentionNorm: norm,
      feedForward: .normal(width: d, dFF: dFF, from: &stream), feedForwardNorm: norm,
      placement: placement)
  }
}
