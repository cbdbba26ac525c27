import Equations
import Kernels
import Notation

var generationBenchmarks: [Benchmark] {
  [
    generationBenchmark(sentences: 1, length: 8, width: 64, method: .cached),
    generationBenchmark(sentences: 1, length: 64, width: 256, method: .cached),
    generationBenchmark(sentences: 8, length: 64, width: 256, method: .cached),
    generationBenchmark(sentences: 1, length: 64, width: 256, method: .fullPrefix),
  ]
}

/// So many tokens from a source of half as many, two layers on either side, 1000 words.
private func generationBenchmark(
  sentences b: Int, length t: Int, width d: Int, method: GenerationMethod
) -> Benchmark {
  let (s, layers, words) = (t / 2, 2, 1000)
  return Benchmark(
    topic: method == .cached ? "Generation, cached" : "Generation",
    shape: "\(b) × \(t) tokens × \(d)",
    work: .operations(
      Double(b) * operations(t, source: s, layers: layers, width: d, words: words, method))
  ) {
    var stream = RandomStream(seed: UInt64(t))
    let p = Transformer<Float>.normal(
      layers: layers, width: d, heads: 4, words: words, from: &stream
    ).packed()
    let source = Tensor(
      shape: [b, s], storage: (0..<b * s).map { _ in Int.random(in: 0..<words, using: &stream) })
    return Trial(
      inputs: [("source", source.map { Float($0) })],
      kernel: {
        tokens(
          Kernels::greedyGeneration(
            source: source, p, start: 0, stop: -1, maximumLength: t, method: method))
      },
      naive: Naive {
        _ = Equations::greedyGeneration(
          source: source, p, start: 0, stop: -1, maximumLength: t, method: method)
      }
    ) { got in
      // Tokens are right or wrong; with a cache the equation is faster, and gives the same ones.
      let expected = tokens(
        Equations::greedyGeneration(
          source: source, p.converted(to: Double.self), start: 0, stop: -1, maximumLength: t,
          method: .cached)
      ).converted(to: Double.self)
      return Verification(
        rows: Array(0..<b), of: got, expected: expected, bound: expected.map { _ in 0 })
    }
  }
}

private func tokens(_ translations: [[Int]]) -> Tensor<Float> {
  Tensor(
    shape: [translations.count, translations[0].count],
    storage: translations.flatMap { $0 }.map { Float($0) })
}

/// The encoder once and t steps of the decoder, each of one position or of the whole prefix.
private func operations(
  _ t: Int, source s: Int, layers: Int, width d: Int, words: Int, _ method: GenerationMethod
) -> Double {
  let encoder = Double(layers * (24 * s * d * d + 4 * s * s * d))
  let decoder =
    switch method {
    case .cached: Double(layers) * decoderLayerOperations(t, memory: s, d)
    case .fullPrefix:
      (1...t).reduce(0) { $0 + Double(layers) * decoderLayerOperations($1, memory: s, d) }
    }
  return encoder + decoder + Double(2 * t * d * words)
}
