import Equations
import Kernels
import Notation

var encoderLayerBenchmarks: [Benchmark] {
  [(16, 64, 4), (128, 512, 8), (512, 512, 8), (1, 1, 1)].map { n, d, heads in
    encoderLayerBenchmark("Encoder layer", n, d, heads: heads, placement: .postNorm)
  }
}

/// A layer whose network is four times as wide.
func encoderLayerBenchmark(
  _ topic: String, _ n: Int, _ d: Int, heads: Int, placement: NormPlacement,
  activation: Activation = .relu
) -> Benchmark {
  Benchmark(
    topic: topic, shape: "\(n) × \(d), \(heads) heads", work: .operations(layerOperations(n, d))
  ) {
    var stream = RandomStream(seed: UInt64(n))
    let p = EncoderLayer<Float>(
      attention: .normal(width: d, heads: heads, from: &stream),
      attentionNorm: LayerNorm(width: d, epsilon: 1e-5),
      feedForward: .normal(width: d, dFF: 4 * d, activation: activation, from: &stream),
      feedForwardNorm: LayerNorm(width: d, epsilon: 1e-5), placement: placement)
    let packed = p.packed()
    let x = Tensor<Float>.normal([n, d], from: &stream)
    let count = min(n, 16)
    let part = x.rows(Array(0..<count))
    return Trial(
      inputs: [("x", x)] + p.attention.named
        + [
          ("innerWeight", p.feedForward.inner.weight),
          ("outerWeight", p.feedForward.outer.weight),
        ],
      kernel: { Kernels::encoderLayer(x, packed) },
      naive: Naive(
        shape: count < n ? "\(count) × \(d)" : nil,
        share: layerOperations(count, d) / layerOperations(n, d)
      ) { _ = Equations::encoderLayer(part, p) }
    ) { y in
      let attended = Kernels::residual(x, placement, packed.attentionNorm) { x in
        Kernels::multiHeadAttention(queries: x, keys: x, values: x, packed.attention)
      }.output
      let rows = sampledRows(n, atMost: 8)
      return Verification(
        rows: rows, of: y,
        LastSublayer(
          of: attended.rows(rows), placement, p.feedForwardNorm, packed.feedForward))
    }
  }
}

/// Four projections and a network four times as wide, scores and weighted sums.
private func layerOperations(_ n: Int, _ d: Int) -> Double {
  Double(24 * n * d * d + 4 * n * n * d)
}
