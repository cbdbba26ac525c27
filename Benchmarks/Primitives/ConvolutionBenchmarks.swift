import Equations
import ErrorBounds
import Kernels
import Notation

var convolutionBenchmarks: [Benchmark] {
  [false, true].flatMap { isPacked in
    [
      convolutionBenchmark(t: 16, inputs: 16, outputs: 16, isPacked: isPacked),
      convolutionBenchmark(t: 128, inputs: 128, outputs: 128, isPacked: isPacked),
      convolutionBenchmark(t: 512, inputs: 512, outputs: 512, isPacked: isPacked),
      convolutionBenchmark(t: 512, inputs: 256, outputs: 256, stride: 2, isPacked: isPacked),
      convolutionBenchmark(t: 1024, inputs: 64, outputs: 64, dilation: 4, isPacked: isPacked),
      convolutionBenchmark(t: 4, inputs: 1, outputs: 1, isPacked: isPacked),
    ]
  }
}

// The equation takes about 1 ns a multiply-add: these many take 0.1 s.
private let timedMultiplyAdds = 1 << 27

/// A kernel of three, as many results as positions unless there is a stride.
private func convolutionBenchmark(
  t: Int, inputs: Int, outputs: Int, stride: Int = 1, dilation: Int = 1, isPacked: Bool
) -> Benchmark {
  let k = 3
  let kind = stride > 1 ? ", stride \(stride)" : dilation > 1 ? ", dilation \(dilation)" : ""
  let results = t / stride
  return Benchmark(
    topic: isPacked ? "Packed convolution" : "Convolution",
    shape: "\(t) × \(inputs) × \(outputs), \(k)\(kind)",
    work: .operations(2 * Double(results * k * inputs * outputs))
  ) {
    var stream = RandomStream(seed: UInt64(t))
    let p = Convolution<Float>(
      weight: .normal([outputs, inputs, k], from: &stream), bias: .normal([outputs], from: &stream),
      stride: stride, dilation: dilation, padding: .same)
    let kernelP = isPacked ? p.packed() : p
    let x = Tensor<Float>.normal([t, inputs], from: &stream)
    let timed = min(t, timedMultiplyAdds / (k * inputs * outputs) * stride)
    let part = x.rows(Array(0..<timed))
    return Trial(
      inputs: [("x", x), ("weight", p.weight), ("bias", p.bias!)],
      kernel: { Kernels::convolution(x, kernelP) },
      naive: Naive(
        shape: timed < t ? "\(timed) × \(inputs) × \(outputs), \(k)" : nil,
        share: Double(timed) / Double(t)
      ) { _ = Equations::convolution(part, p) }
    ) { y in
      // Some results, each of the positions that it sees, zeros before and after them included.
      let rows = sampledRows(results, atMost: max(1, (1 << 23) / (k * inputs * outputs)))
      let wide = p.converted(to: Double.self)
      let alone = Convolution(weight: wide.weight, bias: wide.bias, dilation: dilation)
      let seen = rows.map { i in
        Tensor<Double>(
          shape: [p.span, inputs],
          storage: (0..<p.span).flatMap { j in
            let position = i * stride + j - p.zeros.left
            return (0..<inputs).map { c in
              0..<t ~= position ? Double(x[position, c]) : 0
            }
          })
      }
      func together(_ results: [Tensor<Double>]) -> Tensor<Double> {
        Tensor(shape: [rows.count, outputs], storage: results.flatMap(\.storage))
      }
      return Verification(
        rows: rows, of: y, expected: together(seen.map { Equations::convolution($0, alone) }),
        bound: together(seen.map { convolutionBound($0, alone) }))
    }
  }
}
