import Equations
import ErrorBounds
import Kernels
import Notation

var matrixProductBenchmarks: [Benchmark] {
  [1, 16, 128, 512, 1024].map(matrixProductBenchmark)
    + [(1, 1, 1), (1, 512, 2048), (8, 512, 2048), (512, 512, 2048), (4096, 512, 1)].flatMap {
      n, inputs, outputs in
      [false, true].map {
        affineMapBenchmark(rows: n, inputs: inputs, outputs: outputs, isPacked: $0)
      }
    }
}

// Rows of a product are independent of each other. Naively a multiply-add takes 1 to 3 ns, the more the
// larger b is: these many take 0.1 to 0.3 s, the check's two products included.
private let verifiedMultiplyAdds = 1 << 25
private let timedMultiplyAdds = 1 << 27

private func matrixProductBenchmark(_ n: Int) -> Benchmark {
  Benchmark(
    topic: "Matrix product", shape: "\(n) × \(n) × \(n)",
    work: .operations(2 * Double(n * n * n))
  ) {
    var stream = RandomStream(seed: UInt64(n))
    let a = Tensor<Float>.normal([n, n], from: &stream)
    let b = Tensor<Float>.normal([n, n], from: &stream)
    let timed = min(n, timedMultiplyAdds / (n * n))
    let part = a.rows(Array(0..<timed))
    return Trial(
      inputs: [("a", a), ("b", b)], kernel: { Kernels::matrixProduct(a, b) },
      naive: Naive(
        shape: timed < n ? "\(timed) × \(n) × \(n)" : nil, share: Double(timed) / Double(n)
      ) { _ = Equations::matrixProduct(part, b) }
    ) { c in
      let rows = sampledRows(n, atMost: verifiedMultiplyAdds / (n * n))
      let (x, y) = (a.rows(rows).converted(to: Double.self), b.converted(to: Double.self))
      return Verification(
        rows: rows, of: c, expected: Equations::matrixProduct(x, y),
        bound: matrixProductBound(x, y))
    }
  }
}

private func affineMapBenchmark(
  rows n: Int, inputs: Int, outputs: Int, isPacked: Bool
) -> Benchmark {
  Benchmark(
    topic: isPacked ? "Packed map, relu" : "Affine map, relu",
    shape: "\(n) × \(inputs) × \(outputs)",
    work: .operations(2 * Double(n * inputs * outputs))
  ) {
    var stream = RandomStream(seed: UInt64(n))
    let x = Tensor<Float>.normal([n, inputs], from: &stream)
    let map = AffineMap<Float>(
      weight: .normal([outputs, inputs], from: &stream), bias: .normal([outputs], from: &stream))
    let kernelMap = isPacked ? map.packed() : map
    let timed = min(n, timedMultiplyAdds / (inputs * outputs))
    let part = x.rows(Array(0..<timed))
    return Trial(
      inputs: [("x", x), ("weight", map.weight), ("bias", map.bias!)],
      kernel: { Kernels::affineMap(x, kernelMap, activation: .relu) },
      naive: Naive(
        shape: timed < n ? "\(timed) × \(inputs) × \(outputs)" : nil,
        share: Double(timed) / Double(n)
      ) { _ = Equations::affineMap(part, map, activation: .relu) }
    ) { y in
      let rows = sampledRows(n, atMost: verifiedMultiplyAdds / (inputs * outputs))
      let wide = AffineMap<Double>(weight: map.weight.converted(), bias: map.bias?.converted())
      let sample = x.rows(rows).converted(to: Double.self)
      return Verification(
        rows: rows, of: y, expected: Equations::affineMap(sample, wide, activation: .relu),
        bound: affineMapBound(sample, wide, activation: .relu))
    }
  }
}
