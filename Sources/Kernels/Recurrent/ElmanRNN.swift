import Notation

/// Elman's recurrent network, all sequences side by side.
///
/// Differs from the equation in its blocking, see `Support/Recurrence.swift`, and in its activation.
/// Sums and products are those of the equation in their order, but fused.
///
/// Error: see `ErrorBounds`. Equation: `Equations/Recurrent/ElmanRNN.swift`.
///
/// - Parameters:
///   - x: … × t × d.
///   - p: The parameters, and the activation: tanh unless told otherwise.
///   - initial: h_0, … × h; zeros unless given.
///   - lengths: How many positions of each sequence count, … ; all t unless given.
///   - direction: Whether it reads from the first position or from a sequence's own last one.
/// - Returns: h at every position, 0 beyond a sequence's length.
public func elmanRNN(
  _ x: Tensor<Float>, _ p: ElmanRNN<Float>, initial: Tensor<Float>? = nil,
  lengths: Tensor<Int>? = nil, direction: Direction = .forward
) -> Tensor<Float> {
  elmanRNNSteps(x, p, initial: initial, lengths: lengths, direction: direction).hidden
}

/// Elman's network with the state after its last step.
public func elmanRNNSteps(
  _ x: Tensor<Float>, _ p: ElmanRNN<Float>, initial: Tensor<Float>? = nil,
  lengths: Tensor<Int>? = nil, direction: Direction = .forward
) -> ElmanRNNSteps<Float> {
  let shape = RecurrenceShape(x, p.gate, initial: [initial], lengths: lengths)
  return run(.sequences(x), p, RecurrentRows(shape, direction), initial)
}

/// Elman's network in both directions, one after the other.
///
/// - Parameters:
///   - x: … × t × d.
///   - forward: The parameters of the network that reads forwards, with the width h.
///   - reverse: The parameters of the one that reads backwards, with the width h′.
///   - initial: The state before the first position, … × h; zeros unless given.
///   - reverseInitial: The state after the last position, … × h′; zeros unless given.
///   - lengths: How many positions of each sequence count, … ; all t unless given.
/// - Returns: Both states at every position, the forward one first: … × t × (h + h′).
public func elmanRNN(
  _ x: Tensor<Float>, forward: ElmanRNN<Float>, reverse: ElmanRNN<Float>,
  initial: Tensor<Float>? = nil, reverseInitial: Tensor<Float>? = nil,
  lengths: Tensor<Int>? = nil
) -> Tensor<Float> {
  sideBySide(
    elmanRNN(x, forward, initial: initial, lengths: lengths),
    elmanRNN(x, reverse, initial: reverseInitial, lengths: lengths, direction: .reverse))
}

/// One step of Elman's network: the state of a run of one position.
///
/// - Parameters:
///   - x: The inputs of one position, … × d.
///   - h: The states before, … × h.
///   - p: The parameters.
/// - Returns: The states after, … × h.
public func elmanRNNStep(
  _ x: Tensor<Float>, _ h: Tensor<Float>, _ p: ElmanRNN<Float>
) -> Tensor<Float> {
  let shape = RecurrenceShape(step: x, p.gate, states: [h])
  return run(.sequences(x), p, RecurrentRows(shape, .forward), h).last
}

func run(
  _ x: RecurrentInput, _ p: ElmanRNN<Float>, _ rows: RecurrentRows, _ initial: Tensor<Float>?
) -> ElmanRNNSteps<Float> {
  let (gates, activation) = ([p.gate], p.activation)
  var last: Tensor<Float>?
  let kept = rows.kept(1) { kept in
    last = recurrence(x, rows, gates, initial: initial) { step in
      step.multiply(step.before, by: 0..<1) { at in
        let h = activated(at.sum(0), activation)
        step.after.store(h, at.state, first: at.count)
        at.keep(h, 0, in: kept)
      }
    }
  }
  return ElmanRNNSteps(hidden: kept[0], last: last!)
}

/// How the last state of Elman's network depends on its initial one, by the kernel of matrix products.
///
/// - Parameters:
///   - hidden: The states in the order of the steps, … × t × h.
///   - p: The parameters, with tanh or relu, whose slopes the states tell.
/// - Returns: Row i has the derivatives of h_t's number i. Without steps it is the identity.
public func elmanRNNJacobian(hidden: Tensor<Float>, _ p: ElmanRNN<Float>) -> Tensor<Float> {
  let shape = JacobianShape(hidden: hidden, p)
  let (t, h) = (shape.steps, shape.width)
  let size = h * h
  let elements = [Float].written(shape.sequences * size) { products in
    Workspace.with(size) { next in
      for g in 0..<shape.sequences {
        let product = products.part(g * size, size)
        product.fill(0)
        for i in 0..<h { product[i * h + i] = 1 }
        for i in g * t..<(g + 1) * t {
          p.gate.recurrent.weight.storage.withMemory { weight in
            Product.compute([
              Product(a: weight, b: .rows(product), c: next, n: h, k: h, m: h)
            ])
          }
          for j in 0..<h {
            let y = hidden.storage[i * h + j]
            let slope: Float = p.activation == .tanh ? 1 - y * y : y > 0 ? 1 : 0
            let (row, result) = (next.part(j * h, h), product.part(j * h, h))
            forEachVector(h) { result.store(row.vector($0, first: $1) * slope, $0, first: $1) }
          }
        }
      }
    }
  }
  return Tensor(shape: shape.output, storage: elements)
}
