import Equations
import ErrorBounds
import Kernels
import Notation

var scaledDotProductAttentionBenchmarks: [Benchmark] {
  [
    attentionBenchmark(heads: 1, length: 1),
    attentionBenchmark(heads: 1, length: 1, causal: true),
    attentionBenchmark(heads: 8, length: 128),
    attentionBenchmark(heads: 8, length: 512),
    attentionBenchmark(heads: 8, length: 512, causal: true),
    attentionBenchmark(heads: 8, length: 2048),
    attentionBenchmark(heads: 8, length: 2048, causal: true),
    attentionBenchmark(heads: 1, length: 16_384, measuresMemory: true),
    stepBenchmark(sentences: 1, heads: 4, length: 16),
    stepBenchmark(sentences: 1, heads: 8, length: 512),
    stepBenchmark(sentences: 8, heads: 8, length: 512),
  ]
}

/// One query for each sentence and head, as in a step with a cache: keys and values are read once.
private func stepBenchmark(sentences b: Int, heads h: Int, length m: Int) -> Benchmark {
  let d = 64
  return Benchmark(
    topic: "Attention, one query", shape: "\(b) × \(h) × \(m) × \(d)",
    work: .bytes(Double(2 * b * h * m * d * 4))
  ) {
    var stream = RandomStream(seed: UInt64(b))
    let q = Tensor<Float>.normal([b, h, 1, d], from: &stream)
    let k = Tensor<Float>.normal([b, h, m, d], from: &stream)
    let v = Tensor<Float>.normal([b, h, m, d], from: &stream)
    return Trial(
      inputs: [("queries", q), ("keys", k), ("values", v)],
      kernel: { Kernels::scaledDotProductAttention(queries: q, keys: k, values: v) },
      naive: Naive { _ = Equations::scaledDotProductAttention(queries: q, keys: k, values: v) }
    ) { output in
      let queries = q.converted(to: Double.self)
      let (keys, values) = (k.converted(to: Double.self), v.converted(to: Double.self))
      return Verification(
        rows: Array(0..<b * h), of: output,
        expected: Equations::scaledDotProductAttention(
          queries: queries, keys: keys, values: values),
        bound: scaledDotProductAttentionBounds(queries: queries, keys: keys, values: values)
          .output)
    }
  }
}

/// The operations of a causal attention are those of the pairs that it leaves: about half.
private func attentionBenchmark(
  heads h: Int, length n: Int, causal: Bool = false, measuresMemory: Bool = false
) -> Benchmark {
  let d = 64
  let pairs = causal ? n * (n + 1) / 2 : n * n
  return Benchmark(
    topic: causal ? "Attention, causal" : "Attention", shape: "1 × \(h) × \(n) × \(d)",
    work: .operations(4 * Double(h * pairs * d)), measuresMemory: measuresMemory
  ) {
    var stream = RandomStream(seed: UInt64(n))
    let q = Tensor<Float>.normal([1, h, n, d], from: &stream)
    let k = Tensor<Float>.normal([1, h, n, d], from: &stream)
    let v = Tensor<Float>.normal([1, h, n, d], from: &stream)
    return Trial(
      inputs: [("queries", q), ("keys", k), ("values", v)],
      kernel: {
        Kernels::scaledDotProductAttention(
          queries: q, keys: k, values: v, mask: causal ? .causal : .none)
      },
      naive: naiveAttention(q, k, v, causal: causal)
    ) { output in
      // Some queries of each head with all keys: 2¹⁷ pairs take the oracle 0.1 s.
      let sample = sampledRows(n, atMost: max(1, (1 << 17) / (h * n)))
      let rows = (0..<h).flatMap { head in sample.map { head * n + $0 } }
      let queries = q.rows(rows).converted(to: Double.self).reshaped([1, h, sample.count, d])
      let (keys, values) = (k.converted(to: Double.self), v.converted(to: Double.self))
      let keep = sample.flatMap { i in (0..<n).map { j in !causal || j <= i } }
      let mask = AttentionMask<Double>.keep(
        Tensor(shape: [1, 1, sample.count, n], storage: keep))
      return Verification(
        rows: rows, of: output,
        expected: Equations::scaledDotProductAttention(
          queries: queries, keys: keys, values: values, mask: mask),
        bound: scaledDotProductAttentionBounds(
          queries: queries, keys: keys, values: values, mask: mask
        ).output)
    }
  }
}

/// The equation on the whole where that takes below 1 s, otherwise on the last queries of one head.
///
/// It computes every pair, causal or not, so its time is per query and head.
private func naiveAttention(
  _ q: Tensor<Float>, _ k: Tensor<Float>, _ v: Tensor<Float>, causal: Bool
) -> Naive {
  let (h, n, most) = (q.shape[1], q.shape[2], 1 << 21)
  func attend(_ q: Tensor<Float>, _ k: Tensor<Float>, _ v: Tensor<Float>) {
    let mask: AttentionMask<Float> =
      causal ? .causal(offset: k.shape[k.rank - 2] - q.shape[q.rank - 2]) : .none
    _ = Equations::scaledDotProductAttention(queries: q, keys: k, values: v, mask: mask)
  }
  if h * n * n <= most { return Naive { attend(q, k, v) } }
  let count = min(n, most / n)
  let queries = q.matrices.slice(0).rows(Array(n - count..<n))
  let (keys, values) = (k.matrices.slice(0), v.matrices.slice(0))
  return Naive(
    shape: "\(count) queries and \(n) keys of one head",
    share: Double(count) / Double(h * n)
  ) { attend(queries, keys, values) }
}
