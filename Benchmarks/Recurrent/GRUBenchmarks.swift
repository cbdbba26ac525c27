import Equations
import ErrorBounds
import Kernels
import Notation

var gruBenchmarks: [Benchmark] {
  RecurrentRow.all.map { row in
    row.benchmark(
      "GRU", gates: 3, { GRU(input: $0, recurrent: $1) }, kernel: { Kernels::gru($0, $1) },
      naive: { Equations::gru($0, $1) }
    ) { x, p in
      (Equations::gru(x, p.converted()), gruBounds(x, p.converted()).hidden)
    }
  }
}
