import Equations
import ErrorBounds
import Kernels
import Notation

var feedForwardBenchmarks: [Benchmark] {
  [(16, 64), (128, 512), (512, 512), (1, 1)].map { n, d in
    let dFF = 4 * d
    return Benchmark(
      topic: "Feed-forward", shape: "\(n) × \(d) × \(dFF)",
      work: .operations(Double(4 * n * d * dFF))
    ) {
      var stream = RandomStream(seed: UInt64(n))
      let p = FeedForward<Float>.normal(width: d, dFF: dFF, from: &stream)
      let packed = p.packed()
      let x = Tensor<Float>.normal([n, d], from: &stream)
      let count = min(n, 16)
      let part = x.rows(Array(0..<count))
      return Trial(
        inputs: [("x", x), ("innerWeight", p.inner.weight), ("outerWeight", p.outer.weight)],
        kernel: { Kernels::feedForward(x, packed) },
        naive: Naive(
          shape: count < n ? "\(count) × \(d) × \(dFF)" : nil, share: Double(count) / Double(n)
        ) { _ = Equations::feedForward(part, p) }
      ) { y in
        let rows = sampledRows(n, atMost: 8)
        let (some, wide) = (x.rows(rows).converted(to: Double.self), p.converted(to: Double.self))
        return Verification(
          rows: rows, of: y, expected: Equations::feedForward(some, wide),
          bound: feedForwardBound(some, wide))
      }
    }
  }
}

extension FeedForward<Float> {
  /// A network without biases, whose maps neither grow nor shrink what goes through them.
  static func normal(
    width d: Int, dFF: Int, activation: Activation = .relu, from stream: inout RandomStream
  ) -> FeedForward {
    func map(_ outputs: Int, _ inputs: Int) -> AffineMap<Float> {
      AffineMap(
        weight: Tensor<Float>.normal([outputs, inputs], from: &stream).map {
          $0 / Float(inputs).squareRoot()
        })
    }
    return FeedForward(inner: map(dFF, d), outer: map(d, dFF), activation: activation)
  }
}
