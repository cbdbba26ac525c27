import Equations
import ErrorBounds
import Kernels
import Notation

var tokenEmbeddingBenchmarks: [Benchmark] {
  [(16, 64), (128, 512), (4096, 512), (1, 1)].flatMap { t, d in
    [
      embeddingBenchmark(
        "Token embedding", t, d, kernel: { Kernels::tokenEmbedding($0, table: $1) },
        naive: { Equations::tokenEmbedding($0, table: $1) },
        oracle: { Equations::tokenEmbedding($0, table: $1) },
        bound: { tokenEmbeddingBound($0, table: $1) }),
      positionedBenchmark("Tokens, positions", t, d, .sinusoidal()),
      positionedBenchmark(
        "Tokens, table", t, d, .learned(Kernels::positionalEncoding(length: t, width: d))),
    ]
  }
}

/// The first layer's input, scaled, with positions that are computed or stored.
private func positionedBenchmark(
  _ topic: String, _ t: Int, _ d: Int, _ positions: PositionalEncoding<Float>
) -> Benchmark {
  let (scale, wide) = (EmbeddingScale.rootModelWidth, positions.converted(to: Double.self))
  var parameters: [(name: String, tensor: Tensor<Float>)] = []
  if case .learned(let stored) = positions { parameters = [("positions", stored)] }
  return embeddingBenchmark(
    topic, t, d, parameters: parameters,
    kernel: {
      Kernels::transformerEmbedding($0, table: $1, positions: positions, scale: scale)
    },
    naive: {
      Equations::transformerEmbedding($0, table: $1, positions: positions, scale: scale)
    },
    oracle: { Equations::transformerEmbedding($0, table: $1, positions: wide, scale: scale) },
    bound: { transformerEmbeddingBound($0, table: $1, positions: wide, scale: scale) })
}

/// A function of t tokens and a table: of each vector a row is read, and the result written.
private func embeddingBenchmark(
  _ topic: String, _ t: Int, _ d: Int, parameters: [(name: String, tensor: Tensor<Float>)] = [],
  kernel: @escaping (Tensor<Int>, Tensor<Float>) -> Tensor<Float>,
  naive: @escaping (Tensor<Int>, Tensor<Float>) -> Tensor<Float>,
  oracle: @escaping (Tensor<Int>, Tensor<Double>) -> Tensor<Double>,
  bound: @escaping (Tensor<Int>, Tensor<Double>) -> Tensor<Double>
) -> Benchmark {
  Benchmark(topic: topic, shape: "\(t) × \(d)", work: .bytes(Double(t * d * 8))) {
    var stream = RandomStream(seed: UInt64(t))
    let table = Tensor<Float>.normal([8192, d], from: &stream)
    let tokens = Tensor(
      shape: [t], storage: (0..<t).map { _ in Int.random(in: 0..<8192, using: &stream) })
    return Trial(
      inputs: [("tokens", tokens.map(Float.init)), ("table", table)] + parameters,
      kernel: { kernel(tokens, table) }, naive: Naive { _ = naive(tokens, table) }
    ) { y in
      let wide = table.converted(to: Double.self)
      return Verification(
        rows: Array(0..<t), of: y, expected: oracle(tokens, wide), bound: bound(tokens, wide))
    }
  }
}
