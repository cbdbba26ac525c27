import Kernels
import Notation
import TestSupport
import Testing

@Suite("Decoder layer kernel, one step at a time")
struct DecoderLayerStepKernelTests {
  @Test("steps have the bits of their sublayers, each within its bound, whatever width and masks")
  func sublayers() throws {
    try checkProperty("decoder step sublayers", cases: 100) { draw in
      let (heads, dk) = (draw.integer("heads", in: 1...4), draw.integer("dk", in: 1...16))
      let (b, s) = (draw.integer("b", in: 1...3), draw.size("s", upTo: 40))
      let d = heads * dk
      var stream = RandomStream(seed: UInt64(draw.integer("numbers", in: 0...0xFFFF)))
      let p = DecoderLayer<Float>.normal(
        width: d, heads: heads, dFF: draw.integer("dFF", in: 1...40),
        placement: draw.element("placement", of: NormPlacement.allCases), from: &stream
      ).packed()
      let source = Tensor<Float>.normal([b, s, d], from: &stream)
      let memory = Kernels::keyValueCache(keys: source, values: source, p.crossAttention)
      let fill = draw.element("fill", of: [MaskFill.excluded, .replaced(by: -10000)])
      var cache: KeyValueCache<Float>?
      var own: KeyValueCache<Float>?
      for _ in 0..<draw.integer("steps", in: 1...4) {
        let n = draw.integer("positions", in: 1...9)
        let x = Tensor<Float>.normal([b, n, d], from: &stream)
        let t = (cache?.length ?? 0) + n
        let (mask, _) = draw.mask(leading: [b, heads], rows: n, columns: t)
        let (memoryMask, _) = draw.mask(leading: [b, heads], rows: n, columns: s)

        let entering = p.placement == .preNorm ? Kernels::layerNorm(x, p.selfAttentionNorm) : x
        if own == nil {
          own = Kernels::keyValueCache(keys: entering, values: entering, p.selfAttention)
        } else {
          own!.append(keys: entering, values: entering, p.selfAttention)
        }
        let a = try Sublayer.attention(p.selfAttention, own!, mask: mask, fill: fill)
          .joined(to: x, p.placement, p.selfAttentionNorm)
        let c = try Sublayer.attention(p.crossAttention, memory, mask: memoryMask, fill: fill)
          .joined(to: a, p.placement, p.crossAttentionNorm)
        let expected = try Sublayer.feedForward(p.feedForward)
          .joined(to: c, p.placement, p.feedForwardNorm)
        try expectSameBits(
          fenced {
            Kernels::decoderLayerStep(
              x, cache: &cache, memory: memory, p, mask: mask, memoryMask: memoryMask, fill: fill)
          }, expected)
        try expectSameBits(cache!.keys, own!.keys)
        try expectSameBits(cache!.values, own!.values)
      }
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
