import Equations
import ErrorBounds
import Kernels
import Notation

var softmaxBenchmarks: [Benchmark] {
  [(1, 1), (128, 128), (4096, 512)].flatMap { n, m in
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
