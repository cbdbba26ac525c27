import Notation

/// From one sequence to another: an encoder reads, and a decoder writes step by step what is given to
/// it as the input of each step.
///
///     E, h_0 = encoder(source)                            … × s × e, … × h
///     none:        h_i = cell(y_i, h_(i−1)),  z_i = W h_i + b
///     beforeStep:  α_i = softmax_j score(h_(i−1), E_j),  c_i = Σ_j α_ij E_j
///                  h_i = cell([y_i; c_i], h_(i−1)),  z_i = W h_i + b
///     afterStep:   h_i = cell(y_i, h_(i−1)),  α_i = softmax_j score(h_i, E_j),  c_i = Σ_j α_ij E_j
///                  z_i = W tanh(W_c [c_i; h_i] + b_c) + b
///
/// - Parameters:
///   - source: … × s × d.
///   - inputs: y, what each step gets, … × t × width: the tokens before the wanted ones, which is
///     teacher forcing.
///   - p: The parameters.
///   - lengths: How many positions of each source count, … ; all s unless given. What lies beyond is
///     not read, and no attention goes there.
/// - Returns: Logits z, … × t × v.
///
/// S2S-1, S2S-2, S2S-4 to S2S-6. Sutskever et al. 2014; Bahdanau et al. 2014; Luong et al. 2015.
/// SPEC.md, Seq2Seq.
@specialized(where S == Float)
@specialized(where S == Double)
public func seq2Seq<S: Scalar>(
  source: Tensor<S>, inputs: Tensor<S>, _ p: Seq2Seq<S>, lengths: Tensor<Int>? = nil
) -> Tensor<S> {
  seq2SeqSteps(source: source, inputs: inputs, p, lengths: lengths).logits
}

/// The same with everything that is computed on the way.
@specialized(where S == Float)
@specialized(where S == Double)
public func seq2SeqSteps<S: Scalar>(
  source: Tensor<S>, inputs: Tensor<S>, _ p: Seq2Seq<S>, lengths: Tensor<Int>? = nil
) -> Seq2SeqSteps<S> {
  checkInputs(inputs, source: source)
  return decoded(source, p, lengths, count: inputs.shape[inputs.rank - 2]) { i, _ in
    let sequences = inputs.matrices
    return Tensor(
      shape: inputs.leadingShape + [sequences.shape[2]],
      storage: (0..<sequences.shape[0]).flatMap { sequences.slice($0).slice(i).storage })
  }
}

/// From one sequence to another, each step getting the token that the last one found likeliest.
///
///     y_0 = start,  y_(i+1) = feedback of argmax z_i
///
/// - Parameters:
///   - source: … × s × d.
///   - start: y_0, … × width.
///   - t: How many steps are made; no token ends a sequence earlier.
///   - p: The parameters.
///   - feedback: What becomes of a token.
///   - lengths: How many positions of each source count, … ; all s unless given.
/// - Returns: Everything that is computed, `tokens` and `logits` being the results, … × t and
///   … × t × v. Among equal logits the token of the lowest number wins.
///
/// S2S-3, DECODE-2. Document 000, `Seq2Seq`, without its row of zeros before the first step.
/// SPEC.md, Seq2Seq.
@specialized(where S == Float)
@specialized(where S == Double)
public func greedySeq2Seq<S: Scalar>(
  source: Tensor<S>, start: Tensor<S>, steps t: Int, _ p: Seq2Seq<S>,
  feedback: Feedback<S> = .oneHot, lengths: Tensor<Int>? = nil
) -> Seq2SeqSteps<S> {
  p.check(feedback, steps: t)
  return decoded(source, p, lengths, count: t) { _, logits in
    guard let logits else { return start }
    let vectors = argmax(logits).storage.flatMap { token -> [S] in
      switch feedback {
      case .oneHot: (0..<p.inputs).map { $0 == token ? 1 : 0 }
      case .table(let table): table.slice(token).storage
      }
    }
    return Tensor(shape: start.shape, storage: vectors)
  }
}

/// What the encoder makes of a source, and the state that it ends with.
///
/// - Parameters:
///   - source: … × s × d.
///   - encoder: The encoder.
///   - lengths: How many positions of each source count, … ; all s unless given.
///
/// S2S-1, S2S-4. SPEC.md, Seq2Seq.
@specialized(where S == Float)
@specialized(where S == Double)
public func seq2SeqEncoding<S: Scalar>(
  _ source: Tensor<S>, _ encoder: Seq2SeqEncoder<S>, lengths: Tensor<Int>? = nil
) -> Seq2SeqEncoding<S> {
  let outputs: Tensor<S>
  let last: RecurrentState<S>
  switch encoder {
  case .oneWay(let cell, let direction):
    (outputs, last) = run(source, cell, lengths, direction)
  case .bothWays(let forward, let reverse):
    let backwards = run(source, reverse, lengths, .reverse)
    outputs = sideBySide(run(source, forward, lengths, .forward).hidden, backwards.hidden)
    last = backwards.last
  }
  return Seq2SeqEncoding(outputs: outputs, lengths: lengths, last: last)
}

/// One step of the decoder.
///
/// - Parameters:
///   - y: The input of the step, … × width.
///   - state: The state before.
///   - encoding: What the encoder made of the source.
///   - p: The parameters.
///
/// S2S-2, S2S-4 to S2S-6. SPEC.md, Seq2Seq.
@specialized(where S == Float)
@specialized(where S == Double)
public func seq2SeqStep<S: Scalar>(
  _ y: Tensor<S>, _ state: RecurrentState<S>, _ encoding: Seq2SeqEncoding<S>, _ p: Seq2Seq<S>
) -> Seq2SeqStep<S> {
  p.check(encoding, input: y.shape)
  var next = state
  var attention: AttentionSteps<S>?
  let combined: Tensor<S>
  switch p.attention {
  case .none:
    next = recurrentStep(y, state, p.decoder)
    combined = next.hidden
  case .beforeStep(let score):
    let asked = attended(state.hidden, encoding, score)
    next = recurrentStep(sideBySide(y, context(asked)), state, p.decoder)
    (attention, combined) = (asked, next.hidden)
  case .afterStep(let score, let combination):
    next = recurrentStep(y, state, p.decoder)
    let asked = attended(next.hidden, encoding, score)
    attention = asked
    combined = affineMap(
      sideBySide(context(asked), next.hidden), combination, activation: .tanh)
  }
  return Seq2SeqStep(
    state: next, attention: attention, combined: combined, logits: affineMap(combined, p.output))
}

/// Encoder, first state, and so many steps, whose inputs may depend on the logits of the step before.
private func decoded<S: Scalar>(
  _ source: Tensor<S>, _ p: Seq2Seq<S>, _ lengths: Tensor<Int>?, count t: Int,
  input: (_ i: Int, _ logits: Tensor<S>?) -> Tensor<S>
) -> Seq2SeqSteps<S> {
  let encoding = seq2SeqEncoding(source, p.encoder, lengths: lengths)
  let first =
    switch p.start {
    case .encoderState: encoding.last
    case .mapped(let map):
      RecurrentState(hidden: affineMap(encoding.last.hidden, map, activation: .tanh))
    }
  var steps: [Seq2SeqStep<S>] = []
  for i in 0..<t {
    let y = input(i, steps.last?.logits)
    steps.append(seq2SeqStep(y, steps.last?.state ?? first, encoding, p))
  }

  let (leading, s) = (encoding.outputs.leadingShape, encoding.keep.shape.last!)
  func alongTime(_ width: Int, _ part: (Seq2SeqStep<S>) -> Tensor<S>) -> Tensor<S> {
    let rows = steps.map { part($0).reshaped([leading.reduce(1, *), width]) }
    return Tensor(
      shape: leading + [t, width],
      storage: (0..<leading.reduce(1, *)).flatMap { g in rows.flatMap { $0.slice(g).storage } })
  }
  var attention: AttentionSteps<S>?
  switch p.attention {
  case .none: break
  case .beforeStep, .afterStep:
    attention = AttentionSteps(
      scores: alongTime(s) { $0.attention!.scores },
      maskedScores: alongTime(s) { $0.attention!.maskedScores },
      weights: alongTime(s) { $0.attention!.weights },
      output: alongTime(p.encoder.width) { $0.attention!.output })
  }
  let combined = alongTime(p.output.inputs, \.combined)
  let logits = alongTime(p.output.outputs, \.logits)
  return Seq2SeqSteps(
    encoding: encoding, first: first, attention: attention,
    hidden: alongTime(p.decoder.width, \.state.hidden), combined: combined, logits: logits,
    tokens: argmax(logits))
}

/// The attention of one state to a source: its scores are … × 1 × s, its output is … × 1 × e.
private func attended<S: Scalar>(
  _ hidden: Tensor<S>, _ encoding: Seq2SeqEncoding<S>, _ score: DecoderScore<S>
) -> AttentionSteps<S> {
  let (keys, h) = (encoding.outputs, hidden.shape[hidden.rank - 1])
  let (leading, s) = (keys.leadingShape, keys.shape[keys.rank - 2])
  let q = hidden.reshaped(leading + [1, h])
  let raw =
    switch score {
    case .function(let function): scores(queries: q, keys: keys, by: function)
    case .tanhOfLinear(let map):
      affineMap(sideBySide(q.broadcast(to: leading + [s, h]), keys), map, activation: .tanh)
        .reshaped(leading + [1, s])
    }
  let keep = encoding.keep.reshaped(leading + [1, s])
  let masked = maskedScores(raw, mask: .keep(keep))
  let weights = Tensor(
    shape: raw.shape, storage: zip(softmax(masked).storage, keep.storage).map { $1 ? $0 : 0 })
  return AttentionSteps(
    scores: raw, maskedScores: masked, weights: weights, output: matrixProduct(weights, keys))
}

/// What one state gets of a source: … × e.
private func context<S: Scalar>(_ attention: AttentionSteps<S>) -> Tensor<S> {
  let y = attention.output
  return y.reshaped(y.leadingShape + [y.shape[y.rank - 1]])
}

/// The states at all positions, … × s × h, and the last one.
private func run<S: Scalar>(
  _ x: Tensor<S>, _ cell: RecurrentCell<S>, _ lengths: Tensor<Int>?, _ direction: Direction
) -> (hidden: Tensor<S>, last: RecurrentState<S>) {
  switch cell {
  case .elmanRNN(let p):
    let steps = elmanRNNSteps(x, p, lengths: lengths, direction: direction)
    return (steps.hidden, RecurrentState(hidden: steps.last))
  case .lstm(let p):
    let steps = lstmSteps(x, p, lengths: lengths, direction: direction)
    return (steps.hidden, RecurrentState(hidden: steps.last.hidden, cell: steps.last.cell))
  case .gru(let p):
    let steps = gruSteps(x, p, lengths: lengths, direction: direction)
    return (steps.hidden, RecurrentState(hidden: steps.last))
  }
}

/// One step of a recurrent network.
package func recurrentStep<S: Scalar>(
  _ x: Tensor<S>, _ state: RecurrentState<S>, _ cell: RecurrentCell<S>
) -> RecurrentState<S> {
  switch cell {
  case .elmanRNN(let p):
    return RecurrentState(hidden: elmanRNNStep(x, state.hidden, p))
  case .lstm(let p):
    require(state.cell != nil, "the state of an LSTM needs a cell")
    let step = lstmStep(x, LSTMState(hidden: state.hidden, cell: state.cell!), p)
    return RecurrentState(hidden: step.hidden, cell: step.cell)
  case .gru(let p):
    return RecurrentState(hidden: gruStep(x, state.hidden, p).hidden)
  }
}
