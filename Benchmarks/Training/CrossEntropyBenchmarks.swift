import Equations
import ErrorBounds
import Kernels
import Notation

var crossEntropyBenchmarks: [Benchmark] {
  [(16, 64), (128, 1000), (4096, 10_000), (1, 1)].map { n, v in
    Benchmark(topic: "Cross-entropy", shape: "\(n) × \(v)", work: .bytes(Double(n * v * 4))) {
      var stream = RandomStream(seed: UInt64(n))
      let z = Tensor<Float>.normal([n, v], from: &stream)
      let labels = Tensor(
        shape: [n], storage: (0..<n).map { _ in Int.random(in: 0..<v, using: &stream) })
      func part(_ rows: [Int]) -> (logits: Tensor<Float>, labels: Tensor<Int>) {
        (z.rows(rows), Tensor(shape: [rows.count], storage: rows.map { labels[$0] }))
      }
      let timed = min(n, 256)
      let few = part(Array(0..<timed))
      return Trial(
        inputs: [("logits", z), ("labels", labels.map(Float.init))],
        kernel: { Kernels::crossEntropy(z, labels: labels, reduction: .each).reshaped([n, 1]) },
        naive: Naive(shape: timed < n ? "\(timed) × \(v)" : nil, share: Double(timed) / Double(n)) {
          _ = Equations::crossEntropy(few.logits, labels: few.labels, reduction: .each)
        }
      ) { losses in
        let rows = sampledRows(n, atMost: 200)
        let (some, labels) = part(rows)
        let wide = some.converted(to: Double.self)
        return Verification(
          rows: rows, of: losses,
          expected: Equations::crossEntropy(wide, labels: labels, reduction: .each)
            .reshaped([rows.count, 1]),
          bound: crossEntropyBound(wide, labels: labels, reduction: .each)
            .reshaped([rows.count, 1]))
      }
    }
  }
}
