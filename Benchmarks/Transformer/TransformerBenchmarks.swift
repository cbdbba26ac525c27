import Equations
import ErrorBounds
import Kernels
import Notation

var transformerBenchmarks: [Benchmark] {
  [(1, 16, 64, 4), (2, 64, 256, 4), (6, 128, 512, 8)].map { layers, length, width, heads in
    transformerBenchmark(layers: layers, length: length, width: width, heads: heads)
  }
}

/// As many tokens in source and target, as many layers on either side, 1000 words in either language.
private func transformerBenchmark(
  layers: Int, length n: Int, width d: Int, heads: Int
) -> Benchmark {
  let words = 1000
  func operations(_ n: Int) -> Double {
    let encoderLayer = Double(24 * n * d * d + 4 * n * n * d)
    return Double(layers) * (encoderLayer + decoderLayerOperations(n, memory: n, d))
      + Double(2 * n * d * words)
  }
  return Benchmark(
    topic: "Transformer", shape: "\(n) + \(n) × \(d), \(heads) heads, \(layers) + \(layers) layers",
    work: .operations(operations(n))
  ) {
    var stream = RandomStream(seed: UInt64(n))
    let p = Transformer<Float>.normal(
      layers: layers, width: d, heads: heads, words: words, from: &stream
    ).packed()
    func sentence() -> Tensor<Int> {
      Tensor(
        shape: [1, n], storage: (0..<n).map { _ in Int.random(in: 0..<words, using: &stream) })
    }
    let (source, target) = (sentence(), sentence())
    let count = min(n, 8)
    func first(_ tokens: Tensor<Int>) -> Tensor<Int> {
      Tensor(shape: [1, count], storage: Array(tokens.storage.prefix(count)))
    }
    return Trial(
      inputs: [
        ("source", source.map { Float($0) }), ("target", target.map { Float($0) }),
      ] + p.named,
      kernel: { Kernels::transformer(source: source, target: target, p) },
      naive: Naive(
        shape: count < n ? "\(count) + \(count) × \(d)" : nil,
        share: operations(count) / operations(n)
      ) { _ = Equations::transformer(source: first(source), target: first(target), p) }
    ) { logits in
      // As of a layer, the last sublayer is compared, and the output map behind it.
      var before = p
      before.stacks.decoderLayers.removeLast()
      let steps = Kernels::transformerSteps(source: source, target: target, before)
      let (layer, rows) = (p.stacks.decoderLayers.last!, sampledRows(n, atMost: 8))
      let attended = layer.attended(steps.decoded.slice(0), memory: steps.memory.slice(0))
      let last = LastSublayer(
        of: attended.rows(rows), layer.placement, layer.feedForwardNorm, layer.feedForward)
      let output = p.output.converted(to: Double.self)
      let brought = Equations::affineMap(
        last.bound, AffineMap(weight: output.weight.map(abs)))
      return Verification(
        rows: rows, of: logits, expected: Equations::affineMap(last.output, output),
        bound: affineMapBound(last.output.map(abs) + last.bound, output) + brought)
    }
  }
}

extension Transformer<Float> {
  /// A model without biases whose maps neither grow nor shrink what goes through them.
  static func normal(
    layers: Int, width d: Int, heads: Int, words: Int, from stream: inout RandomStream
  ) -> Transformer {
    let norm = LayerNorm<Float>(width: d, epsilon: 1e-5)
    let table = Tensor<Float>.normal([words, d], from: &stream)
    return Transformer(
      sourceTable: .normal([words, d], from: &stream), targetTable: table,
      embeddingScale: .rootModelWidth,
      stacks: TransformerStacks(
        encoderLayers: (0..<layers).map { _ in
          EncoderLayer(
            attention: .normal(width: d, heads: heads, from: &stream), attentionNorm: norm,
            feedForward: .normal(width: d, dFF: 4 * d, from: &stream), feedForwardNorm: norm,
            placement: .postNorm)
        },
        decoderLayers: (0..<layers).map { _ in .normal(width: d, heads: heads, from: &stream) }),
      output: AffineMap(weight: table.map { $0 / Float(d).squareRoot() }))
  }
  /// The parameters by the names that other people's software reads them by.
  fileprivate var named: [(name: String, tensor: Tensor<Float>)] {
    let encoder = stacks.encoderLayers.enumerated().flatMap { l, layer in
      (layer.attention.named + [
        ("innerWeight", layer.feedForward.inner.weight),
        ("outerWeight", layer.feedForward.outer.weight),
      ]).map { ("encoder.\(l)." + $0.0, $0.1) }
    }
    let decoder = stacks.decoderLayers.enumerated().flatMap { l, layer in
      layer.named.map { ("decoder.\(l)." + $0.name, $0.tensor) }
    }
    return encoder + decoder + [
      ("sourceTable", sourceTable), ("targetTable", targetTable), ("outputWeight", output.weight),
    ]
  }
}
