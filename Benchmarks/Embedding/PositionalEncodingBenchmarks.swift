import Equations
import ErrorBounds
import Kernels
import Notation

var positionalEncodingBenchmarks: [Benchmark] {
  [(16, 64), (128, 512), (5000, 512), (1, 1)].flatMap { t, d in
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
      storedPositionsBenchmark(t, d),
    ]
  }
}

/// The sum with a table that is kept, as models keep it.
private func storedPositionsBenchmark(_ t: Int, _ d: Int) -> Benchmark {
  Benchmark(
    topic: "x + stored table", shape: "\(t) × \(d)", work: .bytes(Double(t * d * 12))
  ) {
    var stream = RandomStream(seed: UInt64(t))
    let x = Tensor<Float>.normal([t, d], from: &stream)
    let table = Kernels::positionalEncoding(length: t, width: d)
    return Trial(
      inputs: [("x", x), ("table", table)],
      kernel: { Kernels::addPositions(x, .learned(table)) },
      naive: Naive { _ = Equations::addPositions(x, .learned(table)) }
    ) { y in
      let (x, stored) = (x.converted(to: Double.self), table.converted(to: Double.self))
      return Verification(
        rows: Array(0..<t), of: y, expected: Equations::addPositions(x, .learned(stored)),
        bound: addPositionsBound(x, .learned(stored)))
    }
  }
}
