import Equations
import ErrorBounds
import Kernels
import Notation

var decoderLayerBenchmarks: [Benchmark] {
  [(16, 64, 4), (128, 512, 8), (512, 512, 8)].map { n, d, heads in
    Benchmark(
      topic: "Decoder layer", shape: "\(n) × \(d), \(heads) heads, memory \(n)",
      work: .operations(layerOperations(n, d))
    ) {
      var stream = RandomStream(seed: UInt64(n))
      func norm() -> LayerNorm<Float> { LayerNorm(width: d, epsilon: 1e-5) }
      let p = DecoderLayer<Float>(
        selfAttention: .normal(width: d, heads: heads, from: &stream), selfAttentionNorm: norm(),
        crossAttention: .normal(width: d, heads: heads, from: &stream),
        crossAttentionNorm: norm(),
        feedForward: .normal(width: d, dFF: 4 * d, from: &stream), feedForwardNorm: norm(),
        placement: .postNorm)
      let packed = p.packed()
      let x = Tensor<Float>.normal([n, d], from: &stream)
      let memory = Tensor<Float>.normal([n, d], from: &stream)
      // The first positions see each other only, so a shorter target has their outputs.
      let count = min(n, 8)
      let part = x.rows(Array(0..<count))
      return Trial(
        inputs: [("x", x), ("memory", memory)]
          + p.selfAttention.named.map { ("self." + $0.name, $0.tensor) }
          + p.crossAttention.named.map { ("cross." + $0.name, $0.tensor) }
          + [
            ("innerWeight", p.feedForward.inner.weight),
            ("outerWeight", p.feedForward.outer.weight),
          ],
        kernel: { Kernels::decoderLayer(x, memory: memory, packed) },
        naive: Naive(
          shape: count < n ? "\(count) × \(d), memory \(n)" : nil,
          share: shareOfFirst(count, of: n, d)
        ) { _ = Equations::decoderLayer(part, memory: memory, p) }
      ) { y in
        let wide = p.converted(to: Double.self)
        return Verification(
          rows: Array(0..<count), of: y,
          expected: Equations::decoderLayer(part.converted(), memory: memory.converted(), wide),
          bound: decoderLayerBound(part.converted(), memory: memory.converted(), wide))
      }
    }
  }
}

/// Six projections of each position and two of the memory's, a network four times as wide; scores and
/// weighted sums of half the pairs of positions, and of all pairs with the memory.
private func layerOperations(_ n: Int, _ d: Int) -> Double {
  Double(32 * n * d * d + 6 * n * n * d)
}

/// Which part of the multiply-adds the first positions take: their own maps, but the whole memory's.
private func shareOfFirst(_ count: Int, of n: Int, _ d: Int) -> Double {
  let part = count * (28 * d * d + 2 * count * d + 4 * n * d) + 4 * n * d * d
  return Double(part) / layerOperations(n, d)
}
