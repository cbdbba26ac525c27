import Kernels
import Notation
import TestSupport
import Testing

@Suite("Allocations")
struct AllocationsTests {
  @Test("in steady state a kernel allocates its results and nothing else")
  func steadyState() async {
    // In a process of its own: other tests allocate, too.
    await #expect(processExitsWith: .success) {
      var stream = RandomStream(seed: 20)
      let (b, t, d) = (2, 9, 20)
      let x = Tensor<Float>.normal([b, t, d], from: &stream)
      let square = Tensor<Float>.normal([d, d], from: &stream)
      let norm = LayerNorm<Float>(width: d, epsilon: 1e-5)
      let kernel = Convolution(weight: Tensor<Float>.normal([d, d, 3], from: &stream))
      let additive = ScoringFunction.additive(
        AdditiveScore(key: square, query: square, vector: square.slice(0)))
      Threads.$count.withValue(1) {
        requireResults(1, from: "matrixProduct") { _ = matrixProduct(square, square) }
        requireResults(1, from: "softmax") { _ = softmax(x) }
        requireResults(1, from: "activate") { _ = activate(x, .gelu) }
        requireResults(1, from: "dropout") { _ = dropout(x, Dropout(probability: 0.5, seed: 1)) }
        requireResults(1, from: "convolution") { _ = convolution(x, kernel) }
        requireResults(1, from: "scores") { _ = scores(queries: x, keys: x, by: additive) }
        requireResults(1, from: "attention") {
          _ = scaledDotProductAttention(queries: x, keys: x, values: x)
        }
        requireResults(1, from: "layerNorm") { _ = layerNorm(x, adding: x, norm) }
        requireResults(1, from: "addPositions") { _ = addPositions(x) }
      }
    }
  }

  @Test("so do maps and recurrent networks, packed or not", arguments: [false, true])
  func maps(packed: Bool) async {
    await #expect(processExitsWith: .success) { [packed] in
      var stream = RandomStream(seed: 21)
      let (b, t, d, h) = (2, 9, 20, 40)
      let x = Tensor<Float>.normal([b, t, d], from: &stream)
      let (now, before) = (x.position(0), Tensor<Float>.normal([b, h], from: &stream))
      let state = LSTMState(hidden: before, cell: before)
      var map = AffineMap<Float>.normal(h, d, from: &stream)
      var attention = MultiHeadAttention<Float>.normal(width: d, heads: 4, from: &stream)
      var network = FeedForward<Float>.normal(width: d, dFF: 4 * d, from: &stream)
      func gates(_ count: Int) -> (input: AffineMap<Float>, recurrent: AffineMap<Float>) {
        (.normal(count * h, d, from: &stream), .normal(count * h, h, from: &stream))
      }
      let (one, three, four) = (gates(1), gates(3), gates(4))
      var rnn = ElmanRNN(input: one.input, recurrent: one.recurrent)
      var lstm = LSTM(input: four.input, recurrent: four.recurrent)
      var gru = GRU(input: three.input, recurrent: three.recurrent)
      if packed {
        (map, attention, network) = (map.packed(), attention.packed(), network.packed())
        (rnn, lstm, gru) = (rnn.packed(), lstm.packed(), gru.packed())
      }
      Threads.$count.withValue(1) {
        requireResults(1, from: "affineMap") { _ = affineMap(x, map) }
        requireResults(1, from: "multiHeadAttention") {
          _ = multiHeadAttention(queries: x, keys: x, values: x, attention)
        }
        requireResults(1, from: "feedForward") { _ = feedForward(x, network) }
        requireResults(2, from: "elmanRNN") { _ = elmanRNN(x, rnn) }
        requireResults(2, from: "elmanRNNStep") { _ = elmanRNNStep(now, before, rnn) }
        requireResults(3, from: "lstm") { _ = Kernels::lstm(x, lstm) }
        requireResults(8, from: "lstmStep") { _ = lstmStep(now, state, lstm) }
        requireResults(2, from: "gru") { _ = Kernels::gru(x, gru) }
        requireResults(5, from: "gruStep") { _ = gruStep(now, before, gru) }
      }
    }
  }
}

/// Stops unless a second call allocates memory for results only, gates and last states among them.
private func requireResults(_ results: Int, from name: String, _ kernel: () -> Void) {
  kernel()
  let before = Allocations.count
  kernel()
  let count = Allocations.count - before
  require(count == results, "\(name) allocated \(count) times for \(results) results")
}
