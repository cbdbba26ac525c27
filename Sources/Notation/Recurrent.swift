/// The two maps of one gate: W x + b + U h + c, of the input x and the state h.
///
/// PyTorch keeps both biases; the papers have one of them, which is the same unless something stands
/// between the two maps (SPEC.md, GRU).
public struct Gate<S: Scalar>: Sendable {
  /// W and b: h × d.
  public var input: AffineMap<S>
  /// U and c: h × h.
  public var recurrent: AffineMap<S>

  /// Creates the maps.
  public init(input: AffineMap<S>, recurrent: AffineMap<S>) {
    require(
      recurrent.weight.shape == [input.outputs, input.outputs],
      "a recurrent weight must be \(input.outputs) × \(input.outputs), from state to state: "
        + "got \(described(recurrent.weight.shape))")
    self.input = input
    self.recurrent = recurrent
  }

  /// d, the width of the input.
  public var inputs: Int { input.inputs }
  /// h, the width of the state.
  public var width: Int { input.outputs }

  /// The same maps in another type.
  public func converted<T: Scalar>(to type: T.Type = T.self) -> Gate<T> {
    Gate<T>(input: input.converted(), recurrent: recurrent.converted())
  }

  /// The gates whose maps are stored one below the other: count·h × d and count·h × h.
  static func stacked(_ count: Int, input: AffineMap<S>, recurrent: AffineMap<S>) -> [Gate] {
    require(
      input.outputs == count * recurrent.inputs && recurrent.outputs == input.outputs,
      "the maps of \(count) gates must be \(count)·h × d and \(count)·h × h: "
        + "got \(described(input.weight.shape)) and \(described(recurrent.weight.shape))")
    func part(_ map: AffineMap<S>, _ gate: Int) -> AffineMap<S> {
      let h = recurrent.inputs
      return AffineMap(
        weight: map.weight.reshaped([count, h, map.inputs]).slice(gate),
        bias: map.bias?.reshaped([count, h]).slice(gate))
    }
    return (0..<count).map { Gate(input: part(input, $0), recurrent: part(recurrent, $0)) }
  }
}

/// In which direction a recurrent network reads.
public enum Direction: Hashable, Sendable, CaseIterable {
  /// From the first position to the last.
  case forward
  /// From a sequence's own last position to the first; what is computed at a position stays there.
  case reverse
}

// MARK: - Elman

/// The parameters of Elman's network: one gate, and what follows it.
public struct ElmanRNN<S: Scalar>: Sendable {
  /// W, b, U and c.
  public var gate: Gate<S>
  /// What follows the maps; PyTorch has tanh and relu.
  public var activation: Activation

  /// Creates the parameters.
  public init(input: AffineMap<S>, recurrent: AffineMap<S>, activation: Activation = .tanh) {
    self.gate = Gate(input: input, recurrent: recurrent)
    self.activation = activation
  }

  /// The same parameters in another type.
  public func converted<T: Scalar>(to type: T.Type = T.self) -> ElmanRNN<T> {
    ElmanRNN<T>(
      input: gate.input.converted(), recurrent: gate.recurrent.converted(), activation: activation)
  }
}

/// The states of Elman's network.
public struct ElmanRNNSteps<S: Scalar>: Sendable {
  /// h at every position: … × t × h.
  public var hidden: Tensor<S>
  /// h after the last step: … × h.
  public var last: Tensor<S>

  /// Creates the record of one run.
  public init(hidden: Tensor<S>, last: Tensor<S>) {
    self.hidden = hidden
    self.last = last
  }
}

// MARK: - LSTM

/// The parameters of long short-term memory.
public struct LSTM<S: Scalar>: Sendable {
  /// What lets the candidate into the cell.
  public var inputGate: Gate<S>
  /// What keeps the cell; `nil` keeps all of it, as Hochreiter and Schmidhuber 1997 do.
  public var forgetGate: Gate<S>?
  /// What is to be added to the cell.
  public var candidate: Gate<S>
  /// What lets the cell out into the state.
  public var outputGate: Gate<S>

  /// Creates the parameters.
  public init(
    inputGate: Gate<S>, forgetGate: Gate<S>?, candidate: Gate<S>, outputGate: Gate<S>
  ) {
    requireOneShape([inputGate, forgetGate ?? inputGate, candidate, outputGate])
    self.inputGate = inputGate
    self.forgetGate = forgetGate
    self.candidate = candidate
    self.outputGate = outputGate
  }

  /// Creates the parameters from the maps of all four gates, stored one below the other.
  ///
  /// - Parameters:
  ///   - input: 4h × d.
  ///   - recurrent: 4h × h.
  ///   - order: Which gate is where.
  public init(
    input: AffineMap<S>, recurrent: AffineMap<S>, order: GateOrder = .inputForgetCandidateOutput
  ) {
    let gates = Gate.stacked(4, input: input, recurrent: recurrent)
    switch order {
    case .inputForgetCandidateOutput:
      self.init(
        inputGate: gates[0], forgetGate: gates[1], candidate: gates[2], outputGate: gates[3])
    case .inputOutputForgetCandidate:
      self.init(
        inputGate: gates[0], forgetGate: gates[2], candidate: gates[3], outputGate: gates[1])
    }
  }

  /// The same parameters in another type.
  public func converted<T: Scalar>(to type: T.Type = T.self) -> LSTM<T> {
    LSTM<T>(
      inputGate: inputGate.converted(), forgetGate: forgetGate?.converted(),
      candidate: candidate.converted(), outputGate: outputGate.converted())
  }
}

/// In which order the maps of an LSTM's gates are stored.
public enum GateOrder: Hashable, Sendable, CaseIterable {
  /// i, f, g, o: PyTorch, cuDNN, Keras.
  case inputForgetCandidateOutput
  /// i, o, f, g: ONNX, which calls g c.
  case inputOutputForgetCandidate
}

/// What an LSTM hands from one position to the next.
public struct LSTMState<S: Scalar>: Sendable {
  /// h: … × h.
  public var hidden: Tensor<S>
  /// c: … × h.
  public var cell: Tensor<S>

  /// Creates a state.
  public init(hidden: Tensor<S>, cell: Tensor<S>) {
    self.hidden = hidden
    self.cell = cell
  }

  /// The same state in another type.
  public func converted<T: Scalar>(to type: T.Type = T.self) -> LSTMState<T> {
    LSTMState<T>(hidden: hidden.converted(), cell: cell.converted())
  }
}

/// Everything that an LSTM computes: of all positions, each … × t × h, or of one, each … × h.
public struct LSTMSteps<S: Scalar>: Sendable {
  /// The input gate, i.
  public var inputGate: Tensor<S>
  /// The forget gate, f; ones if there is none.
  public var forgetGate: Tensor<S>
  /// The candidate, g.
  public var candidate: Tensor<S>
  /// The output gate, o.
  public var outputGate: Tensor<S>
  /// The cell, c.
  public var cell: Tensor<S>
  /// The state, h.
  public var hidden: Tensor<S>
  /// h and c after the last step: … × h.
  public var last: LSTMState<S>

  /// Creates the record of one run.
  public init(
    inputGate: Tensor<S>, forgetGate: Tensor<S>, candidate: Tensor<S>, outputGate: Tensor<S>,
    cell: Tensor<S>, hidden: Tensor<S>, last: LSTMState<S>
  ) {
    self.inputGate = inputGate
    self.forgetGate = forgetGate
    self.candidate = candidate
    self.outputGate = outputGate
    self.cell = cell
    self.hidden = hidden
    self.last = last
  }
}

// MARK: - GRU

/// The parameters of a gated recurrent unit.
public struct GRU<S: Scalar>: Sendable {
  /// r, what lets the state into the candidate.
  public var reset: Gate<S>
  /// z, what chooses between the state and the candidate.
  public var update: Gate<S>
  /// n, what may become the state.
  public var candidate: Gate<S>
  /// Where r stands, and what z chooses.
  public var form: GRUForm

  /// Creates the parameters.
  public init(
    reset: Gate<S>, update: Gate<S>, candidate: Gate<S>, form: GRUForm = .resetAfter
  ) {
    requireOneShape([reset, update, candidate])
    self.reset = reset
    self.update = update
    self.candidate = candidate
    self.form = form
  }

  /// Creates the parameters from the maps r, z and n, stored one below the other as PyTorch does.
  ///
  /// - Parameters:
  ///   - input: 3h × d.
  ///   - recurrent: 3h × h.
  ///   - form: Where r stands, and what z chooses.
  public init(input: AffineMap<S>, recurrent: AffineMap<S>, form: GRUForm = .resetAfter) {
    let gates = Gate.stacked(3, input: input, recurrent: recurrent)
    self.init(reset: gates[0], update: gates[1], candidate: gates[2], form: form)
  }

  /// The same parameters in another type.
  public func converted<T: Scalar>(to type: T.Type = T.self) -> GRU<T> {
    GRU<T>(
      reset: reset.converted(), update: update.converted(), candidate: candidate.converted(),
      form: form)
  }
}

/// Where a gated recurrent unit resets, and whether its update gate keeps the state or replaces it.
public enum GRUForm: Hashable, Sendable, CaseIterable {
  /// n = tanh(W x + b + r ⊙ (U h + c)), h′ = (1 − z) ⊙ n + z ⊙ h: PyTorch, cuDNN.
  case resetAfter
  /// n = tanh(W x + b + U (r ⊙ h) + c), h′ = (1 − z) ⊙ n + z ⊙ h: Cho et al. 2014.
  case resetBefore
  /// n as in `resetBefore`, h′ = (1 − z) ⊙ h + z ⊙ n: Chung et al. 2014, Bahdanau et al. 2014.
  case resetBeforeUpdateSwapped
}

/// Everything that a gated recurrent unit computes: of all positions, each … × t × h, or of one, each
/// … × h.
public struct GRUSteps<S: Scalar>: Sendable {
  /// The reset gate, r.
  public var reset: Tensor<S>
  /// The update gate, z.
  public var update: Tensor<S>
  /// The candidate, n.
  public var candidate: Tensor<S>
  /// The state, h.
  public var hidden: Tensor<S>
  /// h after the last step: … × h.
  public var last: Tensor<S>

  /// Creates the record of one run.
  public init(
    reset: Tensor<S>, update: Tensor<S>, candidate: Tensor<S>, hidden: Tensor<S>, last: Tensor<S>
  ) {
    self.reset = reset
    self.update = update
    self.candidate = candidate
    self.hidden = hidden
    self.last = last
  }
}

private func requireOneShape<S: Scalar>(_ gates: [Gate<S>]) {
  let shapes = gates.map { $0.input.weight.shape }
  require(
    shapes.allSatisfy { $0 == shapes[0] },
    "all gates must be h × d alike: got \(shapes.map(described).joined(separator: ", "))")
}
