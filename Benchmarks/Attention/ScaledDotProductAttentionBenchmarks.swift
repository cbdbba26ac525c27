import Equations
import ErrorBounds
import Kernels
import Notation

var scaledDotProductAttentionBenchmarks: [Benchmark] {
  [
    attentionBenchmark(heads: 8, length: 128),
    attentionBenchmark(heads: 8, length: 512),
    attentionBenchmark(heads: 8, length: 512, causal: true),
    attentionBenchmark(heads: 8, length: 2048),
    attentionBenchmark(heads: 8, length: 2048, causal: true),
    attentionBenchmark(heads: 1, length: longLength),
  ]
}

/// The length at which the memory that attention needs is measured too.
let longLength = 16_384

/// The operations of a causal attention are those of the pairs that it leaves: about half.
private func attentionBenchmark(heads h: Int, length n: Int, causal: Bool = false) -> Benchmark {
  let d = 64
  let pairs = causal ? n * (n + 1) / 2 : n * n
  return Benchmark(
    topic: causal ? "Attention, causal" : "Attention", shape: "1 × \(h) × \(n) × \(d)",
    work: .operations(4 * Double(h * pairs * d))
  ) {
    let (q, k, v) = attentionInputs(heads: h, length: n, width: d)
    let mask: AttentionMask<Float> = causal ? .causal : .none
    // The equation computes every pair, causal or not: its time is per query and head.
    let naiveQueries = max(1, min(n, (1 << 18) / n))
    let queries = q.reshaped([h, n, d]).slice(0).rows(Array(n - naiveQueries..<n))
    let (keys, values) = (
      k.reshaped([h, n, d]).slice(0), v.reshaped([h, n, d]).slice(0)
    )
    let naiveMask: AttentionMask<Float> = causal ? .causal(offset: n - naiveQueries) : .none
    return Trial(
      inputs: [("queries", q), ("keys", k), ("values", v)],
      kernel: {
        Kernels::scaledDotProductAttention(queries: q, keys: k, values: v, mask: mask)
      },
      naive: Naive(
        shape: "\(naiveQueries) queries of one head",
        share: Double(naiveQueries) / Double(h * n)
      ) {
        _ = Equations::scaledDotProductAttention(
          queries: queries, keys: keys, values: values, mask: naiveMask)
      }
    ) { output in
      let rows = sampledRows(h * n, atMost: n > 4096 ? 16 : 64)
      // Each sampled query becomes an attention of its own, with the keys of its head.
      func repeated(_ x: Tensor<Float>) -> Tensor<Double> {
        let elements = rows.flatMap { row -> ArraySlice<Float> in
          let start = row / n * n * d
          return x.storage[start..<start + n * d]
        }
        return Tensor(shape: [rows.count, n, d], storage: elements).converted()
      }
      let keep = Tensor(
        shape: [rows.count, 1, n],
        storage: rows.flatMap { row in (0..<n).map { !causal || $0 <= row % n } })
      let sample = q.rows(rows).converted(to: Double.self).reshaped([rows.count, 1, d])
      let (keys, values) = (repeated(k), repeated(v))
      return Verification(
        rows: rows, of: output,
        expected: Equations::scaledDotProductAttention(
          queries: sample, keys: keys, values: values, mask: .keep(keep)),
        bound: scaledDotProductAttentionBounds(
          queries: sample, keys: keys, values: values, mask: .keep(keep)
        ).output)
    }
  }
}

/// Queries, keys and values of 1 × heads × length × width.
func attentionInputs(
  heads h: Int, length n: Int, width d: Int
) -> (Tensor<Float>, Tensor<Float>, Tensor<Float>) {
  var stream = RandomStream(seed: UInt64(n))
  return (
    .normal([1, h, n, d], from: &stream), .normal([1, h, n, d], from: &stream),
    .normal([1, h, n, d], from: &stream)
  )
}
