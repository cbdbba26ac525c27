import Equations
import ErrorBounds
import Kernels
import Notation

var softmaxBenchmarks: [Benchmark] {
  [(128, 128), (4096, 512)].flatMap { n, m in
    [
      rowBenchmark(
        "Softmax", n, m, kernel: { Kernels::softmax($0) }, naive: { Equations::softmax($0) },
        oracle: { Equations::softmax($0) }, bound: { softmaxBound($0) }),
      rowBenchmark(
        "Log-softmax", n, m, kernel: { Kernels::logSoftmax($0) },
        naive: { Equations::logSoftmax($0) }, oracle: { Equations::logSoftmax($0) },
        bound: { logSoftmaxBound($0) }),
    ]
  }
}

private func rowBenchmark(
  _ topic: String, _ n: Int, _ m: Int,
  kernel: @escaping (Tensor<Float>) -> Tensor<Float>,
  naive: @escaping (Tensor<Float>) -> Tensor<Float>,
  oracle: @escaping (Tensor<Double>) -> Tensor<Double>,
  bound: @escaping (Tensor<Double>) -> Tensor<Double>
) -> Benchmark {
  Benchmark(topic: topic, shape: "\(n) × \(m)", work: .bytes(Double(n * m * 8))) {
    var stream = RandomStream(seed: UInt64(n))
    let x = Tensor<Float>.normal([n, m], from: &stream)
    return Trial(
      inputs: [("x", x)], kernel: { kernel(x) }, naive: Naive { _ = naive(x) }
    ) { y in
      let z = x.converted(to: Double.self)
      return Verification(
        rows: Array(0..<n), of: y, expected: oracle(z), bound: bound(z))
    }
  }
}
