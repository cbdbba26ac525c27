import Equations
import ErrorBounds
import Kernels
import Notation

var seq2SeqBenchmarks: [Benchmark] {
  [
    TranslationRow(b: 1, s: 8, t: 8, d: 16, h: 16, v: 32),
    TranslationRow(b: 1, s: 32, t: 32, d: 128, h: 256, v: 1000),
    TranslationRow(b: 32, s: 32, t: 32, d: 128, h: 256, v: 1000),
  ].flatMap { [$0.benchmark(isGreedy: false), $0.benchmark(isGreedy: true)] }
}

/// GRUs with Bahdanau's attention, from b sources of s positions in t steps to v tokens.
private struct TranslationRow {
  let b: Int
  let s: Int
  let t: Int
  let d: Int
  let h: Int
  let v: Int

  /// The multiply-adds of so many sequences and steps.
  private func multiplyAdds(_ b: Int, _ t: Int) -> Int {
    let encoder = s * (3 * h * (d + h) + h * h)
    let step = h * h + 3 * s * h + 3 * h * (d + 2 * h) + v * h
    return b * (encoder + t * step)
  }

  /// Two steps of the last sequence are compared: later steps depend on them.
  ///
  /// The weights are small, so that the bounds do not grow along the source.
  func benchmark(isGreedy: Bool) -> Benchmark {
    Benchmark(
      topic: isGreedy ? "Seq2Seq, greedy" : "Seq2Seq",
      shape: "\(b) × \(s) → \(t), \(d) → \(h) → \(v)",
      work: .operations(2 * Double(multiplyAdds(b, t)))
    ) {
      var stream = RandomStream(seed: UInt64(b * s))
      func weight(_ outputs: Int, _ inputs: Int) -> Tensor<Float> {
        Tensor<Float>.normal([outputs, inputs], from: &stream).map { $0 / Float(2 * inputs) }
      }
      func map(_ outputs: Int, _ inputs: Int) -> AffineMap<Float> {
        AffineMap(weight: weight(outputs, inputs), bias: .normal([outputs], from: &stream))
      }
      let score = AdditiveScore<Float>(
        key: weight(h, h), query: weight(h, h), vector: .normal([h], from: &stream))
      let (encoder, decoder) = (
        (map(3 * h, d), map(3 * h, h)), (map(3 * h, d + h), map(3 * h, h))
      )
      let p = Seq2Seq<Float>(
        encoder: .oneWay(.gru(GRU(input: encoder.0, recurrent: encoder.1))),
        start: .mapped(map(h, h)), attention: .beforeStep(.function(.additive(score))),
        decoder: .gru(GRU(input: decoder.0, recurrent: decoder.1)), output: map(v, h))
      let packed = p.packed()
      let table = Tensor<Float>.normal([v, d], from: &stream)
      let source = Tensor<Float>.normal([b, s, d], from: &stream)
      let inputs = Tensor<Float>.normal([b, t, d], from: &stream)
      let start = Tensor(
        shape: [b, d], storage: (0..<b).flatMap { inputs.slice($0).slice(0).storage })
      let (last, two) = (source.slice(b - 1), inputs.slice(b - 1).rows([0, 1]))

      var inputsOfLast = two
      return Trial(
        inputs: [("source", source), ("inputs", inputs)],
        kernel: {
          guard isGreedy else { return Kernels::seq2Seq(source: source, inputs: inputs, packed) }
          let steps = Kernels::greedySeq2Seq(
            source: source, start: start, steps: t, packed, feedback: .table(table))
          let second = table.slice(steps.tokens[b - 1, 0]).storage
          inputsOfLast = Tensor(shape: [2, d], storage: two.slice(0).storage + second)
          return steps.logits
        },
        naive: Naive(
          shape: b * t == 2 ? nil : "1 × \(s) → 2",
          share: Double(multiplyAdds(1, 2)) / Double(multiplyAdds(b, t))
        ) { _ = Equations::seq2Seq(source: last, inputs: two, p) }
      ) { logits in
        let (x, y) = (last.converted(to: Double.self), inputsOfLast.converted(to: Double.self))
        let first = (b - 1) * t
        return Verification(
          rows: [first, first + 1], of: logits,
          expected: Equations::seq2Seq(source: x, inputs: y, p.converted()),
          bound: seq2SeqBounds(source: x, inputs: y, p.converted()).logits)
      }
    }
  }
}
