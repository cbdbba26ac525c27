import Equations
import ErrorBounds
import Foundation
import Notation
import TestSupport

let translationLaws: [Law<Translating>] = [
  Law("the encoder reads each source by itself, up to its length, and hands over its last state") {
    translate, draw in
    let input = draw.translation()
    let (steps, tracked) = (translate(input), input.converted(to: RunningError.self))
    let (e, h, s) = (input.p.encoder.width, input.p.decoder.width, input.source.shape[1])
    for g in 0..<input.source.shape[0] {
      let x = tracked.source.slice(g).rows(Array(0..<input.length(g)))
      let (read, first) = encoded(x, tracked.p)
      let padded = read.followed(
        by: Tensor(shape: [s - input.length(g), e], repeating: 0))
      try expectLocal(steps.encoding.outputs.slice(g), padded, "what is read")
      try expectLocal(steps.first.hidden.slice(g), first.hidden.reshaped([h]), "the first state")
    }
  },
  Law("the state before a step asks, or the one after it: all positions the same question") {
    translate, draw in
    let input = draw.translation()
    let steps = translate(input)
    guard let (score, asking) = asking(input.p.attention, steps) else { return }
    let keys = steps.encoding.outputs
    let expected: Tensor<RunningError>
    switch score {
    case .function(let function):
      expected = scores(queries: asking.tracked, keys: keys.tracked, by: function.converted())
    case .tanhOfLinear(let map):
      var terms = Tensor<RunningError>(
        shape: asking.shape.dropLast() + [keys.shape[1]], repeating: 0)
      for g in 0..<keys.shape[0] {
        for i in 0..<asking.shape[1] {
          for j in 0..<keys.shape[1] {
            let both = asking.slice(g).slice(i).storage + keys.slice(g).slice(j).storage
            let sum = zip(map.weight.storage, both).reduce(RunningError(0)) {
              $0 + RunningError($1.0) * RunningError($1.1)
            }
            terms[g, i, j] = RunningError.tanh(sum + RunningError(map.bias?[0] ?? 0))
          }
        }
      }
      expected = terms
    }
    try expectLocal(steps.attention!.scores, expected, "the scores")
  },
  Law("weights are the softmax of the scores within a length, and sum to 1") { translate, draw in
    let input = draw.translation()
    guard let attention = translate(input).attention else { return }
    let s = input.source.shape[1]
    for g in 0..<input.source.shape[0] {
      let inside = Array(0..<input.length(g))
      let expected = softmax(attention.scores.slice(g).columns(inside).tracked)
      let zeros = Tensor<RunningError>(
        shape: [s - inside.count, expected.shape[0]], repeating: 0)
      try expectLocal(
        attention.weights.slice(g), expected.transposed.followed(by: zeros).transposed,
        "the weights")
      for i in 0..<expected.shape[0] where !inside.isEmpty {
        let sum = attention.weights.slice(g).slice(i).storage.reduce(0, +)
        try expect(abs(sum - 1) <= Double(s + 4) * 0x1p-52, "weights sum to \(sum)")
      }
    }
  },
  Law("contexts are what the encoder made of the positions, in the mean by the weights") {
    translate, draw in
    let steps = translate(draw.translation())
    guard let attention = steps.attention else { return }
    try expectLocal(
      attention.output,
      matrixProduct(attention.weights.tracked, steps.encoding.outputs.tracked), "the contexts")
  },
  Law("the states are those of one network over the inputs, each with its context behind it") {
    translate, draw in
    let input = draw.translation()
    let steps = translate(input)
    var x = input.inputs(steps)
    if case .beforeStep = input.p.attention {
      x = x.transposed.followed(by: steps.attention!.output.transposed).transposed
    }
    let (tracked, first) = (x.tracked, steps.first.tracked)
    let expected: Tensor<RunningError>
    switch input.p.decoder.converted(to: RunningError.self) {
    case .elmanRNN(let p): expected = elmanRNN(tracked, p, initial: first.hidden)
    case .lstm(let p):
      let state = LSTMState(hidden: first.hidden, cell: first.cell!)
      expected = lstm(tracked, p, initial: state)
    case .gru(let p): expected = gru(tracked, p, initial: first.hidden)
    }
    try expectLocal(steps.hidden, expected, "the states")
  },
  Law("a cell is handed over with its state") { translate, draw in
    var input = draw.translation()
    input.p = draw.lstms(input.p)
    let steps = translate(input)
    let tracked = input.converted(to: RunningError.self)
    for g in 0..<input.source.shape[0] {
      let (_, first) = encoded(
        tracked.source.slice(g).rows(Array(0..<input.length(g))), tracked.p)
      let h = input.p.decoder.width
      try expectLocal(steps.first.cell!.slice(g), first.cell!.reshaped([h]), "the first cell")
    }
  },
  Law("logits are a map of the state, after the step of the context and the state through tanh") {
    translate, draw in
    let input = draw.translation()
    let steps = translate(input)
    var combined = steps.hidden.tracked
    if case .afterStep(_, let combination) = input.p.attention {
      let both = steps.attention!.output.transposed.followed(by: steps.hidden.transposed).transposed
      combined = affineMap(both.tracked, combination.converted()).map { RunningError.tanh($0) }
    }
    try expectLocal(steps.combined, combined, "what the logits are a map of")
    try expectLocal(
      steps.logits, affineMap(steps.combined.tracked, input.p.output.converted()), "the logits")
  },
  Law("greedy steps are those that are told their own likeliest tokens") { translate, draw in
    var input = draw.translation(isGreedy: true)
    let steps = translate(input)
    try expect(steps.tokens == argmax(steps.logits), "the tokens are \(steps.tokens.storage)")
    input.task = .forced(inputs: input.inputs(steps))
    try expect(translate(input).logits == steps.logits, "told the same, it says something else")
  },
  Law("sequences have nothing to do with each other") { translate, draw in
    let input = draw.translation()
    let steps = translate(input)
    for g in 0..<input.source.shape[0] {
      let alone = translate(input.sequence(g))
      try expect(alone.logits == steps.logits.keeping(g), "sequence \(g) alone is another")
    }
  },
  Law("under document 000's score no weight is more than e² times another") { translate, draw in
    let input = draw.translation(score: "tanhOfLinear")
    guard let attention = translate(input).attention else { return }
    let s = input.source.shape[1]
    for (row, weights) in attention.weights.rowsAsArrays.enumerated() {
      let length = input.length(row / attention.weights.shape[1])
      let inside = weights.prefix(length)
      guard let largest = inside.max(), let smallest = inside.min() else { continue }
      let slack = 1 + Double(s + 20) * 0x1p-52
      try expect(largest <= exp(2) * smallest * slack, "\(largest) beside \(smallest)")
      let bound = 1 / (1 + Double(length - 1) * exp(-2))
      try expect(largest <= bound * slack, "\(largest) is beyond the bound \(bound)")
    }
  },
]

/// Throws unless a result is what one operation makes of other results, within twice its error.
private func expectLocal(
  _ got: Tensor<Double>, _ expected: Tensor<RunningError>, _ what: String
) throws {
  try expectSame(
    got, expected.map(\.value), bounds: expected.bounds, expected.bounds, what)
}

/// What an encoder makes of one source, s × e, and the first state of the decoder.
private func encoded(
  _ x: Tensor<RunningError>, _ p: Seq2Seq<RunningError>
) -> (Tensor<RunningError>, RecurrentState<RunningError>) {
  let outputs: Tensor<RunningError>
  var last: RecurrentState<RunningError>
  switch p.encoder {
  case .oneWay(let cell, .forward): (outputs, last) = read(x, cell)
  case .oneWay(let cell, .reverse): (outputs, last) = readBackwards(x, cell)
  case .bothWays(let forward, let reverse):
    let backwards = readBackwards(x, reverse)
    outputs = read(x, forward).0.transposed.followed(by: backwards.0.transposed).transposed
    last = backwards.1
  }
  if case .mapped(let map) = p.start {
    last = RecurrentState(hidden: affineMap(last.hidden, map).map { RunningError.tanh($0) })
  }
  return (outputs, last)
}

private func readBackwards(
  _ x: Tensor<RunningError>, _ cell: RecurrentCell<RunningError>
) -> (Tensor<RunningError>, RecurrentState<RunningError>) {
  let backwards = Array((0..<x.shape[0]).reversed())
  let (outputs, last) = read(x.rows(backwards), cell)
  return (outputs.rows(backwards), last)
}

/// The states at all positions of one source, step by step, and the last one.
private func read(
  _ x: Tensor<RunningError>, _ cell: RecurrentCell<RunningError>
) -> (Tensor<RunningError>, RecurrentState<RunningError>) {
  let zeros = Tensor<RunningError>(shape: [cell.width], repeating: 0)
  var state = RecurrentState(hidden: zeros, cell: cell.hasCell ? zeros : nil)
  var states: [RunningError] = []
  for t in 0..<x.shape[0] {
    switch cell {
    case .elmanRNN(let p): state.hidden = elmanRNNStep(x.slice(t), state.hidden, p)
    case .lstm(let p):
      let step = lstmStep(x.slice(t), LSTMState(hidden: state.hidden, cell: state.cell!), p)
      state = RecurrentState(hidden: step.hidden, cell: step.cell)
    case .gru(let p): state.hidden = gruStep(x.slice(t), state.hidden, p).hidden
    }
    states += state.hidden.storage
  }
  return (Tensor(shape: [x.shape[0], cell.width], storage: states), state)
}

/// The score of an attention, and the states that ask, b × t × h.
private func asking(
  _ attention: DecoderAttention<Double>, _ steps: Seq2SeqSteps<Double>
) -> (DecoderScore<Double>, Tensor<Double>)? {
  let (b, t, h) = (steps.hidden.shape[0], steps.hidden.shape[1], steps.hidden.shape[2])
  switch attention {
  case .none: return nil
  case .afterStep(let score, _): return (score, steps.hidden)
  case .beforeStep(let score):
    let before = steps.first.hidden.reshaped([b, 1, h]).followed(by: steps.hidden)
    return (score, before.rows(Array(0..<t)))
  }
}

extension RecurrentState<Double> {
  fileprivate var tracked: RecurrentState<RunningError> {
    RecurrentState<RunningError>(hidden: hidden.tracked, cell: cell?.tracked)
  }
}

extension Tensor<Double> {
  fileprivate var rowsAsArrays: [[Double]] { (0..<rows.shape[0]).map { rows.slice($0).storage } }
}

// MARK: - Inputs

extension Translation<Double> {
  /// How many positions of source g count.
  func length(_ g: Int) -> Int { lengths?.storage[g] ?? source.shape[source.rank - 2] }

  /// The inputs of all steps, b × t × y: those given, or the start and what follows from the tokens.
  func inputs(_ steps: Seq2SeqSteps<Double>) -> Tensor<Double> {
    switch task {
    case .forced(let inputs): return inputs
    case .greedy(let start, let t, let feedback):
      let (b, y) = (start.shape[0], start.shape[1])
      let rows = (0..<b).flatMap { g in
        (0..<t).flatMap { i in
          i == 0
            ? start.slice(g).storage : feedback.vector(steps.tokens[g, i - 1], p.output.outputs)
        }
      }
      return Tensor(shape: [b, t, y], storage: rows)
    }
  }

  /// One sequence as a batch of its own.
  fileprivate func sequence(_ g: Int) -> Translation {
    var alone = self
    alone.source = source.keeping(g)
    alone.lengths = lengths?.keeping(g)
    alone.task =
      switch task {
      case .forced(let inputs): .forced(inputs: inputs.keeping(g))
      case .greedy(let start, let steps, let feedback):
        .greedy(start: start.keeping(g), steps: steps, feedback: feedback)
      }
    return alone
  }
}

extension Feedback<Double> {
  /// What a token of v becomes.
  func vector(_ token: Int, _ v: Int) -> [Double] {
    switch self {
    case .oneHot: (0..<v).map { $0 == token ? 1 : 0 }
    case .table(let table): table.slice(token).storage
    }
  }
}

extension Draw {
  /// Numbers in −2 … 2, for which tanh is no constant.
  private func small(_ name: String, _ shape: [Int]) -> Tensor<Double> {
    tensor(name, shape, .ordinary).converted().map { $0 / 4 }
  }

  private func map(_ name: String, _ outputs: Int, _ inputs: Int) -> AffineMap<Double> {
    AffineMap(weight: small(name, [outputs, inputs]), bias: small(name + " bias", [outputs]))
  }

  private func cell(_ name: String, _ kind: String, _ d: Int, _ h: Int) -> RecurrentCell<Double> {
    func maps(_ gates: Int) -> (AffineMap<Double>, AffineMap<Double>) {
      (map(name + " W", gates * h, d), map(name + " U", gates * h, h))
    }
    switch kind {
    case "lstm":
      let (input, recurrent) = maps(4)
      return .lstm(LSTM(input: input, recurrent: recurrent))
    case "gru":
      let (input, recurrent) = maps(3)
      return .gru(GRU(input: input, recurrent: recurrent, form: .resetBeforeUpdateSwapped))
    default:
      let (input, recurrent) = maps(1)
      return .elmanRNN(ElmanRNN(input: input, recurrent: recurrent))
    }
  }

  private func score(_ name: String, _ h: Int, _ e: Int) -> DecoderScore<Double> {
    switch name {
    case "tanhOfLinear": .tanhOfLinear(map("score", 1, h + e))
    case "bilinear": .function(.bilinear(small("score", [e, h])))
    default:
      .function(
        .additive(
          AdditiveScore(
            key: small("score key", [2, e]), query: small("score query", [2, h]),
            vector: small("score vector", [2]))))
    }
  }

  /// The same model with LSTMs, reading one way.
  fileprivate func lstms(_ p: Seq2Seq<Double>) -> Seq2Seq<Double> {
    let h = p.decoder.width
    return Seq2Seq(
      encoder: .oneWay(
        cell("encoder", "lstm", p.encoder.inputs, h), element("way", of: Direction.allCases)),
      attention: .none, decoder: cell("decoder", "lstm", p.inputs, h),
      output: map("output", p.output.outputs, h))
  }

  fileprivate func translation(
    isGreedy: Bool? = nil, score scoreName: String? = nil
  ) -> Translation<Double> {
    let (b, s, t) = (integer("b", in: 1...2), size("s", from: 1, upTo: 4), integer("t", in: 1...3))
    let (d, v) = (integer("d", in: 1...2), integer("v", in: 2...4))
    let h = integer("h", in: 1...3)
    let isGreedy = isGreedy ?? bool("greedy")
    let isFedOneHot = isGreedy && bool("one-hot")
    let y = isFedOneHot ? v : bool("as wide as states") ? h : 2

    let kind = element("kind", of: ["lstm", "gru", "elmanRNN"])
    let isMapped = kind != "lstm" && bool("mapped")
    let isBothWays = isMapped && bool("both ways")
    let forward = cell("encoder", kind, d, isMapped ? 2 : h)
    let encoder: Seq2SeqEncoder<Double> =
      isBothWays
      ? .bothWays(forward: forward, reverse: cell("reverse", kind, d, 2))
      : .oneWay(forward, element("direction", of: Direction.allCases))
    let e = encoder.width

    let place = element("attention", of: scoreName == nil ? [1, 2, 0] : [1, 2])
    let name = scoreName ?? element("score", of: ["tanhOfLinear", "additive", "bilinear"])
    let attention: DecoderAttention<Double> =
      switch place {
      case 1: .beforeStep(score(name, h, e))
      case 2: .afterStep(score(name, h, e), combination: map("combination", 2, e + h))
      default: .none
      }
    let p = Seq2Seq(
      encoder: encoder, start: isMapped ? .mapped(map("start", h, 2)) : .encoderState,
      attention: attention, decoder: cell("decoder", kind, place == 1 ? y + e : y, h),
      output: map("output", v, place == 2 ? 2 : h))

    var source = small("source", [b, s, d])
    var lengths: Tensor<Int>?
    if bool("lengths") {
      let counts = (0..<b).map { _ in integer("length", in: 0...s) }
      lengths = Tensor(shape: [b], storage: counts)
      for g in 0..<b {
        for i in counts[g]..<s { for c in 0..<d { source[g, i, c] = .nan } }
      }
    }
    let task: StepInputs<Double> =
      isGreedy
      ? .greedy(
        start: small("start", [b, y]), steps: t,
        feedback: isFedOneHot ? .oneHot : .table(small("table", [v, y])))
      : .forced(inputs: small("inputs", [b, t, y]))
    return Translation(source: source, lengths: lengths, p: p, task: task)
  }
}
