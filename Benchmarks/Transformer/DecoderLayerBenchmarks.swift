import Equations
import ErrorBounds
import Kernels
import Notation

var decoderLayerBenchmarks: [Benchmark] {
  [(16, 64, 4), (128, 512, 8), (512, 512, 8), (1, 1, 1)].map { length, width, heads in
    layerBenchmark(length: length, width: width, heads: heads)
  } + [
    stepBenchmark(sentences: 1, length: 16, width: 64, heads: 4),
    stepBenchmark(sentences: 1, length: 512, width: 512, heads: 8),
    stepBenchmark(sentences: 8, length: 512, width: 512, heads: 8),
  ]
}

/// All positions of a target at once, with a memory of as many.
private func layerBenchmark(length n: Int, width d: Int, heads: Int) -> Benchmark {
  Benchmark(
    topic: "Decoder layer", shape: "\(n) × \(d), \(heads) heads, memory \(n)",
    work: .operations(decoderLayerOperations(n, memory: n, d))
  ) {
    var stream = RandomStream(seed: UInt64(n))
    let p = DecoderLayer<Float>.normal(width: d, heads: heads, from: &stream).packed()
    let x = Tensor<Float>.normal([n, d], from: &stream)
    let memory = Tensor<Float>.normal([n, d], from: &stream)
    let count = min(n, 16)
    let (part, ofMemory) = (x.rows(Array(0..<count)), memory.rows(Array(0..<count)))
    return Trial(
      inputs: [("x", x), ("memory", memory)] + p.named,
      kernel: { Kernels::decoderLayer(x, memory: memory, p) },
      naive: Naive(
        shape: count < n ? "\(count) × \(d)" : nil,
        share: decoderLayerOperations(count, memory: count, d)
          / decoderLayerOperations(n, memory: n, d)
      ) { _ = Equations::decoderLayer(part, memory: ofMemory, p) }
    ) { y in
      let rows = sampledRows(n, atMost: 8)
      return Verification(
        rows: rows, of: y,
        LastSublayer(
          of: p.attended(x, memory: memory).rows(rows), p.placement, p.feedForwardNorm,
          p.feedForward))
    }
  }
}

/// One position of each sentence, with so many before it in a cache and a memory of a quarter.
private func stepBenchmark(
  sentences b: Int, length t: Int, width d: Int, heads: Int
) -> Benchmark {
  let s = t / 4
  return Benchmark(
    topic: "Decoder layer, one step", shape: "\(b) × \(d), \(t) kept, \(heads) heads",
    work: .bytes(Double((14 * d * d + 2 * b * (t + s) * d) * 4))
  ) {
    var stream = RandomStream(seed: UInt64(b))
    let p = DecoderLayer<Float>.normal(width: d, heads: heads, from: &stream).packed()
    func kept(_ length: Int) -> KeyValueCache<Float> {
      let shape = [b, heads, length, d / heads]
      return KeyValueCache(
        keys: .normal(shape, from: &stream), values: .normal(shape, from: &stream))
    }
    let x = Tensor<Float>.normal([b, 1, d], from: &stream)
    let (before, memory) = (kept(t), kept(s))
    var (cache, naiveCache) = (Optional(before), Optional(before))
    return Trial(
      inputs: [
        ("x", x), ("keys", before.keys), ("values", before.values), ("memoryKeys", memory.keys),
        ("memoryValues", memory.values),
      ] + p.named,
      kernel: {
        cache!.truncate(to: t)
        return Kernels::decoderLayerStep(x, cache: &cache, memory: memory, p)
      },
      naive: Naive {
        naiveCache!.truncate(to: t)
        _ = Equations::decoderLayerStep(x, cache: &naiveCache, memory: memory, p)
      }
    ) { y in
      var own = before
      own.append(keys: x, values: x, p.selfAttention)
      return Verification(
        rows: Array(0..<b), of: y,
        LastSublayer(
          of: p.attended(x, own: own, memory: memory, mask: .none), p.placement,
          p.feedForwardNorm, p.feedForward))
    }
  }
}

extension DecoderLayer<Float> {
  /// What the network's sublayer gets, by the kernels of the sublayers before it.
  fileprivate func attended(
    _ x: Tensor<Float>, own: KeyValueCache<Float>, memory: KeyValueCache<Float>,
    mask: AttentionMask<Float>
  ) -> Tensor<Float> {
    let a = Kernels::residual(x, placement, selfAttentionNorm) { x in
      Kernels::multiHeadAttention(queries: x, own, selfAttention, mask: mask)
    }.output
    return Kernels::residual(a, placement, crossAttentionNorm) { a in
      Kernels::multiHeadAttention(queries: a, memory, crossAttention)
    }.output
  }

  /// The same of a post-norm layer that sees all of its target up to each position.
  func attended(_ x: Tensor<Float>, memory: Tensor<Float>) -> Tensor<Float> {
    attended(
      x, own: Kernels::keyValueCache(keys: x, values: x, selfAttention),
      memory: Kernels::keyValueCache(keys: memory, values: memory, crossAttention),
      mask: .causal)
  }
}

/// Projections of target and memory, a network four times as wide, scores and weighted sums: the causal
/// ones of half the pairs.
func decoderLayerOperations(_ n: Int, memory s: Int, _ d: Int) -> Double {
  Double(2 * d * d * (14 * n + 2 * s) + 4 * d * (n * (n + 1) / 2 + n * s))
}

extension DecoderLayer<Float> {
  /// A post-norm layer without biases whose maps neither grow nor shrink what goes through them.
  static func normal(width d: Int, heads: Int, from stream: inout RandomStream) -> DecoderLayer {
    let norm = LayerNorm<Float>(width: d, epsilon: 1e-5)
    return DecoderLayer(
      selfAttention: .normal(width: d, heads: heads, from: &stream), selfAttentionNorm: norm,
      crossAttention: .normal(width: d, heads: heads, from: &stream), crossAttentionNorm: norm,
      feedForward: .normal(width: d, dFF: 4 * d, from: &stream), feedForwardNorm: norm,
      placement: .postNorm)
  }

  /// The weights by the names that other people's software reads them by.
  var named: [(name: String, tensor: Tensor<Float>)] {
    selfAttention.named.map { ("self." + $0.name, $0.tensor) }
      + crossAttention.named.map { ("cross." + $0.name, $0.tensor) }
      + [("innerWeight", feedForward.inner.weight), ("outerWeight", feedForward.outer.weight)]
  }
}
