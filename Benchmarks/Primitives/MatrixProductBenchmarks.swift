import Equations
import ErrorBounds
import Kernels
import Notation

var matrixProductBenchmarks: [Benchmark] {
  [128, 512, 1024].map { n in
    Benchmark(
      topic: "Matrix product", shape: "\(n) × \(n) × \(n)",
      work: .operations(2 * Double(n * n * n))
    ) {
      var stream = RandomStream(seed: UInt64(n))
      let a = Tensor<Float>.normal([n, n], from: &stream)
      let b = Tensor<Float>.normal([n, n], from: &stream)
      // The naive product of 1024 rows takes seconds; its rows are independent of each other.
      let naiveRows = min(n, 512 * 512 / n)
      let part = a.rows(Array(0..<naiveRows))
      return Trial(
        inputs: [("a", a), ("b", b)], kernel: { Kernels::matrixProduct(a, b) },
        naive: Naive(
          shape: naiveRows < n ? "\(naiveRows) × \(n) × \(n)" : nil,
          share: Double(naiveRows) / Double(n)
        ) { _ = Equations::matrixProduct(part, b) }
      ) { c in
        let rows = sampledRows(n, atMost: 32)
        let (x, y) = (a.rows(rows).converted(to: Double.self), b.converted(to: Double.self))
        return Verification(
          rows: rows, of: c, expected: Equations::matrixProduct(x, y),
          bound: matrixProductBound(x, y))
      }
    }
  } + [affineMapBenchmark(rows: 512, inputs: 512, outputs: 2048)]
}

private func affineMapBenchmark(rows n: Int, inputs: Int, outputs: Int) -> Benchmark {
  Benchmark(
    topic: "Affine map, relu", shape: "\(n) × \(inputs) × \(outputs)",
    work: .operations(2 * Double(n * inputs * outputs))
  ) {
    var stream = RandomStream(seed: UInt64(n))
    let x = Tensor<Float>.normal([n, inputs], from: &stream)
    let map = AffineMap<Float>(
      weight: .normal([outputs, inputs], from: &stream), bias: .normal([outputs], from: &stream))
    let part = x.rows(Array(0..<n / 4))
    return Trial(
      inputs: [("x", x), ("weight", map.weight), ("bias", map.bias!)],
      kernel: { Kernels::affineMap(x, map, activation: .relu) },
      naive: Naive(shape: "\(n / 4) × \(inputs) × \(outputs)", share: 0.25) {
        _ = Equations::affineMap(part, map, activation: .relu)
      }
    ) { y in
      let rows = sampledRows(n, atMost: 16)
      let wide = AffineMap<Double>(
        weight: map.weight.converted(), bias: map.bias?.converted())
      let sample = x.rows(rows).converted(to: Double.self)
      return Verification(
        rows: rows, of: y, expected: Equations::affineMap(sample, wide, activation: .relu),
        bound: affineMapBound(sample, wide, activation: .relu))
    }
  }
}
