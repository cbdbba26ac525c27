import Equations
import ErrorBounds
import Kernels
import Notation

var positionalEncodingBenchmarks: [Benchmark] {
  [(16, 64), (128, 512), (5000, 512)].flatMap { t, d in
    [
      Benchmark(
        topic: "Positions", shape: "\(t) × \(d)", work: .bytes(Double(t * d * 4))
      ) {
        Trial(
          inputs: [], kernel: { Kernels::positionalEncoding(length: t, width: d) },
          naive: Naive { _ = Equations::positionalEncoding(length: t, width: d) as Tensor<Float> }
        ) { y in
          Verification(
            rows: Array(0..<t), of: y,
            expected: Equations::positionalEncoding(length: t, width: d),
            bound: positionalEncodingBound(length: t, width: d))
        }
      },
      rowBenchmark(
        "x + positions", t, d, kernel: { Kernels::addPositions($0) },
        naive: { Equations::addPositions($0) }, oracle: { Equations::addPositions($0) },
        bound: { addPositionsBound($0) }),
    ]
  }
}
