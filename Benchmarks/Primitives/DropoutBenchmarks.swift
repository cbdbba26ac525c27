import Equations
import ErrorBounds
import Kernels
import Notation

var dropoutBenchmarks: [Benchmark] {
  [(16, 64), (128, 512), (4096, 512), (1, 1)].map { n, m in
    let drop = Dropout(probability: 0.1, seed: 7)
    return rowBenchmark(
      "Dropout", n, m, kernel: { Kernels::dropout($0, drop) },
      naive: { Equations::dropout($0, drop) }, oracle: { Equations::dropout($0, drop) },
      bound: { dropoutBound($0, drop) })
  }
}
