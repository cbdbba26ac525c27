import Equations
import Kernels
import Notation

/// The series of `bench growth`, a line each.
var growthSeries: [GrowthSeries] {
  let p = GrowthParameters()
  return [
    GrowthSeries("Attention", "every key", .naive) { x in
      _ = Equations::scaledDotProductAttention(queries: x, keys: x, values: x)
    },
    GrowthSeries("Attention", "every key", .kernel) { x in
      _ = Kernels::scaledDotProductAttention(queries: x, keys: x, values: x)
    },
    GrowthSeries("Attention", "causal", .naive) { x in
      _ = Equations::scaledDotProductAttention(queries: x, keys: x, values: x, mask: .causal)
    },
    GrowthSeries("Attention", "causal", .kernel) { x in
      _ = Kernels::scaledDotProductAttention(queries: x, keys: x, values: x, mask: .causal)
    },
    GrowthSeries("Recurrent", "RNN", .naive) { _ = Equations::elmanRNN($0, p.rnn) },
    GrowthSeries("Recurrent", "RNN", .kernel) { _ = Kernels::elmanRNN($0, p.rnn) },
    GrowthSeries("Recurrent", "LSTM", .naive) { _ = Equations::lstm($0, p.lstm) },
    GrowthSeries("Recurrent", "LSTM", .kernel) { _ = Kernels::lstm($0, p.lstm) },
    GrowthSeries("Recurrent", "GRU", .naive) { _ = Equations::gru($0, p.gru) },
    GrowthSeries("Recurrent", "GRU", .kernel) { _ = Kernels::gru($0, p.gru) },
    GrowthSeries("Transformer", "encoder layer", .naive) { x in
      _ = Equations::encoderLayer(x, p.layer)
    },
    GrowthSeries("Transformer", "encoder layer", .kernel) { x in
      _ = Kernels::encoderLayer(x, p.layer)
    },
    GrowthSeries("Generation", "every prefix", .naive) { x in
      _ = Equations::greedyGeneration(
        source: p.source, p.model, start: 0, stop: -1, maximumLength: x.shape[0])
    },
    GrowthSeries("Generation", "every prefix", .kernel) { x in
      _ = Kernels::greedyGeneration(
        source: p.source, p.model, start: 0, stop: -1, maximumLength: x.shape[0])
    },
    GrowthSeries("Generation", "cached", .naive) { x in
      _ = Equations::greedyGeneration(
        source: p.source, p.model, start: 0, stop: -1, maximumLength: x.shape[0],
        method: .cached)
    },
    GrowthSeries("Generation", "cached", .kernel) { x in
      _ = Kernels::greedyGeneration(
        source: p.source, p.model, start: 0, stop: -1, maximumLength: x.shape[0],
        method: .cached)
    },
  ]
}

/// Parameters of one width, the same for all lengths.
private struct GrowthParameters {
  let rnn: ElmanRNN<Float>
  let lstm: LSTM<Float>
  let gru: GRU<Float>
  let layer: EncoderLayer<Float>
  let model: Transformer<Float>
  /// What is translated; no token stops the translation.
  let source = Tensor(shape: [1, 16], storage: Array(0..<16))

  init() {
    let d = GrowthSeries.width
    var stream = RandomStream(seed: 1)
    func map(_ outputs: Int) -> AffineMap<Float> {
      AffineMap(
        weight: Tensor<Float>.normal([outputs, d], from: &stream).map {
          $0 / Float(d).squareRoot()
        })
    }
    rnn = ElmanRNN(input: map(d), recurrent: map(d))
    lstm = LSTM(input: map(4 * d), recurrent: map(4 * d))
    gru = GRU(input: map(3 * d), recurrent: map(3 * d))
    let norm = LayerNorm<Float>(width: d, epsilon: 1e-5)
    func attention() -> MultiHeadAttention<Float> {
      .normal(width: d, heads: 1, from: &stream)
    }
    func network() -> FeedForward<Float> { .normal(width: d, dFF: 4 * d, from: &stream) }
    layer = EncoderLayer(
      attention: attention(), attentionNorm: norm, feedForward: network(), feedForwardNorm: norm,
      placement: .postNorm
    ).packed()
    let decoder = DecoderLayer(
      selfAttention: attention(), selfAttentionNorm: norm, crossAttention: attention(),
      crossAttentionNorm: norm, feedForward: network(), feedForwardNorm: norm,
      placement: .postNorm)
    let table = Tensor<Float>.normal([100, d], from: &stream)
    model = Transformer(
      sourceTable: table, targetTable: table,
      stacks: TransformerStacks(encoderLayers: [layer], decoderLayers: [decoder]),
      output: map(100)
    ).packed()
  }
}
