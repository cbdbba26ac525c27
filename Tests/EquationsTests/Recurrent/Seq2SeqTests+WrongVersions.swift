import Equations
import Notation
import TestSupport

let wrongTranslations: [WrongVersion<Translating>] = Mistake.allCases.map { mistake in
  WrongVersion(mistake.rawValue) { translated($0, with: mistake) }
}

/// The same without a mistake: what the wrong versions are measured by.
let unmistakenTranslation: Translating = { translated($0, with: nil) }

/// What can be done wrong.
private enum Mistake: String, CaseIterable {
  // The encoder.
  case paddingRead = "the encoder reads what lies beyond a length"
  case directionIgnored = "the encoder reads forwards though it should read backwards"
  case positionsTurned = "what is read backwards is not put back in its place"
  case reverseFirst = "of both ways, the one that reads backwards stands first"
  case meanOfBothWays = "both ways are added and halved where they are of one width"
  // The start.
  case zeroState = "the encoder's state is not handed over"
  case zeroCell = "the encoder's cell is not handed over"
  case stateForCell = "the encoder's state stands for its cell, too"
  case forwardState = "of both ways, the state of the one that reads forwards is handed over"
  case lastPosition = "what is handed over is what stands at the last position"
  case noTanhAtStart = "the first state has no tanh"
  case startNotMapped = "the first state is not mapped where the widths are alike"
  // The attention.
  case otherState = "the new state asks before a step, or the previous one after it"
  case firstStateAsks = "the first state asks at every step"
  case cellAsks = "the cell asks instead of the state"
  case paddingSeen = "attention goes beyond a length"
  case keyBeforeState = "the score takes [e; h] where the widths are alike"
  case noTanh = "document 000's score without its tanh"
  case noScoreBias = "document 000's score without its bias"
  case noSoftmax = "weights that are the scores themselves"
  case uniform = "weights that are all alike"
  case hard = "the largest weight is 1, the others 0"
  case sharedWeights = "the weights of the first step at every step"
  case sum = "contexts are sums, not means"
  case noContext = "contexts are zeros"
  // The step.
  case contextFirst = "a step takes [c; y] instead of [y; c]"
  case stateReset = "every step begins with the first state"
  case cellReset = "every step begins with the first cell"
  case otherInput = "every step gets the input of the step before"
  case stateFirst = "[h; c] is combined instead of [c; h] where the widths are alike"
  case noTanhAfter = "what is combined has no tanh"
  case notCombined = "logits are a map of the state though it should be combined"
  case noOutputBias = "logits without their bias"
  case probabilities = "softmax of the logits"
  // The feedback.
  case logitsFedBack = "the logits themselves are fed back"
  case probabilitiesFedBack = "the softmax of the logits is fed back"
  case leastLikely = "the least likely token is fed back"
  case nextToken = "the token after the likeliest one is fed back"
  case nothingFedBack = "every step gets the start"
  case firstSequence = "all sequences get the first one's token"
  case rowOfZeros = "a row of zeros stands before the first step"
}

/// Encoder and decoder, written down sequence by sequence, with one mistake or none.
private func translated(
  _ input: Translation<Double>, with mistake: Mistake?
) -> Seq2SeqSteps<Double> {
  let (p, x, leading) = (input.p, input.source.matrices, input.source.leadingShape)
  var traces: [Trace] = []
  for g in 0..<x.shape[0] {
    var trace = encoded(x.slice(g), length: input.length(g), p, mistake)
    for i in 0..<input.count {
      let y = input.vector(g, i, traces.first ?? trace, trace, mistake)
      step(y, &trace, p, mistake)
    }
    if mistake == .rowOfZeros {
      trace.logits = [trace.logits.first!.map { _ in 0 }] + trace.logits.dropLast()
    }
    traces.append(trace)
  }

  let (s, t) = (x.shape[1], input.count)
  func joined(_ shape: [Int], _ part: (Trace) -> [Double]) -> Tensor<Double> {
    Tensor(shape: leading + shape, storage: traces.flatMap(part))
  }
  let logits = joined([t, p.output.outputs]) { $0.logits.flatMap { $0 } }
  var attention: AttentionSteps<Double>?
  switch p.attention {
  case .none: break
  case .beforeStep, .afterStep:
    let scores = joined([t, s]) { $0.scores.flatMap { $0 } }
    attention = AttentionSteps(
      scores: scores, maskedScores: scores, weights: joined([t, s]) { $0.weights.flatMap { $0 } },
      output: joined([t, p.encoder.width]) { $0.contexts.flatMap { $0 } })
  }
  let h = p.decoder.width
  let first = RecurrentState(
    hidden: joined([h]) { $0.first.hidden.storage },
    cell: p.decoder.hasCell ? joined([h]) { $0.first.cell!.storage } : nil)
  return Seq2SeqSteps(
    encoding: Seq2SeqEncoding(
      outputs: joined([s, p.encoder.width]) { $0.encoded.storage },
      keep: Tensor(shape: leading + [s], repeating: true), last: first),
    first: first, attention: attention, hidden: joined([t, h]) { $0.hidden.flatMap { $0 } },
    combined: joined([t, p.output.inputs]) { $0.combined.flatMap { $0 } }, logits: logits,
    tokens: argmax(logits))
}

/// What is computed of one sequence, a row for each step.
private struct Trace {
  var encoded: Tensor<Double>
  var length: Int
  var first: RecurrentState<Double>
  var state: RecurrentState<Double>
  var scores, weights, contexts, hidden, combined, logits: [[Double]]
}

private func vector(_ elements: [Double]) -> Tensor<Double> {
  Tensor(shape: [elements.count], storage: elements)
}

private func mapped(_ x: [Double], _ map: AffineMap<Double>) -> [Double] {
  affineMap(vector(x), map).storage
}

// MARK: - Encoder and start

private func encoded(
  _ x: Tensor<Double>, length: Int, _ p: Seq2Seq<Double>, _ mistake: Mistake?
) -> Trace {
  let count = mistake == .paddingRead ? x.shape[0] : length
  let inside = x.rows(Array(0..<count))
  func read(_ cell: RecurrentCell<Double>, _ direction: Direction) -> (
    [[Double]], RecurrentState<Double>
  ) {
    let isForward = direction == .forward || mistake == .directionIgnored
    let order = Array(isForward ? Array(0..<count) : (0..<count).reversed())
    let zeros = vector(Array(repeating: 0, count: cell.width))
    var state = RecurrentState(hidden: zeros, cell: cell.hasCell ? zeros : nil)
    var rows = Array(repeating: zeros.storage, count: x.shape[0])
    for (k, at) in order.enumerated() {
      state = recurrentStep(inside.slice(at), state, cell)
      rows[mistake == .positionsTurned ? k : at] = state.hidden.storage
    }
    return (rows, state)
  }

  var rows: [[Double]]
  var last: RecurrentState<Double>
  switch p.encoder {
  case .oneWay(let cell, let direction): (rows, last) = read(cell, direction)
  case .bothWays(let forward, let reverse):
    let (there, back) = (read(forward, .forward), read(reverse, .reverse))
    rows = zip(there.0, back.0).map { there, back in
      switch mistake {
      case .reverseFirst: back + there
      case .meanOfBothWays where there.count == back.count:
        (0..<2).flatMap { _ in zip(there, back).map { ($0 + $1) / 2 } }
      default: there + back
      }
    }
    last =
      mistake == .forwardState && there.1.hidden.shape == back.1.hidden.shape
      ? there.1 : back.1
  }
  if mistake == .lastPosition, let row = rows.last {
    last.hidden = vector(Array(row.suffix(last.hidden.count)))
  }
  if case .mapped(let map) = p.start {
    let isMapped = mistake != .startNotMapped || map.inputs != map.outputs
    let h = isMapped ? mapped(last.hidden.storage, map) : last.hidden.storage
    last.hidden = activate(vector(h), mistake == .noTanhAtStart ? .identity : .tanh)
  }
  switch mistake {
  case .zeroState: last.hidden = last.hidden.map { _ in 0 }
  case .zeroCell: last.cell = last.cell.map { $0.map { _ in 0 } }
  case .stateForCell: last.cell = last.cell.map { _ in last.hidden }
  default: break
  }
  return Trace(
    encoded: Tensor(shape: [x.shape[0], p.encoder.width], storage: rows.flatMap { $0 }),
    length: length, first: last, state: last, scores: [], weights: [], contexts: [], hidden: [],
    combined: [], logits: [])
}

// MARK: - Steps

private func step(
  _ y: [Double], _ trace: inout Trace, _ p: Seq2Seq<Double>, _ mistake: Mistake?
) {
  let before = trace.state
  func network(_ x: [Double]) -> RecurrentState<Double> {
    var state = before
    if mistake == .stateReset { state = trace.first }
    if mistake == .cellReset { state.cell = trace.first.cell }
    return recurrentStep(vector(x), state, p.decoder)
  }
  var combined: [Double]
  switch p.attention {
  case .none:
    trace.state = network(y)
    combined = trace.state.hidden.storage
  case .beforeStep(let score):
    // The new state can ask only once there is one: a step with the context of the previous.
    var asking = before
    if mistake == .otherState {
      var draft = trace
      attend(before, &draft, score, mistake)
      asking = network(y + draft.contexts.last!)
    }
    attend(asking, &trace, score, mistake)
    let context = trace.contexts.last!
    trace.state = network(mistake == .contextFirst ? context + y : y + context)
    combined = trace.state.hidden.storage
  case .afterStep(let score, let combination):
    trace.state = network(y)
    attend(mistake == .otherState ? before : trace.state, &trace, score, mistake)
    let (context, h) = (trace.contexts.last!, trace.state.hidden.storage)
    let isTurned = mistake == .stateFirst && context.count == h.count
    combined = mapped(isTurned ? h + context : context + h, combination)
    if mistake != .noTanhAfter { combined = activate(vector(combined), .tanh).storage }
    if mistake == .notCombined && combined.count == h.count { combined = h }
  }
  var output = p.output
  if mistake == .noOutputBias { output.bias = nil }
  let logits = vector(mapped(combined, output))
  trace.hidden.append(trace.state.hidden.storage)
  trace.combined.append(combined)
  trace.logits.append((mistake == .probabilities ? softmax(logits) : logits).storage)
}

private func attend(
  _ state: RecurrentState<Double>, _ trace: inout Trace, _ score: DecoderScore<Double>,
  _ mistake: Mistake?
) {
  let (s, e) = (trace.encoded.shape[0], trace.encoded.shape[1])
  var h = mistake == .firstStateAsks ? trace.first.hidden : state.hidden
  if mistake == .cellAsks, let cell = state.cell { h = cell }
  let energies: [Double]
  switch score {
  case .function(let function):
    let q = h.reshaped([1, h.count])
    // Queries and keys exchanged, where they fit.
    let isTurned = mistake == .keyBeforeState && h.count == e
    energies =
      isTurned
      ? scores(queries: trace.encoded, keys: q, by: function).storage
      : scores(queries: q, keys: trace.encoded, by: function).storage
  case .tanhOfLinear(var map):
    if mistake == .noScoreBias { map.bias = nil }
    energies = (0..<s).map { j in
      let key = trace.encoded.slice(j).storage
      let isTurned = mistake == .keyBeforeState && h.count == e
      let linear = affineMap(vector(isTurned ? key + h.storage : h.storage + key), map)
      return activate(linear, mistake == .noTanh ? .identity : .tanh)[0]
    }
  }
  let count = mistake == .paddingSeen ? s : trace.length
  let inside = vector(Array(energies.prefix(count)))
  var weights = softmax(inside)
  switch mistake {
  case .noSoftmax: weights = inside
  case .uniform: weights = inside.map { _ in 1 / Double(count) }
  case .hard where count > 0:
    let best = argmax(inside).storage[0]
    weights = vector((0..<count).map { $0 == best ? 1 : 0 })
  case .sharedWeights:
    if let first = trace.weights.first { weights = vector(Array(first.prefix(count))) }
  default: break
  }
  var context = (0..<e).map { c in
    (0..<count).reduce(0) { $0 + weights[$1] * trace.encoded[$1, c] }
  }
  if mistake == .sum { context = context.map { $0 * Double(count) } }
  if mistake == .noContext { context = context.map { _ in 0 } }
  trace.scores.append(energies)
  trace.weights.append(weights.storage + Array(repeating: 0, count: s - count))
  trace.contexts.append(context)
}

// MARK: - Inputs of steps

extension Translation<Double> {
  fileprivate var count: Int {
    switch task {
    case .forced(let inputs): inputs.shape[inputs.rank - 2]
    case .greedy(_, let steps, _): steps
    }
  }

  /// The input of step i of sequence g.
  fileprivate func vector(
    _ g: Int, _ i: Int, _ firstTrace: Trace, _ trace: Trace, _ mistake: Mistake?
  ) -> [Double] {
    switch task {
    case .forced(let inputs):
      return inputs.matrices.slice(g).slice(mistake == .otherInput ? max(i - 1, 0) : i).storage
    case .greedy(let start, _, let feedback):
      let begin = start.rows.slice(g).storage
      let known = mistake == .firstSequence && firstTrace.logits.count > i ? firstTrace : trace
      guard i > 0, mistake != .nothingFedBack else { return begin }
      let isLate = mistake == .otherInput
      if isLate && i == 1 { return begin }
      let row = known.logits[isLate ? i - 2 : i - 1]
      let logits = Tensor(shape: [row.count], storage: row)
      let v = p.output.outputs
      func mean(_ weights: [Double]) -> [Double] {
        let vectors = (0..<v).map { feedback.vector($0, v) }
        return begin.indices.map { c in (0..<v).reduce(0) { $0 + weights[$1] * vectors[$1][c] } }
      }
      switch mistake {
      case .logitsFedBack: return mean(row)
      case .probabilitiesFedBack: return mean(softmax(logits).storage)
      case .leastLikely: return feedback.vector(argmax(logits.map { -$0 }).storage[0], v)
      case .nextToken: return feedback.vector((argmax(logits).storage[0] + 1) % v, v)
      default: return feedback.vector(argmax(logits).storage[0], v)
      }
    }
  }
}
