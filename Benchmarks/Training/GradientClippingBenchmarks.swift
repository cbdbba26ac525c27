import Equations
import ErrorBounds
import Kernels
import Notation

var gradientClippingBenchmarks: [Benchmark] {
  [(16, 64), (512, 512), (2500, 4096), (1, 1)].flatMap { n, d in
    [normBenchmark(n, d), clippedBenchmark(n, d)]
  }
}

/// The gradients are read once.
private func normBenchmark(_ n: Int, _ d: Int) -> Benchmark {
  Benchmark(topic: "Gradient norm", shape: "\(n) × \(d)", work: .bytes(Double(n * d * 4))) {
    var stream = RandomStream(seed: UInt64(n))
    let gradient = Tensor<Float>.normal([n, d], from: &stream)
    func single<S: Scalar>(_ number: S) -> Tensor<S> { Tensor(shape: [1], storage: [number]) }
    return Trial(
      inputs: [("gradient", gradient)], kernel: { single(Kernels::globalNorm([gradient])) },
      naive: Naive { _ = Equations::globalNorm([gradient]) }
    ) { norm in
      let wide = [gradient.converted(to: Double.self)]
      return Verification(
        rows: [0], of: norm, expected: single(Equations::globalNorm(wide)),
        bound: single(globalNormBound(wide)))
    }
  }
}

/// The gradients are read twice, and what becomes of them is written.
private func clippedBenchmark(_ n: Int, _ d: Int) -> Benchmark {
  Benchmark(topic: "Clipped gradients", shape: "\(n) × \(d)", work: .bytes(Double(n * d * 12))) {
    var stream = RandomStream(seed: UInt64(n))
    let gradient = Tensor<Float>.normal([n, d], from: &stream)
    return Trial(
      inputs: [("gradient", gradient)],
      kernel: { Kernels::clipped([gradient], maximumNorm: 1)[0] },
      naive: Naive { _ = Equations::clipped([gradient], maximumNorm: 1) }
    ) { clipped in
      let wide = [gradient.converted(to: Double.self)]
      return Verification(
        rows: Array(0..<n), of: clipped, expected: Equations::clipped(wide, maximumNorm: 1)[0],
        bound: clippedBound(wide, maximumNorm: 1)[0])
    }
  }
}
