import Notation

/// The gated recurrent unit, all sequences side by side.
///
/// Differs from the equation in its blocking, see `Support/Recurrence.swift`, and in its sigmoid and
/// tanh. Sums and products are those of the equation in their order, but fused. Under `resetAfter` all
/// gates are multiplied at once; under the other forms the candidate waits for r ⊙ h of all units.
///
/// Error: see `ErrorBounds`. Equation: `Equations/Recurrent/GRU.swift`.
///
/// - Parameters:
///   - x: … × t × d.
///   - p: The parameters, and which of the three forms.
///   - initial: h_0, … × h; zeros unless given.
///   - lengths: How many positions of each sequence count, … ; all t unless given.
///   - direction: Whether it reads from the first position or from a sequence's own last one.
/// - Returns: h at every position, 0 beyond a sequence's length.
public func gru(
  _ x: Tensor<Float>, _ p: GRU<Float>, initial: Tensor<Float>? = nil,
  lengths: Tensor<Int>? = nil, direction: Direction = .forward
) -> Tensor<Float> {
  let shape = RecurrenceShape(x, p.reset, initial: [initial], lengths: lengths)
  return run(.sequences(x), p, RecurrentRows(shape, direction), initial, keeping: 1).kept[0]
}

/// The gated recurrent unit with everything that it computes on the way, and its last state.
public func gruSteps(
  _ x: Tensor<Float>, _ p: GRU<Float>, initial: Tensor<Float>? = nil,
  lengths: Tensor<Int>? = nil, direction: Direction = .forward
) -> GRUSteps<Float> {
  let shape = RecurrenceShape(x, p.reset, initial: [initial], lengths: lengths)
  return steps(x, p, RecurrentRows(shape, direction), initial)
}

/// The gated recurrent unit in both directions, one after the other.
///
/// - Parameters:
///   - x: … × t × d.
///   - forward: The parameters of the network that reads forwards, with the width h.
///   - reverse: The parameters of the one that reads backwards, with the width h′.
///   - initial: The state before the first position, … × h; zeros unless given.
///   - reverseInitial: The state after the last position, … × h′; zeros unless given.
///   - lengths: How many positions of each sequence count, … ; all t unless given.
/// - Returns: Both states at every position, the forward one first: … × t × (h + h′).
public func gru(
  _ x: Tensor<Float>, forward: GRU<Float>, reverse: GRU<Float>,
  initial: Tensor<Float>? = nil, reverseInitial: Tensor<Float>? = nil,
  lengths: Tensor<Int>? = nil
) -> Tensor<Float> {
  sideBySide(
    gru(x, forward, initial: initial, lengths: lengths),
    gru(x, reverse, initial: reverseInitial, lengths: lengths, direction: .reverse))
}

/// One step of the gated recurrent unit: the state of a run of one position.
///
/// - Parameters:
///   - x: The inputs of one position, … × d.
///   - h: The states before, … × h.
///   - p: The parameters, and which of the three forms.
/// - Returns: Gates, candidate, and the states after, each … × h.
public func gruStep(
  _ x: Tensor<Float>, _ h: Tensor<Float>, _ p: GRU<Float>
) -> GRUSteps<Float> {
  let shape = RecurrenceShape(step: x, p.reset, states: [h])
  return steps(x, p, RecurrentRows(shape, .forward), h)
}

private func steps(
  _ x: Tensor<Float>, _ p: GRU<Float>, _ rows: RecurrentRows, _ initial: Tensor<Float>?
) -> GRUSteps<Float> {
  let (kept, last) = run(.sequences(x), p, rows, initial, keeping: 4)
  return GRUSteps(
    reset: kept[1], update: kept[2], candidate: kept[3], hidden: kept[0], last: last)
}

/// Runs the network and keeps h, or h, r, z and n of every position.
func run(
  _ x: RecurrentInput, _ p: GRU<Float>, _ rows: RecurrentRows, _ initial: Tensor<Float>?,
  keeping count: Int
) -> (kept: [Tensor<Float>], last: Tensor<Float>) {
  let resetsAfter = p.form == .resetAfter
  let replaces = p.form == .resetBeforeUpdateSwapped
  let gates = [p.reset, p.update, p.candidate]
  let size = rows.shape.sequences * rows.shape.width
  var last: Tensor<Float>?
  let kept = rows.kept(count) { kept in
    @Sendable @inline(always)
    func finish(
      _ step: RecurrentStep, _ at: RecurrentStep.Units, update z: VectorPair,
      candidate n: VectorPair
    ) {
      let before = step.before.pair(at.state, first: at.count)
      let rest = VectorPair(repeating: 1) - z
      let h = replaces ? rest * before + z * n : rest * n + z * before
      step.after.store(h, at.state, first: at.count)
      at.keep(h, 0, in: kept)
      at.keep(z, 2, in: kept)
      at.keep(n, 3, in: kept)
    }
    Workspace.with(resetsAfter ? 0 : 2 * size) { memory in
      last = recurrence(x, rows, gates, initial: initial) { step in
        if resetsAfter {
          step.multiply(step.before, by: 0..<3) { at in
            let r = activated(at.sum(0), .sigmoid)
            let z = activated(at.sum(1), .sigmoid)
            at.keep(r, 1, in: kept)
            finish(
              step, at, update: z, candidate: activated(at.own(2) + r * at.past(2), .tanh))
          }
        } else {
          let (products, updates) = (memory.part(0, size), memory.part(size, size))
          step.multiply(step.before, by: 0..<2) { at in
            let r = activated(at.sum(0), .sigmoid)
            let before = step.before.pair(at.state, first: at.count)
            at.keep(r, 1, in: kept)
            products.store(r * before, at.state, first: at.count)
            updates.store(activated(at.sum(1), .sigmoid), at.state, first: at.count)
          }
          step.multiply(products, by: 2..<3) { at in
            finish(
              step, at, update: updates.pair(at.state, first: at.count),
              candidate: activated(at.sum(0), .tanh))
          }
        }
      }
    }
  }
  return (kept, last!)
}
