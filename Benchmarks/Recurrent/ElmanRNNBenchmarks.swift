import Equations
import ErrorBounds
import Kernels
import Notation

var elmanRNNBenchmarks: [Benchmark] {
  RecurrentRow.all.map { row in
    row.benchmark(
      "RNN", gates: 1, { ElmanRNN(input: $0, recurrent: $1) },
      kernel: { Kernels::elmanRNN($0, $1) }, naive: { Equations::elmanRNN($0, $1) }
    ) { x, p in
      (Equations::elmanRNN(x, p.converted()), elmanRNNBounds(x, p.converted()).hidden)
    }
  }
}
