import Notation

/// Long short-term memory, all sequences side by side.
///
/// Differs from the equation in its blocking, see `Support/Recurrence.swift`, and in its sigmoid and
/// tanh: a panel of each gate goes through the rows of a step, and whoever computed the sums of some
/// units goes on to their cells. Sums and products are those of the equation in their order, but fused.
///
/// With one sequence a step is as fast as the weights of 4h × h come from the cache, 100 GB/s;
/// with 32 it is as fast as multiply-adds.
///
/// Error: see `ErrorBounds`. Equation: `Equations/Recurrent/LSTM.swift`.
///
/// - Parameters:
///   - x: … × t × d.
///   - p: The parameters; without a forget gate f is 1.
///   - initial: h_0 and c_0, each … × h; zeros unless given.
///   - lengths: How many positions of each sequence count, … ; all t unless given.
///   - direction: Whether it reads from the first position or from a sequence's own last one.
/// - Returns: h at every position, 0 beyond a sequence's length.
public func lstm(
  _ x: Tensor<Float>, _ p: LSTM<Float>, initial: LSTMState<Float>? = nil,
  lengths: Tensor<Int>? = nil, direction: Direction = .forward
) -> Tensor<Float> {
  let shape = RecurrenceShape(
    x, p.inputGate, initial: [initial?.cell, initial?.hidden], lengths: lengths)
  return run(.sequences(x), p, RecurrentRows(shape, direction), initial, keeping: 1).kept[0]
}

/// Long short-term memory with everything that it computes on the way, and its last state.
public func lstmSteps(
  _ x: Tensor<Float>, _ p: LSTM<Float>, initial: LSTMState<Float>? = nil,
  lengths: Tensor<Int>? = nil, direction: Direction = .forward
) -> LSTMSteps<Float> {
  let shape = RecurrenceShape(
    x, p.inputGate, initial: [initial?.cell, initial?.hidden], lengths: lengths)
  return steps(x, p, RecurrentRows(shape, direction), initial)
}

/// Long short-term memory in both directions, one after the other.
///
/// - Parameters:
///   - x: … × t × d.
///   - forward: The parameters of the network that reads forwards, with the width h.
///   - reverse: The parameters of the one that reads backwards, with the width h′.
///   - initial: The state before the first position, … × h; zeros unless given.
///   - reverseInitial: The state after the last position, … × h′; zeros unless given.
///   - lengths: How many positions of each sequence count, … ; all t unless given.
/// - Returns: Both states at every position, the forward one first: … × t × (h + h′).
public func lstm(
  _ x: Tensor<Float>, forward: LSTM<Float>, reverse: LSTM<Float>,
  initial: LSTMState<Float>? = nil, reverseInitial: LSTMState<Float>? = nil,
  lengths: Tensor<Int>? = nil
) -> Tensor<Float> {
  sideBySide(
    lstm(x, forward, initial: initial, lengths: lengths),
    lstm(x, reverse, initial: reverseInitial, lengths: lengths, direction: .reverse))
}

/// One step of long short-term memory: the states of a run of one position.
///
/// - Parameters:
///   - x: The inputs of one position, … × d.
///   - state: The states before, each … × h.
///   - p: The parameters.
/// - Returns: Gates, candidate, and the states after, each … × h.
public func lstmStep(
  _ x: Tensor<Float>, _ state: LSTMState<Float>, _ p: LSTM<Float>
) -> LSTMSteps<Float> {
  let shape = RecurrenceShape(step: x, p.inputGate, states: [state.hidden, state.cell])
  return steps(x, p, RecurrentRows(shape, .forward), state)
}

private func steps(
  _ x: Tensor<Float>, _ p: LSTM<Float>, _ rows: RecurrentRows, _ initial: LSTMState<Float>?
) -> LSTMSteps<Float> {
  let (kept, last) = run(.sequences(x), p, rows, initial, keeping: 6)
  return LSTMSteps(
    inputGate: kept[1], forgetGate: kept[2], candidate: kept[3], outputGate: kept[4],
    cell: kept[5], hidden: kept[0], last: last)
}

/// Runs the network and keeps h, or h, i, f, g, o and c of every position.
func run(
  _ x: RecurrentInput, _ p: LSTM<Float>, _ rows: RecurrentRows, _ initial: LSTMState<Float>?,
  keeping count: Int
) -> (kept: [Tensor<Float>], last: LSTMState<Float>) {
  let gates = [p.inputGate, p.candidate, p.outputGate] + (p.forgetGate.map { [$0] } ?? [])
  let (gateCount, forgets) = (gates.count, p.forgetGate != nil)
  var last: LSTMState<Float>?
  let kept = rows.kept(count) { kept in
    Workspace.with(rows.shape.sequences * rows.shape.width) { cells in
      rows.arrange(initial?.cell, into: cells)
      let hidden = recurrence(x, rows, gates, initial: initial?.hidden) { step in
        step.multiply(step.before, by: 0..<gateCount) { at in
          let i = activated(at.sum(0), .sigmoid)
          let g = activated(at.sum(1), .tanh)
          let o = activated(at.sum(2), .sigmoid)
          let f = forgets ? activated(at.sum(3), .sigmoid) : VectorPair(repeating: 1)
          let c = f * cells.pair(at.state, first: at.count) + i * g
          let h = o * activated(c, .tanh)
          cells.store(c, at.state, first: at.count)
          step.after.store(h, at.state, first: at.count)
          at.keep(h, 0, in: kept)
          at.keep(i, 1, in: kept)
          at.keep(f, 2, in: kept)
          at.keep(g, 3, in: kept)
          at.keep(o, 4, in: kept)
          at.keep(c, 5, in: kept)
        }
      }
      last = LSTMState(hidden: hidden, cell: rows.last { _ in cells })
    }
  }
  return (kept, last!)
}
