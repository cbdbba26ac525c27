import Equations
import ErrorBounds
import Kernels
import Notation

var visionTransformerBenchmarks: [Benchmark] {
  // ViT-Ti/32, ViT-S/16 and ViT-B/16: positions, width and heads.
  [(50, 192, 3), (197, 384, 6), (197, 768, 12)].map { n, d, heads in
    encoderLayerBenchmark("ViT block", n, d, heads: heads, placement: .preNorm)
  } + [
    patchesBenchmark(side: 224, size: 16, .rowColumnChannel),
    patchesBenchmark(side: 224, size: 16, .channelRowColumn),
  ]
}

private func patchesBenchmark(side: Int, size: Int, _ order: PatchOrder) -> Benchmark {
  let channels = 3
  return Benchmark(
    topic: order == .rowColumnChannel ? "Patches" : "Patches, channels first",
    shape: "\(side)² × \(channels), \(size)²",
    work: .bytes(Double(side * side * channels * 8))
  ) {
    var stream = RandomStream(seed: UInt64(side))
    let x = Tensor<Float>.normal([side, side, channels], from: &stream)
    return Trial(
      inputs: [("x", x)], kernel: { Kernels::patches(x, size: size, order: order) },
      naive: Naive { _ = Equations::patches(x, size: size, order: order) }
    ) { y in
      let expected = Equations::patches(x.converted(to: Double.self), size: size, order: order)
      return Verification(
        rows: Array(0..<y.shape[0]), of: y, expected: expected, bound: expected.map { _ in 0 })
    }
  }
}
