/// The extents of a run of a recurrent network, checked: both modules refuse wrong shapes with these
/// sentences.
public struct RecurrenceShape: Hashable, Sendable {
  /// The shape of what is kept at every position: … × t × h, or … × h of a single step.
  public let kept: [Int]
  /// The shape of the states before and after: … × h.
  public let state: [Int]
  /// t, the number of positions.
  public let positions: Int
  /// d, the width of the input.
  public let inputs: Int
  /// h, the width of the state.
  public let width: Int
  /// How many positions of each sequence count.
  public let lengths: [Int]

  /// The number of sequences that the leading dimensions hold.
  public var sequences: Int { lengths.count }

  /// Reads the extents off x: … × t × d, one of the gates, the states before the first step and the
  /// lengths, and stops unless they fit each other.
  public init<S: Scalar>(
    _ x: Tensor<S>, _ gate: Gate<S>, initial: [Tensor<S>?], lengths: Tensor<Int>?
  ) {
    require(
      x.rank >= 2 && x.shape[x.rank - 1] == gate.inputs,
      "x must be … × t × \(gate.inputs): got \(described(x.shape))")
    let (leading, t) = (x.leadingShape, x.shape[x.rank - 2])
    let lengths = lengths ?? Tensor(shape: leading, repeating: t)
    self.init(x, gate, leading: leading, positions: t, lengths: lengths.storage)
    for given in initial {
      require(
        given == nil || given!.shape == state,
        "an initial state must be \(described(state)), for x of \(described(x.shape)): "
          + "got \(described(given?.shape ?? []))")
    }
    require(
      lengths.shape == leading,
      "lengths must be \(described(leading)), one for each sequence: "
        + "got \(described(lengths.shape))")
    require(
      lengths.storage.allSatisfy { 0...t ~= $0 },
      "a length must be between 0 and \(t): got \(lengths.storage)")
  }

  /// Reads the extents of a single step off x: … × d, one of the gates and the states before it, and
  /// stops unless they fit each other.
  public init<S: Scalar>(step x: Tensor<S>, _ gate: Gate<S>, states: [Tensor<S>]) {
    require(
      x.rank >= 1 && x.shape[x.rank - 1] == gate.inputs,
      "x must be … × \(gate.inputs): got \(described(x.shape))")
    let leading = Array(x.shape.dropLast())
    self.init(
      x, gate, leading: leading, positions: 1,
      lengths: Array(repeating: 1, count: leading.reduce(1, *)))
    for given in states {
      require(
        given.shape == state,
        "a state must be \(described(state)), for x of \(described(x.shape)): "
          + "got \(described(given.shape))")
    }
  }

  /// The extents of a run whose inputs come step by step, checked against the states before the first.
  public init<S: Scalar>(
    _ gate: Gate<S>, leading: [Int], positions: Int, states: [Tensor<S>?]
  ) {
    (inputs, width) = (gate.inputs, gate.width)
    kept = leading + [positions, gate.width]
    state = leading + [gate.width]
    self.positions = positions
    lengths = Array(repeating: positions, count: leading.reduce(1, *))
    for given in states {
      require(
        given == nil || given!.shape == state,
        "a state must be \(described(state)): got \(described(given?.shape ?? []))")
    }
  }

  private init<S: Scalar>(
    _ x: Tensor<S>, _ gate: Gate<S>, leading: [Int], positions: Int, lengths: [Int]
  ) {
    (inputs, width) = (gate.inputs, gate.width)
    kept = x.shape.dropLast() + [width]
    state = leading + [width]
    (self.positions, self.lengths) = (positions, lengths)
  }
}

/// The extents of the derivatives of Elman's network, checked: both modules refuse what does not fit with
/// these sentences.
public struct JacobianShape: Hashable, Sendable {
  /// The number of sequences that the leading dimensions hold.
  public let sequences: Int
  /// t, the number of steps.
  public let steps: Int
  /// h, the width of the state.
  public let width: Int
  /// The shape of the derivatives: … × h × h.
  public let output: [Int]

  /// Reads the extents off the states: … × t × h, and stops unless the parameters fit them and have an
  /// activation whose slopes follow from them.
  public init<S: Scalar>(hidden: Tensor<S>, _ p: ElmanRNN<S>) {
    let h = p.gate.width
    require(
      hidden.rank >= 2 && hidden.shape[hidden.rank - 1] == h,
      "the states must be … × t × \(h): got \(described(hidden.shape))")
    require(
      p.activation == .tanh || p.activation == .relu,
      "the slopes of tanh and relu follow from the states, those of \(p.activation) do not")
    (steps, width) = (hidden.shape[hidden.rank - 2], h)
    sequences = hidden.leadingShape.reduce(1, *)
    output = hidden.leadingShape + [h, h]
  }
}
