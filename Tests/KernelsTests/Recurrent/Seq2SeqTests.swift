import Equations
import ErrorBounds
import Kernels
import Notation
import Specification
import TestSupport
import Testing

@Suite("Seq2Seq kernel")
struct Seq2SeqKernelTests {
  @Test(
    "encoder, attention and decoder agree with the golden vectors, step by step",
    arguments: try GoldenCase.all(of: "seq2Seq"))
  func golden(_ vector: GoldenCase) throws {
    try compare(
      try vector.translated(inputs: try vector.input("inputs")!), with: vector, got: nil)
  }

  @Test(
    "greedy steps agree with the golden vectors", arguments: try GoldenCase.all(of: "greedySeq2Seq")
  )
  func goldenGreedy(_ vector: GoldenCase) throws {
    let (start, t) = (try vector.input("start")!, vector.attributes.integer(needed: "steps"))
    let feedback = try vector.input("table").map { Feedback.table($0) } ?? .oneHot
    let input = try vector.translated(inputs: start)
    let got = input.greedy(steps: t, feedback)
    #expect(got.tokens == (try vector.expectedIntegers("tokens")))
    let told = input.told(got.tokens, feedback)
    try compare(told, with: vector, got: got)
  }

  private func compare(
    _ input: Translated, with vector: GoldenCase, got given: Seq2SeqSteps<Float>?
  ) throws {
    let got = given ?? input.kernel()
    let bounds = input.finite.bounds
    /// Compares what the vector has of the steps: not every one has all intermediates.
    func check(_ name: String, _ got: Tensor<Float>?, _ bound: Tensor<Double>?) throws {
      guard let expected = try vector.expected(name) else { return }
      let (got, gauged) = (try #require(got), try vector.bound(name, unit: Float.unitRoundoff))
      try ErrorGauge(got: got, expected: expected, bound: try #require(bound))
      try ErrorGauge(got: got, expected: expected, bound: gauged)
    }
    try check("encoded", got.encoding.outputs, bounds.encoding.outputs)
    try check("firstHidden", got.first.hidden, bounds.first.hidden)
    try check("scores", got.attention?.scores, bounds.attention?.scores)
    try check("weights", got.attention?.weights, bounds.attention?.weights)
    try check("contexts", got.attention?.output, bounds.attention?.output)
    try check("hidden", got.hidden, bounds.hidden)
    try check("combined", got.combined, bounds.combined)
    try check("logits", got.logits, bounds.logits)
  }

  @Test("the kernel agrees with the equation, whatever networks, scores, start and lengths")
  func agreement() throws {
    try checkProperty("seq2Seq agreement", cases: 200) { draw in
      let input = draw.translated()
      let (expected, bounds) = (input.equation, input.bounds)
      let got = input.kernel()
      let largest = bounds.logits.storage.max() ?? .infinity
      draw.cover("every logit is bounded by 1/100", largest < 0.01, atLeast: 0.3)
      try ErrorGauge(
        got: got.encoding.outputs, expected: expected.encoding.outputs,
        bound: bounds.encoding.outputs)
      if let steps = got.attention, let attention = expected.attention {
        let bounds = bounds.attention!
        try ErrorGauge(
          got: steps.maskedScores, expected: attention.maskedScores, bound: bounds.maskedScores)
        try ErrorGauge(got: steps.weights, expected: attention.weights, bound: bounds.weights)
        try ErrorGauge(got: steps.output, expected: attention.output, bound: bounds.output)
      }
      try ErrorGauge(got: got.hidden, expected: expected.hidden, bound: bounds.hidden)
      try ErrorGauge(
        got: fenced { input.kernel().logits }, expected: expected.logits, bound: bounds.logits)
    }
  }

  @Test("greedy steps are those that are told their own likeliest tokens, to the bit")
  func greedy() throws {
    try checkProperty("seq2Seq greedy", cases: 100) { draw in
      let input = draw.translated()
      let (b, t, width) = (input.inputs.shape[0], input.inputs.shape[1], input.inputs.shape[2])
      guard t > 0 else { return }
      var stream = RandomStream(seed: 3)
      let table = Tensor<Double>.normal([input.p.output.outputs, width], from: &stream)
      var start = input
      start.inputs = Tensor(
        shape: [b, width],
        storage: (0..<b).flatMap { g in (0..<width).map { input.inputs[g, 0, $0] } })
      let got = start.greedy(steps: t, .table(table))
      let told = start.told(got.tokens, .table(table)).kernel()
      try expectSameBits(got.logits, told.logits)
      try expectSameBits(got.hidden, told.hidden)
      try expectSameBits(got.combined, told.combined)
      if let steps = got.attention { try expectSameBits(steps.weights, told.attention!.weights) }
    }
  }

  @Test("one step after the other has the bits of all steps at once, and so has a sequence alone")
  func single() throws {
    try checkProperty("seq2Seq steps", cases: 60) { draw in
      let input = draw.translated()
      let all = input.kernel()
      let (b, t) = (input.inputs.shape[0], input.inputs.shape[1])
      var state = all.first
      for i in 0..<t {
        let y = Tensor(
          shape: [b, input.p.inputs],
          storage: (0..<b).flatMap { input.inputs.slice($0).slice(i).storage })
        let step = Kernels::seq2SeqStep(
          y.converted(), state, all.encoding, input.p.converted())
        state = step.state
        for g in 0..<b {
          try expectSameBits(step.logits.slice(g), all.logits.slice(g).slice(i))
        }
      }
      for g in 0..<b {
        let alone = Kernels::seq2Seq(
          source: input.source.slice(g).converted(), inputs: input.inputs.slice(g).converted(),
          input.p.converted(), lengths: Tensor(shape: [], storage: [input.lengths.storage[g]]))
        try expectSameBits(alone, all.logits.slice(g))
      }
    }
  }

  @Test("what lies beyond a source's length may be NaN, and other sequences too")
  func poison() throws {
    try checkProperty("seq2Seq poison", cases: 60) { draw in
      let input = draw.translated()
      let clean = input.kernel().logits
      var poisoned = input
      for g in 0..<input.source.shape[0] {
        let first = g == 0 ? input.lengths.storage[0] : 0
        for j in first..<input.source.shape[1] {
          for c in 0..<input.source.shape[2] { poisoned.source[g, j, c] = .nan }
        }
      }
      try expectSameBits(poisoned.kernel().logits.slice(0), clean.slice(0))
    }
  }

  @Test("one thread and more give the same bits, and so do packed weights")
  func threads() throws {
    var stream = RandomStream(seed: 31)
    func map(_ outputs: Int, _ inputs: Int) -> AffineMap<Float> {
      AffineMap(
        weight: Tensor<Float>.normal([outputs, inputs], from: &stream).map {
          $0 / Float(inputs).squareRoot()
        })
    }
    let h = 96
    let score = AdditiveScore<Float>(
      key: map(h, h).weight, query: map(h, h).weight, vector: .normal([h], from: &stream))
    let p = Seq2Seq<Float>(
      encoder: .oneWay(.gru(GRU(input: map(3 * h, 40), recurrent: map(3 * h, h)))),
      attention: .beforeStep(.function(.additive(score))),
      decoder: .gru(GRU(input: map(3 * h, 33 + h), recurrent: map(3 * h, h))),
      output: map(700, h))
    let source = Tensor<Float>.normal([17, 21, 40], from: &stream)
    let inputs = Tensor<Float>.normal([17, 5, 33], from: &stream)
    func translate(_ count: Int) -> Tensor<Float> {
      Threads.$count.withValue(count) { Kernels::seq2Seq(source: source, inputs: inputs, p) }
    }
    let one = translate(1)
    for count in [2, 2, 5] { try expectSameBits(translate(count), one) }
    try expectSameBits(Kernels::seq2Seq(source: source, inputs: inputs, p.packed()), one)
  }

  @Test("the kernel refuses what the equation refuses, in the same words")
  func shapes() async throws {
    let width = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = Kernels::seq2Seq(source: [[1]], inputs: [[1, 2]], smallest) }
    expectSentence("the input of a step must be 1: got 2", from: width)
    let feedback = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = Kernels::greedySeq2Seq(source: [[1]], start: [1], steps: 2, smallest) }
    expectSentence(
      "a token's one-hot vector has 2 elements, but a step's input has 1", from: feedback)
  }
}

/// A model of one unit and two tokens.
private let smallest = Seq2Seq<Float>(
  encoder: .oneWay(
    .elmanRNN(
      ElmanRNN(input: AffineMap(weight: [[1]]), recurrent: AffineMap(weight: [[1]])))),
  attention: .none,
  decoder: .elmanRNN(
    ElmanRNN(input: AffineMap(weight: [[1]]), recurrent: AffineMap(weight: [[1]]))),
  output: AffineMap(weight: [[1], [2]]))

/// Sources, what the steps get, and the model; all numbers are exact in Float.
private struct Translated {
  var source: Tensor<Double>
  var inputs: Tensor<Double>
  var lengths: Tensor<Int>
  var p: Seq2Seq<Double>

  func kernel() -> Seq2SeqSteps<Float> {
    Kernels::seq2SeqSteps(
      source: source.converted(), inputs: inputs.converted(), p.converted(), lengths: lengths)
  }

  /// Greedy steps, the inputs being the start.
  func greedy(steps: Int, _ feedback: Feedback<Double>) -> Seq2SeqSteps<Float> {
    Kernels::greedySeq2Seq(
      source: source.converted(), start: inputs.converted(), steps: steps, p.converted(),
      feedback: feedback.converted(), lengths: lengths)
  }

  /// The start, and then what the tokens become, as the inputs of all steps.
  func told(_ tokens: Tensor<Int>, _ feedback: Feedback<Double>) -> Translated {
    let (b, t, width) = (inputs.rows.shape[0], tokens.shape.last!, p.inputs)
    var told = self
    told.inputs = Tensor(
      shape: inputs.shape.dropLast() + [t, width],
      storage: (0..<b).flatMap { g in
        (0..<t).flatMap { i -> [Double] in
          if i == 0 { return inputs.rows.slice(g).storage }
          let token = tokens.storage[g * t + i - 1]
          return switch feedback {
          case .oneHot: (0..<width).map { $0 == token ? 1 : 0 }
          case .table(let table): table.slice(token).storage
          }
        }
      })
    return told
  }

  var equation: Seq2SeqSteps<Double> {
    Equations::seq2SeqSteps(source: source, inputs: inputs, p, lengths: lengths)
  }

  var bounds: Seq2SeqSteps<Double> {
    seq2SeqBounds(source: source, inputs: inputs, p, lengths: lengths)
  }

  /// The same with 0 for NaN and infinities.
  var finite: Translated {
    Translated(source: source.finite, inputs: inputs.finite, lengths: lengths, p: p)
  }
}

extension Draw {
  /// Any model, of which the numbers are drawn from one seed.
  fileprivate func translated() -> Translated {
    var stream = RandomStream(seed: UInt64(integer("seed", in: 0...999)))
    func numbers(_ shape: [Int], over root: Int = 1) -> Tensor<Double> {
      Tensor<Double>.normal(shape, from: &stream).map {
        Double(Float($0 / Double(max(root, 1)).squareRoot()))
      }
    }
    func map(_ outputs: Int, _ inputs: Int) -> AffineMap<Double> {
      AffineMap(weight: numbers([outputs, inputs], over: inputs), bias: numbers([outputs]))
    }
    func cell(_ kind: String, _ d: Int, _ h: Int) -> RecurrentCell<Double> {
      switch kind {
      case "Elman": .elmanRNN(ElmanRNN(input: map(h, d), recurrent: map(h, h)))
      case "LSTM": .lstm(LSTM(input: map(4 * h, d), recurrent: map(4 * h, h)))
      default:
        .gru(
          GRU(
            input: map(3 * h, d), recurrent: map(3 * h, h),
            form: element("form", of: GRUForm.allCases)))
      }
    }
    let (b, s, t) = (integer("b", in: 1...3), size("s", upTo: 20), size("t", upTo: 4))
    let (d, width) = (size("d", from: 1, upTo: 9), size("width", from: 1, upTo: 9))
    let kind = element("cell", of: ["Elman", "GRU", "LSTM"])
    let half = size("h", from: 1, upTo: 18, blocks: [16])
    let isBothWays = kind != "LSTM" && bool("both ways")
    let encoder: Seq2SeqEncoder<Double> =
      isBothWays
      ? .bothWays(forward: cell(kind, d, half), reverse: cell(kind, d, half))
      : .oneWay(cell(kind, d, half), element("direction", of: Direction.allCases))
    let e = encoder.width
    let attention = element("attention", of: ["none", "before", "after"])
    let name = element("score", of: ["dot", "scaled", "bilinear", "additive", "concat", "linear"])
    let h = isBothWays && name != "dot" && name != "scaled" ? half + 1 : e
    let a = size("a", from: 1, upTo: 18)
    let score: DecoderScore<Double> =
      switch name {
      case "dot": .function(.dot)
      case "scaled": .function(.scaledDot)
      case "bilinear": .function(.bilinear(numbers([e, h], over: h)))
      case "additive":
        .function(
          .additive(
            AdditiveScore(
              key: numbers([a, e], over: e), query: numbers([a, h], over: h), vector: numbers([a])))
        )
      case "concat":
        .function(.concat(weight: numbers([a, h + e], over: h + e), vector: numbers([a])))
      default: .tanhOfLinear(map(1, h + e))
      }
    let read = attention == "after" ? size("combined", from: 1, upTo: 18) : h
    let p = Seq2Seq(
      encoder: encoder, start: isBothWays ? .mapped(map(h, half)) : .encoderState,
      attention: attention == "none"
        ? .none
        : attention == "before"
          ? .beforeStep(score) : .afterStep(score, combination: map(read, e + h)),
      decoder: cell(kind, attention == "before" ? width + e : width, h),
      output: map(size("v", from: 1, upTo: 40, blocks: [16]), read))
    return Translated(
      source: numbers([b, s, d]), inputs: numbers([b, t, width]),
      lengths: Tensor(shape: [b], storage: (0..<b).map { integer("length \($0)", in: 0...s) }), p: p
    )
  }
}

// MARK: - Reading the vectors

extension GoldenCase {
  fileprivate func translated(inputs: Tensor<Double>) throws -> Translated {
    let source = try input("source")!
    let all = Tensor(shape: source.leadingShape, repeating: source.shape[source.rank - 2])
    return Translated(
      source: source, inputs: inputs, lengths: try integers("lengths") ?? all, p: try seq2Seq)
  }
}
