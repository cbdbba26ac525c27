import Equations
import Notation

/// The largest errors that Elman's network may have, number by number.
///
/// The equation run on numbers that carry their errors, as in `lstmBounds`.
///
/// - Parameters:
///   - x: … × t × d.
///   - p: The parameters, and the activation.
///   - initial: h_0, … × h; zeros unless given.
///   - lengths: How many positions of each sequence count, … ; all t unless given.
///   - direction: Whether it reads from the first position or from a sequence's own last one.
/// - Returns: The bound of everything that is computed; of no meaning where that is not finite.
public func elmanRNNBounds(
  _ x: Tensor<Double>, _ p: ElmanRNN<Double>, initial: Tensor<Double>? = nil,
  lengths: Tensor<Int>? = nil, direction: Direction = .forward
) -> ElmanRNNSteps<Double> {
  let steps: ElmanRNNSteps<Tracked<Float>> = elmanRNNSteps(
    x.converted(), p.converted(), initial: initial?.converted(), lengths: lengths,
    direction: direction)
  return ElmanRNNSteps(hidden: steps.hidden.bounds, last: steps.last.bounds)
}

/// The largest errors of both directions, the forward one first.
public func elmanRNNBound(
  _ x: Tensor<Double>, forward: ElmanRNN<Double>, reverse: ElmanRNN<Double>,
  initial: Tensor<Double>? = nil, reverseInitial: Tensor<Double>? = nil,
  lengths: Tensor<Int>? = nil
) -> Tensor<Double> {
  let hidden: Tensor<Tracked<Float>> = elmanRNN(
    x.converted(), forward: forward.converted(), reverse: reverse.converted(),
    initial: initial?.converted(), reverseInitial: reverseInitial?.converted(), lengths: lengths)
  return hidden.bounds
}

/// The largest errors that the derivatives of Elman's network may have, its states being exact.
///
///     e′ = |s_i| e + |(U P)_ij| 2u + u (|s_i| + 2u) (|(U P)_ij| + e),  e = |U| e_P + b
///
/// with P the product so far, off by e_P, and b the bound of its product with U. A slope 1 − h² of a state
/// of tanh's is rounded twice, each time by u at most.
///
/// - Parameters:
///   - hidden: The states in the order of the steps, … × t × h.
///   - p: The parameters, with tanh or relu.
///   - arithmetic: Whose derivatives they are.
/// - Returns: … × h × h; of no meaning where the derivatives are not finite.
public func elmanRNNJacobianBound(
  hidden: Tensor<Double>, _ p: ElmanRNN<Double>, in arithmetic: Arithmetic = .kernel
) -> Tensor<Double> {
  let shape = JacobianShape(hidden: hidden, p)
  let (h, u, weight) = (shape.width, arithmetic.unitRoundoff, p.gate.recurrent.weight)
  let states = hidden.matrices
  let errors = (0..<shape.sequences).flatMap { g in
    var product = Enclosure(elmanRNNJacobian(hidden: Tensor(shape: [0, h], storage: []), p))
    for t in 0..<shape.steps {
      let values = matrixProduct(weight, product.values)
      let errors =
        matrixProduct(weight.map(abs), product.errors)
        + matrixProductBound(weight, product.magnitudes, in: arithmetic)
      for i in 0..<h {
        let y = states[g, t, i]
        let slope = p.activation == .tanh ? 1 - y * y : y > 0 ? 1 : 0
        for j in 0..<h {
          let (z, e) = (abs(values[i, j]), errors[i, j])
          product.values[i, j] = slope * values[i, j]
          product.errors[i, j] =
            abs(slope) * e + 2 * u * z + u * (abs(slope) + 2 * u) * (z + e)
            + arithmetic.smallestNormal
        }
      }
    }
    return product.errors.storage
  }
  return Tensor(shape: shape.output, storage: errors)
}
