import Equations
import Notation

/// The largest errors that a gated recurrent unit may have, number by number.
///
/// The equation run on numbers that carry their errors, as in `lstmBounds`.
///
/// - Parameters:
///   - x: … × t × d.
///   - p: The parameters, and which of the three forms.
///   - initial: h_0, … × h; zeros unless given.
///   - lengths: How many positions of each sequence count, … ; all t unless given.
///   - direction: Whether it reads from the first position or from a sequence's own last one.
/// - Returns: The bound of everything that is computed; of no meaning where that is not finite.
public func gruBounds(
  _ x: Tensor<Double>, _ p: GRU<Double>, initial: Tensor<Double>? = nil,
  lengths: Tensor<Int>? = nil, direction: Direction = .forward
) -> GRUSteps<Double> {
  let steps: GRUSteps<Tracked<Float>> = gruSteps(
    x.converted(), p.converted(), initial: initial?.converted(), lengths: lengths,
    direction: direction)
  return GRUSteps(
    reset: steps.reset.bounds, update: steps.update.bounds, candidate: steps.candidate.bounds,
    hidden: steps.hidden.bounds, last: steps.last.bounds)
}

/// The largest errors of both directions, the forward one first.
public func gruBound(
  _ x: Tensor<Double>, forward: GRU<Double>, reverse: GRU<Double>,
  initial: Tensor<Double>? = nil, reverseInitial: Tensor<Double>? = nil,
  lengths: Tensor<Int>? = nil
) -> Tensor<Double> {
  let hidden: Tensor<Tracked<Float>> = gru(
    x.converted(), forward: forward.converted(), reverse: reverse.converted(),
    initial: initial?.converted(), reverseInitial: reverseInitial?.converted(), lengths: lengths)
  return hidden.bounds
}
