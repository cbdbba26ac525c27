import Equations
import Notation

/// The largest errors that long short-term memory may have, number by number.
///
/// A running error analysis: the kernel takes the equation's steps in their order, so the equation is run
/// on numbers that carry their errors, `Tracked`, along all positions. What a step is off by enters the
/// next as |U| has it: the bounds are close for some positions and grow without need over many.
///
/// - Parameters:
///   - x: … × t × d.
///   - p: The parameters; without a forget gate f is 1.
///   - initial: h_0 and c_0, each … × h; zeros unless given.
///   - lengths: How many positions of each sequence count, … ; all t unless given.
///   - direction: Whether it reads from the first position or from a sequence's own last one.
/// - Returns: The bound of everything that is computed; of no meaning where that is not finite.
public func lstmBounds(
  _ x: Tensor<Double>, _ p: LSTM<Double>, initial: LSTMState<Double>? = nil,
  lengths: Tensor<Int>? = nil, direction: Direction = .forward
) -> LSTMSteps<Double> {
  let steps: LSTMSteps<Tracked<Float>> = lstmSteps(
    x.converted(), p.converted(), initial: initial?.converted(), lengths: lengths,
    direction: direction)
  return LSTMSteps(
    inputGate: steps.inputGate.bounds, forgetGate: steps.forgetGate.bounds,
    candidate: steps.candidate.bounds, outputGate: steps.outputGate.bounds,
    cell: steps.cell.bounds, hidden: steps.hidden.bounds,
    last: LSTMState(hidden: steps.last.hidden.bounds, cell: steps.last.cell.bounds))
}

/// The largest errors of both directions, the forward one first.
public func lstmBound(
  _ x: Tensor<Double>, forward: LSTM<Double>, reverse: LSTM<Double>,
  initial: LSTMState<Double>? = nil, reverseInitial: LSTMState<Double>? = nil,
  lengths: Tensor<Int>? = nil
) -> Tensor<Double> {
  let hidden: Tensor<Tracked<Float>> = lstm(
    x.converted(), forward: forward.converted(), reverse: reverse.converted(),
    initial: initial?.converted(), reverseInitial: reverseInitial?.converted(), lengths: lengths)
  return hidden.bounds
}
