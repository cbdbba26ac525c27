import Equations
import ErrorBounds
import Kernels
import Notation

var scoringFunctionsBenchmarks: [Benchmark] {
  [(1, 1, 1), (1, 32, 64), (32, 64, 128), (128, 128, 256), (512, 512, 128)].map { n, m, d in
    scoreBenchmark("additive", n, m, d) { stream in
      .additive(
        AdditiveScore(
          key: scaled([d, d], from: &stream), query: scaled([d, d], from: &stream),
          vector: .normal([d], from: &stream)))
    }
  } + [
    scoreBenchmark("concat", 128, 128, 256) { stream in
      .concat(weight: scaled([256, 512], from: &stream), vector: .normal([256], from: &stream))
    },
    scoreBenchmark("bilinear", 512, 512, 128) { .bilinear(scaled([128, 128], from: &$0)) },
    scoreBenchmark("scaledDot", 512, 512, 128) { _ in .scaledDot },
  ]
}

/// A weight whose outputs are as large as its inputs.
private func scaled(_ shape: [Int], from stream: inout RandomStream) -> Tensor<Float> {
  Tensor<Float>.normal(shape, from: &stream).map { $0 / Float(shape[1]).squareRoot() }
}

/// n queries and m keys of width d; tanh, which limits an additive score, is not among the operations.
private func scoreBenchmark(
  _ kind: String, _ n: Int, _ m: Int, _ d: Int,
  _ function: @escaping (inout RandomStream) -> ScoringFunction<Float>
) -> Benchmark {
  let products =
    switch kind {
    case "additive", "concat": n * d * d + m * d * d + 2 * n * m * d
    case "bilinear": n * d * d + n * m * d
    default: n * m * d
    }
  return Benchmark(
    topic: "Scores, \(kind)", shape: "\(n) × \(m) × \(d)", work: .operations(2 * Double(products))
  ) {
    var stream = RandomStream(seed: UInt64(n))
    let q = Tensor<Float>.normal([n, d], from: &stream)
    let k = Tensor<Float>.normal([m, d], from: &stream)
    let function = function(&stream)
    // The equation takes some 10 ns for a tanh, and concat computes both maps for every pair.
    let count = min(n, kind == "concat" ? 4 : 32)
    let part = q.rows(Array(0..<count))
    return Trial(
      inputs: [("queries", q), ("keys", k)] + function.named,
      kernel: { Kernels::scores(queries: q, keys: k, by: function) },
      naive: Naive(
        shape: count < n ? "\(count) × \(m) × \(d)" : nil, share: Double(count) / Double(n)
      ) { _ = Equations::scores(queries: part, keys: k, by: function) }
    ) { s in
      let rows = sampledRows(n, atMost: 4)
      let (some, keys) = (q.rows(rows).converted(to: Double.self), k.converted(to: Double.self))
      let wide = function.converted(to: Double.self)
      return Verification(
        rows: rows, of: s, expected: Equations::scores(queries: some, keys: keys, by: wide),
        bound: scoresBound(queries: some, keys: keys, by: wide))
    }
  }
}

extension ScoringFunction<Float> {
  /// The weights by the names that other people's software reads them by.
  fileprivate var named: [(name: String, tensor: Tensor<Float>)] {
    switch self {
    case .dot, .scaledDot: []
    case .bilinear(let w): [("weight", w)]
    case .additive(let score):
      [("keyWeight", score.key), ("queryWeight", score.query), ("vector", score.vector)]
    case .concat(let w, let v): [("weight", w), ("vector", v)]
    }
  }
}
