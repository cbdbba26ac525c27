import Equations
import ErrorBounds
import Kernels
import Notation

var lstmBenchmarks: [Benchmark] {
  RecurrentRow.all.map { row in
    row.benchmark(
      "LSTM", gates: 4, { LSTM(input: $0, recurrent: $1) }, kernel: { Kernels::lstm($0, $1) },
      naive: { Equations::lstm($0, $1) }
    ) { x, p in
      (Equations::lstm(x, p.converted()), lstmBounds(x, p.converted()).hidden)
    }
  }
}
