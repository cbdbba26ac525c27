import Equations
import ErrorBounds
import Kernels
import Notation

var residualBenchmarks: [Benchmark] {
  [(16, 64), (128, 512), (4096, 512), (1, 1)].flatMap { n, d in
    let norm = LayerNorm<Float>(width: d, epsilon: 1e-5)
    let wide = norm.converted(to: Double.self)
    return [
      residualBenchmark(
        "Residual", n, d, kernel: { Kernels::residual($0, adding: $1) },
        naive: { x, f in Equations::residual(x) { _ in f } },
        oracle: { x, f in Equations::residual(x) { _ in f } },
        bound: { residualBound($0, adding: $1) }),
      residualBenchmark(
        "Post-norm residual", n, d, kernel: { Kernels::layerNorm($0, adding: $1, norm) },
        naive: { x, f in Equations::residual(x, .postNorm, norm) { _ in f }.output },
        oracle: { x, f in Equations::residual(x, .postNorm, wide) { _ in f }.output },
        bound: { layerNormBound($0, adding: $1, wide) }),
    ]
  }
}

/// A function of x and of what a sublayer gave, two tensors read and one written.
private func residualBenchmark(
  _ topic: String, _ n: Int, _ d: Int,
  kernel: @escaping (Tensor<Float>, Tensor<Float>) -> Tensor<Float>,
  naive: @escaping (Tensor<Float>, Tensor<Float>) -> Tensor<Float>,
  oracle: @escaping (Tensor<Double>, Tensor<Double>) -> Tensor<Double>,
  bound: @escaping (Tensor<Double>, Tensor<Double>) -> Tensor<Double>
) -> Benchmark {
  Benchmark(topic: topic, shape: "\(n) × \(d)", work: .bytes(Double(n * d * 12))) {
    var stream = RandomStream(seed: UInt64(n))
    let x = Tensor<Float>.normal([n, d], from: &stream)
    let f = Tensor<Float>.normal([n, d], from: &stream)
    return Trial(
      inputs: [("x", x), ("f", f)], kernel: { kernel(x, f) }, naive: Naive { _ = naive(x, f) }
    ) { y in
      let (x, f) = (x.converted(to: Double.self), f.converted(to: Double.self))
      return Verification(rows: Array(0..<n), of: y, expected: oracle(x, f), bound: bound(x, f))
    }
  }
}
