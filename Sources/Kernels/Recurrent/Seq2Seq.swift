import Notation

/// From one sequence to another: an encoder reads, and a decoder writes step by step what is given to
/// it as the input of each step.
///
/// Differs from the equation in the order of operations. All sequences take a step side by side. What
/// does not change from step to step is prepared once: all weights are packed, and what an additive
/// score makes of the keys is kept. Where no step waits for the attention of the one before, in `none`
/// and `afterStep`, contexts and logits of all steps are computed at once.
///
/// Error: see `ErrorBounds`. Equation: `Equations/Recurrent/Seq2Seq.swift`.
///
/// - Parameters:
///   - source: … × s × d.
///   - inputs: y, what each step gets, … × t × width.
///   - p: The parameters.
///   - lengths: How many positions of each source count, … ; all s unless given.
/// - Returns: Logits, … × t × v.
public func seq2Seq(
  source: Tensor<Float>, inputs: Tensor<Float>, _ p: Seq2Seq<Float>, lengths: Tensor<Int>? = nil
) -> Tensor<Float> {
  seq2SeqSteps(source: source, inputs: inputs, p, lengths: lengths).logits
}

/// The same with everything that is computed on the way.
public func seq2SeqSteps(
  source: Tensor<Float>, inputs: Tensor<Float>, _ p: Seq2Seq<Float>, lengths: Tensor<Int>? = nil
) -> Seq2SeqSteps<Float> {
  checkInputs(inputs, source: source)
  let t = inputs.shape[inputs.rank - 2]
  return decoded(source, p, lengths, count: t, given: inputs, feedback: nil)
}

/// From one sequence to another, each step getting the token that the last one found likeliest.
///
/// Differs from the equation as `seq2Seq` does; the logits of a step are computed before the next.
///
/// - Parameters:
///   - source: … × s × d.
///   - start: y_0, … × width.
///   - t: How many steps are made.
///   - p: The parameters.
///   - feedback: What becomes of a token.
///   - lengths: How many positions of each source count, … ; all s unless given.
/// - Returns: Everything that is computed.
public func greedySeq2Seq(
  source: Tensor<Float>, start: Tensor<Float>, steps t: Int, _ p: Seq2Seq<Float>,
  feedback: Feedback<Float> = .oneHot, lengths: Tensor<Int>? = nil
) -> Seq2SeqSteps<Float> {
  p.check(feedback, steps: t)
  return decoded(source, p, lengths, count: t, given: start, feedback: feedback)
}

/// What the encoder makes of a source, and the state that it ends with.
///
/// - Parameters:
///   - source: … × s × d.
///   - encoder: The encoder.
///   - lengths: How many positions of each source count, … ; all s unless given.
public func seq2SeqEncoding(
  _ source: Tensor<Float>, _ encoder: Seq2SeqEncoder<Float>, lengths: Tensor<Int>? = nil
) -> Seq2SeqEncoding<Float> {
  func read(
    _ cell: RecurrentCell<Float>, _ direction: Direction
  ) -> (hidden: Tensor<Float>, last: RecurrentState<Float>) {
    let shape = RecurrenceShape(source, cell.gate, initial: [], lengths: lengths)
    return run(.sequences(source), cell, RecurrentRows(shape, direction), nil)
  }
  let outputs: Tensor<Float>
  let last: RecurrentState<Float>
  switch encoder {
  case .oneWay(let cell, let direction): (outputs, last) = read(cell, direction)
  case .bothWays(let forward, let reverse):
    let backwards = read(reverse, .reverse)
    (outputs, last) = (sideBySide(read(forward, .forward).hidden, backwards.hidden), backwards.last)
  }
  return Seq2SeqEncoding(outputs: outputs, lengths: lengths, last: last)
}

/// One step of the decoder, which packs weights and prepares keys for itself alone.
///
/// - Parameters:
///   - y: The input of the step, … × width.
///   - state: The state before.
///   - encoding: What the encoder made of the source.
///   - p: The parameters.
public func seq2SeqStep(
  _ y: Tensor<Float>, _ state: RecurrentState<Float>, _ encoding: Seq2SeqEncoding<Float>,
  _ p: Seq2Seq<Float>
) -> Seq2SeqStep<Float> {
  let (steps, next) = decoded(
    encoding, p, count: 1, from: state, given: y.reshaped(y.shape.dropLast() + [1, y.shape.last!]),
    feedback: nil)
  func ofStep(_ x: Tensor<Float>) -> Tensor<Float> {
    x.reshaped(x.leadingShape + [x.shape.last!])
  }
  return Seq2SeqStep(
    state: next, attention: steps.attention, combined: ofStep(steps.combined),
    logits: ofStep(steps.logits))
}

/// Encoder, first state, and so many steps.
private func decoded(
  _ source: Tensor<Float>, _ p: Seq2Seq<Float>, _ lengths: Tensor<Int>?, count t: Int,
  given y: Tensor<Float>, feedback: Feedback<Float>?
) -> Seq2SeqSteps<Float> {
  let encoding = seq2SeqEncoding(source, p.encoder, lengths: lengths)
  let first =
    switch p.start {
    case .encoderState: encoding.last
    case .mapped(let map):
      RecurrentState(hidden: affineMap(encoding.last.hidden, map, activation: .tanh))
    }
  return decoded(encoding, p, count: t, from: first, given: y, feedback: feedback).steps
}

/// So many steps from a state on, and the state after the last one.
///
/// - Parameter given: What each step gets, … × t × width, or with feedback what the first one does,
///   … × width.
private func decoded(
  _ encoding: Seq2SeqEncoding<Float>, _ p: Seq2Seq<Float>, count t: Int,
  from first: RecurrentState<Float>, given: Tensor<Float>, feedback: Feedback<Float>?
) -> (steps: Seq2SeqSteps<Float>, last: RecurrentState<Float>) {
  let leading = encoding.outputs.leadingShape
  let (s, width) = (encoding.keep.shape.last!, p.inputs)
  if t > 0 {
    let step = feedback == nil ? given.leadingShape + [given.shape.last!] : given.shape
    p.check(encoding, input: step)
  }
  let rows = RecurrentRows(
    RecurrenceShape(
      p.decoder.gate, leading: leading, positions: t, states: [first.hidden, first.cell]), .forward)
  var shapes = [[t, p.output.outputs]]
  if p.attention.score != nil { shapes += [[t, s], [t, s], [t, s], [t, p.encoder.width]] }
  if p.attention.combination != nil { shapes.append([t, p.output.inputs]) }
  shapes = shapes.map { leading + $0 }

  let known = RecurrentInput.sequences(given)
  var result: (hidden: Tensor<Float>, last: RecurrentState<Float>)?
  let records = [Float].written(shapes.map { $0.reduce(1, *) }) { records in
    DecoderSteps.with(encoding, p, steps: t, writing: records) { decoder in
      given.storage.withMemory { given in
        let computed = RecurrentInput.computed { i, states, inputs in
          if feedback != nil && i > 0 { decoder.finish(i - 1, states) }
          if decoder.asksBefore { decoder.attend(i, states) }
          for g in 0..<decoder.sequences {
            let input = inputs.part(g * p.decoder.inputs, p.decoder.inputs)
            let own = input.part(0, width)
            switch feedback {
            case nil: own.copy(given.part((g * t + i) * width, width))
            case .some where i == 0: own.copy(given.part(g * width, width))
            case .oneHot:
              own.fill(0)
              own[decoder.token(g, i - 1)] = 1
            case .table(let table):
              table.storage.withMemory {
                own.copy($0.part(decoder.token(g, i - 1) * width, width))
              }
            }
            if decoder.asksBefore { input.from(width).copy(decoder.context(g, i)) }
          }
        }
        result = run(
          feedback == nil && !decoder.asksBefore ? known : computed, p.decoder, rows, first)
      }
      if t == 0 { return }
      let (hidden, last) = result!
      if feedback == nil {
        hidden.storage.withMemory { decoder.finish(nil, $0) }
      } else {
        last.hidden.storage.withMemory { decoder.finish(t - 1, $0) }
      }
    }
  }
  let tensors = zip(shapes, records).map { Tensor(shape: $0, storage: $1) }
  let hidden = result!.hidden
  let steps = Seq2SeqSteps(
    encoding: encoding, first: first,
    attention: p.attention.score.map { _ in
      AttentionSteps(
        scores: tensors[1], maskedScores: tensors[2], weights: tensors[3], output: tensors[4])
    },
    hidden: hidden, combined: p.attention.combination.map { _ in tensors[5] } ?? hidden,
    logits: tensors[0], tokens: argmax(tensors[0]))
  return (steps, result!.last)
}

/// What a decoder computes around its network, and where it is written.
private struct DecoderSteps: Sendable {
  let sequences: Int
  /// Whether the state before a step asks.
  let asksBefore: Bool
  private let steps: Int
  private let width: Int
  private let attention: SourceAttention?
  private let combination: AffineMap<Float>?
  private let output: AffineMap<Float>
  private let logits: Memory<Float>  // sequences × t × v
  private let combined: Memory<Float>  // sequences × t × what the logits are a map of

  /// Prepares everything that is the same in all steps.
  static func with(
    _ encoding: Seq2SeqEncoding<Float>, _ p: Seq2Seq<Float>, steps t: Int,
    writing records: [Memory<Float>], _ body: (DecoderSteps) -> Void
  ) {
    var asksBefore = false
    if case .beforeStep = p.attention { asksBefore = true }
    func prepared(_ attention: SourceAttention?) -> DecoderSteps {
      DecoderSteps(
        sequences: encoding.outputs.leadingShape.reduce(1, *), asksBefore: asksBefore, steps: t,
        width: p.decoder.width, attention: attention, combination: p.attention.combination?.ready,
        output: p.output.ready, logits: records[0], combined: records.last!)
    }
    guard let score = p.attention.score else { return body(prepared(nil)) }
    let parts = ScoreParts(score, width: p.decoder.width, encoding: encoding)
    SourceAttention.with(parts, encoding, writing: Array(records[1...4])) { body(prepared($0)) }
  }

  /// Asks the source for a step of all sequences, or for all steps.
  func attend(_ step: Int?, _ states: Memory<Float>) {
    let (rows, t) = (rows(of: step), steps)
    attention!.attend(states, rows: rows) { row in
      let place = step.map { row * t + $0 } ?? row
      return (sequence: place / t, place: place)
    }
  }

  /// Writes the logits after a step of all sequences, or after all steps, and what they are a map of.
  func finish(_ step: Int?, _ states: Memory<Float>) {
    guard let combination else { return map(states, by: output, of: step, into: logits) }
    attend(step, states)
    let (rows, e) = (rows(of: step), attention!.width)
    Workspace.with(rows * (e + width)) { pairs in
      for row in 0..<rows {
        let pair = pairs.part(row * (e + width), e + width)
        pair.part(0, e).copy(attention!.context(step.map { row * steps + $0 } ?? row))
        pair.from(e).copy(states.part(row * width, width))
      }
      map(pairs, by: combination, activation: .tanh, of: step, into: combined) {
        map($0, by: output, of: step, into: logits)
      }
    }
  }

  /// Maps the rows of a step, or of all steps, to their places, and calls `body` with the mapped rows.
  private func map(
    _ x: Memory<Float>, by map: AffineMap<Float>, activation: Activation = .identity,
    of step: Int?, into y: Memory<Float>, _ body: (Memory<Float>) -> Void = { _ in }
  ) {
    let (rows, width) = (rows(of: step), map.outputs)
    Workspace.with(step == nil ? 0 : rows * width) { ofStep in
      let mapped = step == nil ? y : ofStep
      map.withProduct(x, rows: rows, activation: activation, into: mapped) { Product.compute([$0]) }
      if let step {
        for g in 0..<rows {
          y.part((g * steps + step) * width, width).copy(mapped.part(g * width, width))
        }
      }
      body(mapped)
    }
  }

  /// The likeliest token after a step.
  func token(_ g: Int, _ step: Int) -> Int {
    indexOfLargest(logits.part((g * steps + step) * output.outputs, output.outputs))
  }

  /// What a step gets of the source.
  func context(_ g: Int, _ step: Int) -> Memory<Float> { attention!.context(g * steps + step) }

  private func rows(of step: Int?) -> Int { step == nil ? sequences * steps : sequences }
}

extension AffineMap<Float> {
  /// The same map, packed if it was not.
  fileprivate var ready: AffineMap { packed == nil ? packed() : self }
}

/// A score taken apart: s = k · (U q + b), or s = v · tanh(W k + U q + b).
private struct ScoreParts {
  /// U and b; the state itself if `nil`.
  var query: AffineMap<Float>?
  /// W; the key itself, times `factor`, if `nil`.
  var key: Tensor<Float>?
  var factor: Float = 1
  /// v, if there is a tanh.
  var vector: Tensor<Float>?

  /// How many numbers meet.
  let width: Int

  init(_ score: DecoderScore<Float>, width h: Int, encoding: Seq2SeqEncoding<Float>) {
    let keys = encoding.outputs.shape
    let e = keys.last!
    /// The columns of a weight for the state, and those for the key.
    func halves(_ weight: Tensor<Float>) -> (Tensor<Float>, Tensor<Float>) {
      let rows = (0..<weight.shape[0]).map { weight.slice($0).storage }
      return (
        Tensor(shape: [rows.count, h], storage: rows.flatMap { $0.prefix(h) }),
        Tensor(shape: [rows.count, e], storage: rows.flatMap { $0.suffix(e) })
      )
    }
    switch score {
    case .function(let function):
      _ = ScoreShape(queries: keys.dropLast(2) + [1, h], keys: keys, by: function)
      switch function {
      case .dot: width = e
      case .scaledDot:
        width = e
        factor = Float(ScoreScale.rootKeyWidth.factor(keyWidth: e))
      case .bilinear(let w):
        width = e
        query = AffineMap(weight: w)
      case .additive(let score):
        width = score.vector.count
        (query, key, vector) = (AffineMap(weight: score.query), score.key, score.vector)
      case .concat(let both, let v):
        width = v.count
        let (u, w) = halves(both)
        (query, key, vector) = (AffineMap(weight: u), w, v)
      }
    case .tanhOfLinear(let map):
      width = 1
      let (u, w) = halves(map.weight)
      (query, key, vector) = (
        AffineMap(weight: u, bias: map.bias), w, Tensor(shape: [1], storage: [1])
      )
    }
  }
}

/// The attention of states to what an encoder made of sources, prepared once for all steps.
private struct SourceAttention: Sendable {
  /// e.
  let width: Int
  private let positions: Int
  private let common: Int
  private let query: AffineMap<Float>?
  private let vector: Memory<Float>?
  private let answers: Memory<Float>  // sequences × common × s
  private let values: Memory<Float>  // sequences × s × e
  private let keep: Memory<Bool>  // sequences × s
  private let records: [Memory<Float>]  // scores, masked scores, weights, contexts

  static func with(
    _ parts: ScoreParts, _ encoding: Seq2SeqEncoding<Float>, writing records: [Memory<Float>],
    _ body: (SourceAttention) -> Void
  ) {
    let (s, e, a) = (encoding.keep.shape.last!, encoding.outputs.shape.last!, parts.width)
    let (positions, slack) = (encoding.keep.count, VectorPair.width)
    // The vectors at the end of the last row reach beyond it.
    Workspace.with([positions * a + slack, positions * e + slack]) { memories in
      let (answers, values) = (memories[0], memories[1])
      encoding.outputs.storage.withMemory { keys in
        values.part(0, keys.count).copy(keys)
        for g in 0..<encoding.outputs.leadingShape.reduce(1, *) {
          let (source, target) = (keys.part(g * s * e, s * e), answers.from(g * a * s))
          if let key = parts.key {
            key.storage.withMemory { key in
              Product.compute([
                Product(a: key, b: .columns(source), c: target, n: a, k: e, m: s)
              ])
            }
          } else {
            transpose(
              source, stride: e, rows: s, columns: e, times: parts.factor, into: target, stride: s)
          }
        }
      }
      encoding.keep.storage.withMemory { keep in
        (parts.vector?.storage ?? []).withMemory { vector in
          body(
            SourceAttention(
              width: e, positions: s, common: a, query: parts.query?.ready,
              vector: parts.vector == nil ? nil : vector, answers: answers, values: values,
              keep: keep, records: records))
        }
      }
    }
  }

  /// The context that was written to a place.
  func context(_ place: Int) -> Memory<Float> { records[3].part(place * width, width) }

  /// Asks for states, row by row, each of which has its source and its place in the records.
  func attend(
    _ states: Memory<Float>, rows: Int,
    _ place: @Sendable (Int) -> (sequence: Int, place: Int)
  ) {
    Workspace.with(query == nil ? 0 : rows * common) { mapped in
      query?.withProduct(states, rows: rows, into: mapped) { Product.compute([$0]) }
      let asked = query == nil ? states : mapped
      // A tanh takes as long as some 30 multiply-adds.
      let multiplyAdds = rows * positions * ((vector == nil ? 1 : 30) * common + width)
      let shares = multiplyAdds >= ProductBlock.worthSharing
      Threads.share(tasks: rows, atMost: shares ? .max : 1) { row, _ in
        let (g, place) = place(row)
        attend(asked.part(row * common, common), sequence: g, place: place)
      }
    }
  }

  private func attend(_ asked: Memory<Float>, sequence g: Int, place: Int) {
    let (s, pair) = (positions, VectorPair.width)
    let (scores, masked, weights) = (
      records[0].part(place * s, s), records[1].part(place * s, s), records[2].part(place * s, s)
    )
    let answers = answers.from(g * common * s)
    if let vector {
      for j in stride(from: 0, to: s, by: pair) {
        let score = additiveScore(asked, answers.from(j), stride: s, vector)
        scores.store(score, j, first: min(pair, s - j))
      }
    } else {
      multiplyRow(asked, by: answers, steps: common, into: scores)
    }
    for j in 0..<s { masked[j] = keep[g * s + j] ? scores[j] : -.infinity }
    softmax(masked, into: weights)
    for j in 0..<s where !keep[g * s + j] { weights[j] = 0 }
    multiplyRow(weights, by: values.from(g * s * width), steps: s, into: context(place))
  }

  /// The product of a row with a matrix whose rows are as long as the result.
  private func multiplyRow(
    _ x: Memory<Float>, by y: Memory<Float>, steps: Int, into result: Memory<Float>
  ) {
    let (count, pair) = (result.count, VectorPair.width)
    multiplyPanel(
      rows: (count + pair - 1) / pair, x, rowStride: 0, stepStride: 1, y, yStride: count,
      panelStride: pair, steps: steps, begin: { _ in VectorPair(repeating: 0) },
      end: { result.store($1, $0 * pair, first: min(pair, count - $0 * pair)) })
  }
}

/// Runs a network of any kind.
private func run(
  _ x: RecurrentInput, _ cell: RecurrentCell<Float>, _ rows: RecurrentRows,
  _ initial: RecurrentState<Float>?
) -> (hidden: Tensor<Float>, last: RecurrentState<Float>) {
  switch cell {
  case .elmanRNN(let p):
    let steps = run(x, p, rows, initial?.hidden)
    return (steps.hidden, RecurrentState(hidden: steps.last))
  case .lstm(let p):
    let state = initial.map { state in
      require(state.cell != nil, "the state of an LSTM needs a cell")
      return LSTMState(hidden: state.hidden, cell: state.cell!)
    }
    let (kept, last) = run(x, p, rows, state, keeping: 1)
    return (kept[0], RecurrentState(hidden: last.hidden, cell: last.cell))
  case .gru(let p):
    let (kept, last) = run(x, p, rows, initial?.hidden, keeping: 1)
    return (kept[0], RecurrentState(hidden: last))
  }
}
