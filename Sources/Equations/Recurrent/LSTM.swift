import Notation

/// Long short-term memory: a cell that gates write, keep and read.
///
///     i = σ(W_i x_t + b_i + U_i h_(t−1) + c_i),  f, o likewise
///     g = tanh(W_g x_t + b_g + U_g h_(t−1) + c_g)
///     c_t = f ⊙ c_(t−1) + i ⊙ g,  h_t = o ⊙ tanh(c_t)        … × t × h
///
/// - Parameters:
///   - x: … × t × d.
///   - p: The parameters; without a forget gate f is 1.
///   - initial: h_0 and c_0, each … × h; zeros unless given.
///   - lengths: How many positions of each sequence count, … ; all t unless given.
///   - direction: Whether it reads from the first position or from a sequence's own last one.
/// - Returns: h at every position, 0 beyond a sequence's length.
///
/// LSTM-1. Hochreiter and Schmidhuber 1997; Gers et al. 2000. SPEC.md, LSTM.
@specialized(where S == Float)
@specialized(where S == Double)
public func lstm<S: Scalar>(
  _ x: Tensor<S>, _ p: LSTM<S>, initial: LSTMState<S>? = nil, lengths: Tensor<Int>? = nil,
  direction: Direction = .forward
) -> Tensor<S> {
  lstmSteps(x, p, initial: initial, lengths: lengths, direction: direction).hidden
}

/// Long short-term memory with everything that it computes on the way, all of it 0 beyond a
/// sequence's length, and the state after its last step, which is the initial one if there is none.
@specialized(where S == Float)
@specialized(where S == Double)
public func lstmSteps<S: Scalar>(
  _ x: Tensor<S>, _ p: LSTM<S>, initial: LSTMState<S>? = nil, lengths: Tensor<Int>? = nil,
  direction: Direction = .forward
) -> LSTMSteps<S> {
  let run = recurrence(
    x, p.inputGate, initial: [initial?.cell, initial?.hidden], lengths: lengths,
    direction: direction, kept: 6
  ) { x, states in
    let step = lstmStep(x, LSTMState(hidden: states[1], cell: states[0]), p)
    return [
      step.inputGate, step.forgetGate, step.candidate, step.outputGate, step.cell, step.hidden,
    ]
  }
  return LSTMSteps(
    inputGate: run.kept[0], forgetGate: run.kept[1], candidate: run.kept[2],
    outputGate: run.kept[3], cell: run.kept[4], hidden: run.kept[5],
    last: LSTMState(hidden: run.last[1], cell: run.last[0]))
}

/// Long short-term memory in both directions, each with parameters of its own.
///
/// - Parameters:
///   - x: … × t × d.
///   - forward: The parameters of the network that reads forwards, with the width h.
///   - reverse: The parameters of the one that reads backwards, with the width h′.
///   - initial: The state before the first position, … × h; zeros unless given.
///   - reverseInitial: The state after the last position, … × h′; zeros unless given.
///   - lengths: How many positions of each sequence count, … ; all t unless given.
/// - Returns: Both states at every position, the forward one first: … × t × (h + h′).
///
/// LSTM-1. Schuster and Paliwal 1997. SPEC.md, LSTM.
@specialized(where S == Float)
@specialized(where S == Double)
public func lstm<S: Scalar>(
  _ x: Tensor<S>, forward: LSTM<S>, reverse: LSTM<S>, initial: LSTMState<S>? = nil,
  reverseInitial: LSTMState<S>? = nil, lengths: Tensor<Int>? = nil
) -> Tensor<S> {
  sideBySide(
    lstm(x, forward, initial: initial, lengths: lengths),
    lstm(x, reverse, initial: reverseInitial, lengths: lengths, direction: .reverse))
}

/// One step of long short-term memory.
///
/// - Parameters:
///   - x: The inputs of one position, … × d.
///   - state: The states before, each … × h.
///   - p: The parameters.
/// - Returns: Gates, candidate, and the states after, each … × h.
@specialized(where S == Float)
@specialized(where S == Double)
public func lstmStep<S: Scalar>(
  _ x: Tensor<S>, _ state: LSTMState<S>, _ p: LSTM<S>
) -> LSTMSteps<S> {
  _ = RecurrenceShape(step: x, p.inputGate, states: [state.hidden, state.cell])
  let i = gated(x, state.hidden, p.inputGate, .sigmoid)
  let f =
    p.forgetGate.map { gated(x, state.hidden, $0, .sigmoid) } ?? i.map { _ in 1 }
  let g = gated(x, state.hidden, p.candidate, .tanh)
  let o = gated(x, state.hidden, p.outputGate, .sigmoid)
  let c = f ⊙ state.cell + i ⊙ g
  let h = o ⊙ activate(c, .tanh)
  return LSTMSteps(
    inputGate: i, forgetGate: f, candidate: g, outputGate: o, cell: c, hidden: h,
    last: LSTMState(hidden: h, cell: c))
}
