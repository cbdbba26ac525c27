import Notation

/// The gated recurrent unit: one gate forgets for the candidate, another chooses between the two.
///
///     r = σ(W_r x_t + b_r + U_r h + c_r),  z = σ(W_z x_t + b_z + U_z h + c_z),  h = h_(t−1)
///     n = tanh(W_n x_t + b_n + r ⊙ (U_n h + c_n))      resetAfter
///     n = tanh(W_n x_t + b_n + U_n (r ⊙ h) + c_n)      resetBefore, resetBeforeUpdateSwapped
///     h_t = (1 − z) ⊙ n + z ⊙ h                        resetAfter, resetBefore
///     h_t = (1 − z) ⊙ h + z ⊙ n                        resetBeforeUpdateSwapped        … × t × h
///
/// - Parameters:
///   - x: … × t × d.
///   - p: The parameters, and which of the three forms.
///   - initial: h_0, … × h; zeros unless given.
///   - lengths: How many positions of each sequence count, … ; all t unless given.
///   - direction: Whether it reads from the first position or from a sequence's own last one.
/// - Returns: h at every position, 0 beyond a sequence's length.
///
/// GRU-1 to GRU-3. Cho et al. 2014; Chung et al. 2014. SPEC.md, GRU.
@specialized(where S == Float)
@specialized(where S == Double)
public func gru<S: Scalar>(
  _ x: Tensor<S>, _ p: GRU<S>, initial: Tensor<S>? = nil, lengths: Tensor<Int>? = nil,
  direction: Direction = .forward
) -> Tensor<S> {
  gruSteps(x, p, initial: initial, lengths: lengths, direction: direction).hidden
}

/// The gated recurrent unit with everything that it computes on the way, all of it 0 beyond a
/// sequence's length, and the state after its last step, which is the initial one if there is none.
@specialized(where S == Float)
@specialized(where S == Double)
public func gruSteps<S: Scalar>(
  _ x: Tensor<S>, _ p: GRU<S>, initial: Tensor<S>? = nil, lengths: Tensor<Int>? = nil,
  direction: Direction = .forward
) -> GRUSteps<S> {
  let run = recurrence(
    x, p.reset, initial: [initial], lengths: lengths, direction: direction, kept: 4
  ) { x, states in
    let step = gruStep(x, states[0], p)
    return [step.reset, step.update, step.candidate, step.hidden]
  }
  return GRUSteps(
    reset: run.kept[0], update: run.kept[1], candidate: run.kept[2], hidden: run.kept[3],
    last: run.last[0])
}

/// The gated recurrent unit in both directions, each with parameters of its own.
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
/// GRU-1 to GRU-3. Schuster and Paliwal 1997. SPEC.md, GRU.
@specialized(where S == Float)
@specialized(where S == Double)
public func gru<S: Scalar>(
  _ x: Tensor<S>, forward: GRU<S>, reverse: GRU<S>, initial: Tensor<S>? = nil,
  reverseInitial: Tensor<S>? = nil, lengths: Tensor<Int>? = nil
) -> Tensor<S> {
  sideBySide(
    gru(x, forward, initial: initial, lengths: lengths),
    gru(x, reverse, initial: reverseInitial, lengths: lengths, direction: .reverse))
}

/// One step of the gated recurrent unit.
///
/// - Parameters:
///   - x: The inputs of one position, … × d.
///   - h: The states before, … × h.
///   - p: The parameters, and which of the three forms.
/// - Returns: Gates, candidate, and the states after, each … × h.
@specialized(where S == Float)
@specialized(where S == Double)
public func gruStep<S: Scalar>(_ x: Tensor<S>, _ h: Tensor<S>, _ p: GRU<S>) -> GRUSteps<S> {
  _ = RecurrenceShape(step: x, p.reset, states: [h])
  let r = gated(x, h, p.reset, .sigmoid)
  let z = gated(x, h, p.update, .sigmoid)
  let own = affineMap(x, p.candidate.input)
  let past =
    switch p.form {
    case .resetAfter: r ⊙ affineMap(h, p.candidate.recurrent)
    case .resetBefore, .resetBeforeUpdateSwapped: affineMap(r ⊙ h, p.candidate.recurrent)
    }
  let n = activate(own + past, .tanh)
  let rest = z.map { 1 - $0 }
  let next =
    switch p.form {
    case .resetAfter, .resetBefore: rest ⊙ n + z ⊙ h
    case .resetBeforeUpdateSwapped: rest ⊙ h + z ⊙ n
    }
  return GRUSteps(reset: r, update: z, candidate: n, hidden: next, last: next)
}
