import Equations
import ErrorBounds
import Kernels
import Notation

var word2VecBenchmarks: [Benchmark] {
  let sizes = [(16, 64, 1000), (128, 100, 10_000), (1024, 100, 10_000)]
  let ofTables = [false, true].flatMap { isPacked in
    sizes.map { logitsBenchmark($0, $1, $2, isPacked: isPacked) }
      + sizes.map { lossBenchmark($0, $1, $2, isPacked: isPacked) }
  }
  return ofTables
    + [(64, 5, 64), (1024, 5, 128), (16_384, 15, 128), (1, 1, 1)].map(samplingBenchmark)
}

// A naive multiply-add takes about 1 ns.
private let timedMultiplyAdds = 1 << 27
private let verifiedMultiplyAdds = 1 << 24

private func logitsBenchmark(_ n: Int, _ d: Int, _ v: Int, isPacked: Bool) -> Benchmark {
  Benchmark(
    topic: isPacked ? "Packed skip-gram" : "Skip-gram", shape: "\(n) × \(d) × \(v)",
    work: .operations(2 * Double(n * d * v))
  ) {
    let (p, centers) = words(n, d, v)
    let kernelP = isPacked ? p.packed() : p
    let timed = min(n, timedMultiplyAdds / (d * v))
    let few = part(centers, Array(0..<timed))
    return Trial(
      inputs: [
        ("centers", centers.map(Float.init)), ("inputTable", p.input), ("outputTable", p.output),
      ],
      kernel: { Kernels::skipGramLogits(centers, kernelP) },
      naive: Naive(
        shape: timed < n ? "\(timed) × \(d) × \(v)" : nil, share: Double(timed) / Double(n)
      ) { _ = Equations::skipGramLogits(few, p) }
    ) { logits in
      let rows = sampledRows(n, atMost: verifiedMultiplyAdds / (d * v))
      let (some, wide) = (part(centers, rows), p.converted(to: Double.self))
      return Verification(
        rows: rows, of: logits, expected: Equations::skipGramLogits(some, wide),
        bound: skipGramLogitsBound(some, wide))
    }
  }
}

/// Sentences of sixteen words; an exponential counts for nothing.
private func lossBenchmark(_ n: Int, _ d: Int, _ v: Int, isPacked: Bool) -> Benchmark {
  Benchmark(
    topic: isPacked ? "Packed skip-gram loss" : "Skip-gram loss", shape: "\(n) × \(d) × \(v)",
    work: .operations(2 * Double(n * d * v))
  ) {
    let (p, tokens) = words(n, d, v)
    let kernelP = isPacked ? p.packed() : p
    let sentences = tokens.reshaped([n / 16, 16])
    let timed = max(1, min(n, timedMultiplyAdds / (d * v)) / 16)
    let few = sentences.rows(Array(0..<timed))
    return Trial(
      inputs: [
        ("tokens", tokens.map(Float.init)), ("inputTable", p.input), ("outputTable", p.output),
      ],
      kernel: { Kernels::skipGramLoss(sentences, window: 5, kernelP).reshaped([n / 16, 1]) },
      naive: Naive(
        shape: timed < n / 16 ? "\(timed * 16) × \(d) × \(v)" : nil,
        share: Double(timed * 16) / Double(n)
      ) { _ = Equations::skipGramLoss(few, window: 5, p) }
    ) { losses in
      let rows = sampledRows(n / 16, atMost: 1)
      let (some, wide) = (sentences.rows(rows), p.converted(to: Double.self))
      return Verification(
        rows: rows, of: losses,
        expected: Equations::skipGramLoss(some, window: 5, wide).reshaped([rows.count, 1]),
        bound: skipGramLossBound(some, window: 5, wide).reshaped([rows.count, 1]))
    }
  }
}

/// n pairs with k samples each, among 10,000 words: a vector for each, read where it stands.
private func samplingBenchmark(_ n: Int, _ k: Int, _ d: Int) -> Benchmark {
  Benchmark(
    topic: "Negative sampling", shape: "\(n) × \(k) × \(d)",
    work: .bytes(Double(n * (k + 2) * d * 4))
  ) {
    let (p, centers) = words(n, d, 10_000)
    let (others, negatives) = (words(n, 0, 10_000).tokens, words(n * k, 0, 10_000).tokens)
    let samples = negatives.reshaped([n, k])
    return Trial(
      inputs: [
        ("centers", centers.map(Float.init)), ("words", others.map(Float.init)),
        ("negatives", samples.map(Float.init)), ("inputTable", p.input), ("outputTable", p.output),
      ],
      kernel: {
        Kernels::negativeSamplingLoss(centers: centers, words: others, negatives: samples, p)
          .reshaped([n, 1])
      },
      naive: Naive {
        _ = Equations::negativeSamplingLoss(centers: centers, words: others, negatives: samples, p)
      }
    ) { losses in
      let rows = sampledRows(n, atMost: 500)
      let wide = p.converted(to: Double.self)
      let (c, o, s) = (part(centers, rows), part(others, rows), samples.rows(rows))
      return Verification(
        rows: rows, of: losses,
        expected: Equations::negativeSamplingLoss(centers: c, words: o, negatives: s, wide)
          .reshaped([rows.count, 1]),
        bound: negativeSamplingLossBound(centers: c, words: o, negatives: s, wide)
          .reshaped([rows.count, 1]))
    }
  }
}

/// Vectors of d numbers for v words, and n of the words.
private func words(
  _ n: Int, _ d: Int, _ v: Int
) -> (p: Word2Vec<Float>, tokens: Tensor<Int>) {
  var stream = RandomStream(seed: UInt64(n))
  func table() -> Tensor<Float> { Tensor<Float>.normal([v, d], from: &stream).map { $0 / 4 } }
  let p = Word2Vec(input: table(), output: table())
  return (
    p, Tensor(shape: [n], storage: (0..<n).map { _ in Int.random(in: 0..<v, using: &stream) })
  )
}

private func part(_ words: Tensor<Int>, _ rows: [Int]) -> Tensor<Int> {
  Tensor(shape: [rows.count], storage: rows.map { words[$0] })
}
