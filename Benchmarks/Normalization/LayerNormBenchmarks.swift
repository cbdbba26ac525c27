import Equations
import ErrorBounds
import Kernels
import Notation

var layerNormBenchmarks: [Benchmark] {
  [(16, 64), (128, 512), (4096, 512), (1, 1)].map { n, d in
    var stream = RandomStream(seed: UInt64(d))
    let p = LayerNorm<Float>(
      gain: .normal([d], from: &stream), bias: .normal([d], from: &stream), epsilon: 1e-5)
    let wide = p.converted(to: Double.self)
    return rowBenchmark(
      "Layer norm", n, d, parameters: [("gain", p.gain), ("bias", p.bias!)],
      kernel: { Kernels::layerNorm($0, p) },
      naive: { Equations::layerNorm($0, p) }, oracle: { Equations::layerNorm($0, wide) },
      bound: { layerNormBound($0, wide) })
  }
}
