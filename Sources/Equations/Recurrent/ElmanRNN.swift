import Notation

/// Elman's recurrent network: the state at a position comes from the input there and the state before.
///
///     h_t = tanh(W x_t + b + U h_(t−1) + c)        … × t × h
///
/// - Parameters:
///   - x: … × t × d.
///   - p: The parameters, and the activation: tanh unless told otherwise.
///   - initial: h_0, … × h; zeros unless given.
///   - lengths: How many positions of each sequence count, … ; all t unless given.
///   - direction: Whether it reads from the first position or from a sequence's own last one.
/// - Returns: h at every position, 0 beyond a sequence's length.
///
/// RNN-1. Elman 1990. SPEC.md, Elman RNN.
@specialized(where S == Float)
@specialized(where S == Double)
public func elmanRNN<S: Scalar>(
  _ x: Tensor<S>, _ p: ElmanRNN<S>, initial: Tensor<S>? = nil, lengths: Tensor<Int>? = nil,
  direction: Direction = .forward
) -> Tensor<S> {
  elmanRNNSteps(x, p, initial: initial, lengths: lengths, direction: direction).hidden
}

/// Elman's network with the state after its last step, which is the initial one if there is no step.
@specialized(where S == Float)
@specialized(where S == Double)
public func elmanRNNSteps<S: Scalar>(
  _ x: Tensor<S>, _ p: ElmanRNN<S>, initial: Tensor<S>? = nil, lengths: Tensor<Int>? = nil,
  direction: Direction = .forward
) -> ElmanRNNSteps<S> {
  let run = recurrence(
    x, p.gate, initial: [initial], lengths: lengths, direction: direction, kept: 1
  ) { x, states in [elmanRNNStep(x, states[0], p)] }
  return ElmanRNNSteps(hidden: run.kept[0], last: run.last[0])
}

/// Elman's network in both directions, each with parameters of its own.
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
/// RNN-1. Schuster and Paliwal 1997. SPEC.md, Elman RNN.
@specialized(where S == Float)
@specialized(where S == Double)
public func elmanRNN<S: Scalar>(
  _ x: Tensor<S>, forward: ElmanRNN<S>, reverse: ElmanRNN<S>, initial: Tensor<S>? = nil,
  reverseInitial: Tensor<S>? = nil, lengths: Tensor<Int>? = nil
) -> Tensor<S> {
  sideBySide(
    elmanRNN(x, forward, initial: initial, lengths: lengths),
    elmanRNN(x, reverse, initial: reverseInitial, lengths: lengths, direction: .reverse))
}

/// One step of Elman's network.
///
/// - Parameters:
///   - x: The inputs of one position, … × d.
///   - h: The states before, … × h.
///   - p: The parameters.
/// - Returns: The states after, … × h.
@specialized(where S == Float)
@specialized(where S == Double)
public func elmanRNNStep<S: Scalar>(
  _ x: Tensor<S>, _ h: Tensor<S>, _ p: ElmanRNN<S>
) -> Tensor<S> {
  _ = RecurrenceShape(step: x, p.gate, states: [h])
  return gated(x, h, p.gate, p.activation)
}

/// How the last state of Elman's network depends on its initial one.
///
///     ∂h_t/∂h_0 = diag(s_t) U · diag(s_(t−1)) U ⋯ diag(s_1) U        … × h × h
///     s = 1 − h² for tanh, and 1 or 0 as h > 0 for relu
///
/// - Parameters:
///   - hidden: The states in the order of the steps, … × t × h.
///   - p: The parameters, with tanh or relu, whose slopes the states tell.
/// - Returns: Row i has the derivatives of h_t's number i. Without steps it is the identity.
///
/// RNN-2. Pascanu et al. 2013, equation 5. SPEC.md, Elman RNN.
@specialized(where S == Float)
@specialized(where S == Double)
public func elmanRNNJacobian<S: Scalar>(hidden: Tensor<S>, _ p: ElmanRNN<S>) -> Tensor<S> {
  let shape = JacobianShape(hidden: hidden, p)
  let h = shape.width
  let states = hidden.matrices
  let identity = Tensor<S>(
    shape: [h, h], storage: (0..<h * h).map { $0 / h == $0 % h ? 1 : 0 })
  let products = (0..<shape.sequences).flatMap { g in
    (0..<shape.steps).reduce(identity) { product, t in
      var next = matrixProduct(p.gate.recurrent.weight, product)
      for i in 0..<h {
        let y = states[g, t, i]
        let slope: S = p.activation == .tanh ? 1 - y * y : y > 0 ? 1 : 0
        for j in 0..<h { next[i, j] = slope * next[i, j] }
      }
      return next
    }.storage
  }
  return Tensor(shape: shape.output, storage: products)
}
