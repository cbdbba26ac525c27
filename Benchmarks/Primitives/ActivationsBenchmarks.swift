import Equations
import ErrorBounds
import Kernels
import Notation

var activationBenchmarks: [Benchmark] {
  [(1, 1), (128, 512), (4096, 512)].flatMap { n, m in
    Activation.allCases.filter { $0 != .identity }.map { activation in
      rowBenchmark(
        "\(activation)", n, m, kernel: { Kernels::activate($0, activation) },
        naive: { Equations::activate($0, activation) },
        oracle: { Equations::activate($0, activation) }, bound: { activationBound($0, activation) })
    }
  }
}
