import Equations
import ErrorBounds
import Foundation
import Notation
import TestSupport
import Testing

/// What document 000 claims of its encoder and decoder, and what its code does.
@Suite("Claims about Seq2Seq")
struct Seq2SeqClaimTests {
  @Test("the largest of 20 weights comes close to its bound, and not beyond")
  func bound() throws {
    let energies = [30.0] + Array(repeating: -30, count: 19)
    let weights = try weights(energies, .tanhOfLinear(AffineMap(weight: [[0, 1]])))
    let bound = 1 / (1 + 19 * exp(-2.0))
    let rest = bound * exp(-2)
    #expect(abs(weights[0] - bound) <= 32 * 0x1p-53)
    for weight in weights.dropFirst() { #expect(abs(weight - rest) <= 32 * 0x1p-53) }
  }

  @Test("an additive score may give all weight to one of 20 positions")
  func additive() throws {
    let energies = [30.0] + Array(repeating: -30, count: 19)
    let score = AdditiveScore<Double>(key: [[1]], query: [[0]], vector: [20])
    #expect(try weights(energies, .function(.additive(score)))[0] > 1 - 1e-15)
  }

  @Test("without the outer tanh the decoder's state cancels exactly")
  func linear() throws {
    var stream = RandomStream(seed: 11)
    func integers(_ shape: [Int]) -> Tensor<Double> {
      Tensor<Double>.normal(shape, from: &stream).map { ($0 * 4).rounded() }
    }
    let (h, e, s) = (3, 2, 7)
    let (w, keys) = (integers([1, h + e]), integers([s, e]))
    let states = (0..<5).map { _ in integers([h]) }
    let weights = states.map { state in
      let both = Tensor(
        shape: [s, h + e], storage: (0..<s).flatMap { state.storage + keys.slice($0).storage })
      return softmax(affineMap(both, AffineMap(weight: w)).reshaped([s]))
    }
    #expect(Set(states).count > 1 && Set(weights).count == 1)
  }

  @Test("the weights change with the decoder's state, though hardly in an untrained model")
  func dynamic() throws {
    func largestChange(_ p: Seq2Seq<Double>) throws -> Double {
      let start = source(1).slice(0).slice(0).reshaped([1, 10])
      let steps = greedySeq2Seq(source: source(1), start: start, steps: 4, p)
      let weights = try #require(steps.attention).weights.slice(0)
      for i in 0..<4 {
        let sum = weights.slice(i).storage.reduce(0, +)
        #expect(abs(sum - 1) <= 16 * 0x1p-53)
      }
      let changes = zip(weights.storage.dropFirst(weights.shape[1]), weights.storage)
      return changes.map { abs($0 - $1) }.max()!
    }
    // Where tanh is nearly linear, the state nearly cancels.
    let untrained = try largestChange(document)
    #expect(untrained > 1e-9 && untrained < 1e-4)
    var trained = document
    if case .beforeStep(.tanhOfLinear(var map)) = trained.attention {
      map.weight = map.weight.map { 30 * $0 }
      trained.attention = .beforeStep(.tanhOfLinear(map))
    }
    #expect(try largestChange(trained) > 1e-3)
  }

  @Test("document 000's loop is a row of zeros before greedy steps", arguments: [1, 3])
  func loop(b: Int) {
    let (x, p) = (source(b), document)
    let target = source(b).map { 1 - $0 }
    let start = Tensor(
      shape: [b, 10], storage: (0..<b).flatMap { target.slice($0).slice(0).storage })
    let outputs = document000(x, target, p)
    let steps = greedySeq2Seq(source: x, start: start, steps: 4, p)
    #expect(outputs.shape == [b, 5, 10])
    #expect(outputs.rows([0]).storage.allSatisfy { $0 == 0 })
    #expect(outputs.rows(Array(1..<5)) == steps.logits)
  }

  @Test("document 000's loop reads nothing of its target but the first vector")
  func target() {
    let x = source(3)
    let target = x.map { 1 - $0 }
    var other = target.map { _ in Double.nan }
    for g in 0..<3 {
      for c in 0..<10 { other[g, 0, c] = target[g, 0, c] }
    }
    #expect(document000(x, target, document) == document000(x, other, document))
  }

  // MARK: - What is measured

  /// The weights of one state 0 over positions of width 1.
  private func weights(_ positions: [Double], _ score: DecoderScore<Double>) throws -> [Double] {
    let p = Seq2Seq(
      encoder: .oneWay(network(1, 1)), attention: .beforeStep(score), decoder: network(2, 1),
      output: AffineMap(weight: [[1]]))
    let encoding = Seq2SeqEncoding(
      outputs: Tensor(shape: [positions.count, 1], storage: positions),
      keep: Tensor(shape: [positions.count], repeating: true), last: RecurrentState(hidden: [0]))
    return try #require(
      seq2SeqStep([0], encoding.last, encoding, p).attention
    ).weights.storage
  }

  private func network(_ d: Int, _ h: Int) -> RecurrentCell<Double> {
    .elmanRNN(
      ElmanRNN(
        input: AffineMap(weight: Tensor(shape: [h, d], repeating: 0)),
        recurrent: AffineMap(weight: Tensor(shape: [h, h], repeating: 0))))
  }

  /// A source of document 000's extents: b × 5 × 10 numbers in 0 ..< 1.
  private func source(_ b: Int) -> Tensor<Double> {
    var stream = RandomStream(seed: 5)
    return Tensor<Double>.uniform([b, 5, 10], from: &stream)
  }

  /// A model of document 000's extents, drawn as `nn.Linear` and `nn.LSTM` draw: ±1/√width.
  private var document: Seq2Seq<Double> {
    var stream = RandomStream(seed: 0)
    func map(_ outputs: Int, _ inputs: Int, width: Int) -> AffineMap<Double> {
      func uniform(_ shape: [Int]) -> Tensor<Double> {
        Tensor<Double>.uniform(shape, from: &stream).map {
          (2 * $0 - 1) / Double(width).squareRoot()
        }
      }
      return AffineMap(weight: uniform([outputs, inputs]), bias: uniform([outputs]))
    }
    let h = 128
    func lstm(_ d: Int) -> RecurrentCell<Double> {
      .lstm(LSTM(input: map(4 * h, d, width: h), recurrent: map(4 * h, h, width: h)))
    }
    return Seq2Seq(
      encoder: .oneWay(lstm(10)),
      attention: .beforeStep(.tanhOfLinear(map(1, 2 * h, width: 2 * h))),
      decoder: lstm(10 + h), output: map(10, h, width: h))
  }

  /// The document's loop as it stands, its decoder corrected: t × 10 outputs of a target of t vectors.
  private func document000(
    _ source: Tensor<Double>, _ target: Tensor<Double>, _ p: Seq2Seq<Double>
  ) -> Tensor<Double> {
    let (b, t, v) = (target.shape[0], target.shape[1], p.output.outputs)
    var outputs = Tensor<Double>(shape: [b, t, v], repeating: 0)
    let encoding = seq2SeqEncoding(source, p.encoder)
    var state = encoding.last
    var input = Tensor(
      shape: [b, v], storage: (0..<b).flatMap { target.slice($0).slice(0).storage })
    for i in 1..<t {
      let step = seq2SeqStep(input, state, encoding, p)
      for g in 0..<b {
        for c in 0..<v { outputs[g, i, c] = step.logits[g, c] }
      }
      state = step.state
      let tokens = argmax(step.logits)
      input = Tensor(
        shape: [b, v], storage: (0..<b * v).map { tokens[$0 / v] == $0 % v ? 1 : 0 })
    }
    return outputs
  }
}

@Suite("Parameters and operands that Seq2Seq refuses")
struct Seq2SeqRefusalTests {
  @Test("parameters that do not fit each other stop the program with a sentence")
  func parameters() async {
    let kind = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = Seq2Seq(
        encoder: .oneWay(lstm(1, 2)), attention: .none, decoder: elman(1, 2),
        output: zeros(1, 2))
    }
    expectSentence(
      "a decoder that begins with the encoder's state needs an encoder that reads one way, of "
        + "2 numbers and no cell", from: kind)
    let ways = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = Seq2Seq(
        encoder: .bothWays(forward: lstm(1, 2), reverse: lstm(1, 2)), attention: .none,
        decoder: lstm(1, 2), output: zeros(1, 2))
    }
    expectSentence(
      "a decoder that begins with the encoder's state needs an encoder that reads one way, of "
        + "2 numbers and a cell", from: ways)
    let widths = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = Seq2Seq(
        encoder: .bothWays(forward: elman(1, 2), reverse: elman(3, 2)),
        start: .mapped(zeros(2, 2)), attention: .none, decoder: elman(1, 2), output: zeros(1, 2))
    }
    expectSentence("both directions must read vectors of one width: got 1 and 3", from: widths)
    let start = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = Seq2Seq(
        encoder: .oneWay(elman(1, 3)), start: .mapped(zeros(2, 2)), attention: .none,
        decoder: elman(1, 2), output: zeros(1, 2))
    }
    expectSentence(
      "the first state must be a map 2 × 3, for a decoder without a cell: got 2 × 2", from: start)
    let step = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = Seq2Seq(
        encoder: .oneWay(elman(1, 4)), attention: .beforeStep(.function(.dot)),
        decoder: elman(3, 4), output: zeros(1, 4))
    }
    expectSentence(
      "a step must take an input and a context of 4 numbers: got 3 in all", from: step)
    let score = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = Seq2Seq(
        encoder: .oneWay(elman(1, 4)), attention: .beforeStep(.tanhOfLinear(zeros(1, 4))),
        decoder: elman(6, 4), output: zeros(1, 4))
    }
    expectSentence(
      "the score of a state of 4 and a context of 4 numbers needs a weight 1 × 8: got 1 × 4",
      from: score)
    let combination = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = Seq2Seq(
        encoder: .oneWay(elman(1, 4)),
        attention: .afterStep(.function(.dot), combination: zeros(2, 4)), decoder: elman(6, 4),
        output: zeros(1, 2))
    }
    expectSentence(
      "context and state are 4 and 4 numbers: the combination's weight is 2 × 4",
      from: combination)
    let output = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = Seq2Seq(
        encoder: .oneWay(elman(1, 4)), attention: .none, decoder: elman(6, 4),
        output: zeros(1, 2))
    }
    expectSentence("the output map must take 4 numbers: got 1 × 2", from: output)
  }

  @Test("operands that do not fit stop the program with a sentence")
  func operands() async {
    let leading = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = seq2Seq(source: [[[1]]], inputs: [[1]], plain(v: 2)) }
    expectSentence(
      "inputs must have the leading dimensions of the source, 1 × 1 × 1: got 1 × 1", from: leading)
    let width = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = seq2Seq(source: [[1]], inputs: [[1, 2, 3]], plain(v: 2)) }
    expectSentence("the input of a step must be 2: got 3", from: width)
    let steps = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = greedySeq2Seq(source: [[1]], start: [1, 2], steps: -1, plain(v: 2)) }
    expectSentence("a number of steps cannot be negative: got -1", from: steps)
    let oneHot = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = greedySeq2Seq(source: [[1]], start: [1, 2], steps: 1, plain(v: 3)) }
    expectSentence(
      "a token's one-hot vector has 3 elements, but a step's input has 2", from: oneHot)
    let table = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = greedySeq2Seq(
        source: [[1]], start: [1, 2], steps: 1, plain(v: 3), feedback: .table([[1, 2]]))
    }
    expectSentence("a table of the 3 tokens must be 3 × 2: got 1 × 2", from: table)
    let cell = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let p = Seq2Seq(
        encoder: .oneWay(lstm(1, 2)), attention: .none, decoder: lstm(1, 2), output: zeros(1, 2))
      let encoding = seq2SeqEncoding([[1]], p.encoder)
      _ = seq2SeqStep([1], RecurrentState(hidden: [0, 0]), encoding, p)
    }
    expectSentence("the state of an LSTM needs a cell", from: cell)
  }
}

private func zeros(_ outputs: Int, _ inputs: Int) -> AffineMap<Double> {
  AffineMap(weight: Tensor(shape: [outputs, inputs], repeating: 0))
}

private func elman(_ d: Int, _ h: Int) -> RecurrentCell<Double> {
  .elmanRNN(ElmanRNN(input: zeros(h, d), recurrent: zeros(h, h)))
}

private func lstm(_ d: Int, _ h: Int) -> RecurrentCell<Double> {
  .lstm(LSTM(input: zeros(4 * h, d), recurrent: zeros(4 * h, h)))
}

/// A decoder without attention whose inputs have 2 elements.
private func plain(v: Int) -> Seq2Seq<Double> {
  Seq2Seq(
    encoder: .oneWay(elman(1, 4)), attention: .none, decoder: elman(2, 4), output: zeros(v, 4))
}
