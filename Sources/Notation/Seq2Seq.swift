/// A recurrent network of one kind.
public enum RecurrentCell<S: Scalar>: Sendable {
  /// Elman's network.
  case elmanRNN(ElmanRNN<S>)
  /// Long short-term memory.
  case lstm(LSTM<S>)
  /// The gated recurrent unit.
  case gru(GRU<S>)

  /// d, the width of the input.
  public var inputs: Int { gate.inputs }
  /// h, the width of the state.
  public var width: Int { gate.width }
  /// Whether there is a cell beside the state.
  public var hasCell: Bool { if case .lstm = self { true } else { false } }

  /// One of its gates.
  public var gate: Gate<S> {
    switch self {
    case .elmanRNN(let p): p.gate
    case .lstm(let p): p.inputGate
    case .gru(let p): p.reset
    }
  }

  /// The same network in another type.
  public func converted<T: Scalar>(to type: T.Type = T.self) -> RecurrentCell<T> {
    switch self {
    case .elmanRNN(let p): .elmanRNN(p.converted())
    case .lstm(let p): .lstm(p.converted())
    case .gru(let p): .gru(p.converted())
    }
  }
}

/// What a recurrent network hands from one step to the next.
public struct RecurrentState<S: Scalar>: Sendable {
  /// h: … × h.
  public var hidden: Tensor<S>
  /// c of an LSTM: … × h; `nil` for the other kinds.
  public var cell: Tensor<S>?

  /// Creates a state.
  public init(hidden: Tensor<S>, cell: Tensor<S>? = nil) {
    self.hidden = hidden
    self.cell = cell
  }
}

/// What reads the source.
public enum Seq2SeqEncoder<S: Scalar>: Sendable {
  /// One network; document 000 reads forwards, Sutskever et al. 2014 backwards.
  case oneWay(RecurrentCell<S>, Direction = .forward)
  /// Two networks, their states side by side, the forward one first: Bahdanau et al. 2014.
  case bothWays(forward: RecurrentCell<S>, reverse: RecurrentCell<S>)

  /// d, the width of the source's vectors.
  public var inputs: Int { last.inputs }
  /// e, the width of what it makes of a position.
  public var width: Int {
    switch self {
    case .oneWay(let cell, _): cell.width
    case .bothWays(let forward, let reverse): forward.width + reverse.width
    }
  }
  /// The network whose last state a decoder begins with; of two the one that reads backwards.
  public var last: RecurrentCell<S> {
    switch self {
    case .oneWay(let cell, _): cell
    case .bothWays(_, let reverse): reverse
    }
  }

  /// The same encoder in another type.
  public func converted<T: Scalar>(to type: T.Type = T.self) -> Seq2SeqEncoder<T> {
    switch self {
    case .oneWay(let cell, let direction): .oneWay(cell.converted(), direction)
    case .bothWays(let forward, let reverse):
      .bothWays(forward: forward.converted(), reverse: reverse.converted())
    }
  }
}

/// With which state a decoder begins.
public enum DecoderStart<S: Scalar>: Sendable {
  /// The encoder's last one, cell included: document 000, Sutskever et al. 2014.
  case encoderState
  /// tanh(W h + b) of the encoder's last h: Bahdanau et al. 2014.
  case mapped(AffineMap<S>)

  /// The same start in another type.
  public func converted<T: Scalar>(to type: T.Type = T.self) -> DecoderStart<T> {
    switch self {
    case .encoderState: .encoderState
    case .mapped(let map): .mapped(map.converted())
    }
  }
}

/// What scores a position of the source, for a state of the decoder.
public enum DecoderScore<S: Scalar>: Sendable {
  /// A scoring function of the state and what the encoder made of the position.
  case function(ScoringFunction<S>)
  /// tanh(w · [h; e] + b), the state first, w being 1 × (h + e): document 000's code. No weight can be
  /// more than e² times another (SPEC.md, ERR-11).
  case tanhOfLinear(AffineMap<S>)

  /// The same score in another type.
  public func converted<T: Scalar>(to type: T.Type = T.self) -> DecoderScore<T> {
    switch self {
    case .function(let function): .function(function.converted())
    case .tanhOfLinear(let map): .tanhOfLinear(map.converted())
    }
  }
}

/// Where a decoder looks at the source.
public enum DecoderAttention<S: Scalar>: Sendable {
  /// Nowhere: the state that it begins with is all that it knows. Sutskever et al. 2014.
  case none
  /// Before a step: the previous state asks, and the context enters the step behind the input, [y; c].
  /// Bahdanau et al. 2014, document 000.
  case beforeStep(DecoderScore<S>)
  /// After a step: the new state asks, and the logits come from tanh(W [c; h] + b), the context first.
  /// Luong et al. 2015.
  case afterStep(DecoderScore<S>, combination: AffineMap<S>)

  /// What scores a position.
  public var score: DecoderScore<S>? {
    switch self {
    case .none: nil
    case .beforeStep(let score), .afterStep(let score, _): score
    }
  }

  /// The map of context and state after a step.
  public var combination: AffineMap<S>? {
    if case .afterStep(_, let combination) = self { combination } else { nil }
  }

  /// The same attention in another type.
  public func converted<T: Scalar>(to type: T.Type = T.self) -> DecoderAttention<T> {
    switch self {
    case .none: .none
    case .beforeStep(let score): .beforeStep(score.converted())
    case .afterStep(let score, let combination):
      .afterStep(score.converted(), combination: combination.converted())
    }
  }
}

/// The parameters of an encoder and a decoder with or without attention, and their dialect.
public struct Seq2Seq<S: Scalar>: Sendable {
  /// What reads the source.
  public var encoder: Seq2SeqEncoder<S>
  /// With which state the decoder begins.
  public var start: DecoderStart<S>
  /// Where the decoder looks at the source.
  public var attention: DecoderAttention<S>
  /// The decoder's network.
  public var decoder: RecurrentCell<S>
  /// From the state, or from what attention made of it, to logits: v × its width.
  public var output: AffineMap<S>

  /// Creates the parameters.
  public init(
    encoder: Seq2SeqEncoder<S>, start: DecoderStart<S> = .encoderState,
    attention: DecoderAttention<S>, decoder: RecurrentCell<S>, output: AffineMap<S>
  ) {
    let (e, h, last) = (encoder.width, decoder.width, encoder.last)
    if case .bothWays(let forward, _) = encoder {
      require(
        forward.inputs == last.inputs,
        "both directions must read vectors of one width: got \(forward.inputs) and \(last.inputs)")
    }
    switch start {
    case .encoderState:
      var isOneWay = true
      if case .bothWays = encoder { isOneWay = false }
      require(
        isOneWay && last.width == h && last.hasCell == decoder.hasCell,
        "a decoder that begins with the encoder's state needs an encoder that reads one way, of "
          + "\(h) numbers and \(decoder.hasCell ? "a" : "no") cell")
    case .mapped(let map):
      require(
        map.inputs == last.width && map.outputs == h && !decoder.hasCell,
        "the first state must be a map \(h) × \(last.width), for a decoder without a cell: "
          + "got \(described(map.weight.shape))")
    }
    var read = h
    switch attention {
    case .none: break
    case .beforeStep(let score):
      require(
        decoder.inputs >= e,
        "a step must take an input and a context of \(e) numbers: got \(decoder.inputs) in all")
      score.check(h, e)
    case .afterStep(let score, let combination):
      require(
        combination.inputs == e + h,
        "context and state are \(e) and \(h) numbers: "
          + "the combination's weight is \(described(combination.weight.shape))")
      score.check(h, e)
      read = combination.outputs
    }
    require(
      output.inputs == read,
      "the output map must take \(read) numbers: got \(described(output.weight.shape))")
    self.encoder = encoder
    self.start = start
    self.attention = attention
    self.decoder = decoder
    self.output = output
  }

  /// The width of y, what a step gets beside the context.
  public var inputs: Int {
    if case .beforeStep = attention { decoder.inputs - encoder.width } else { decoder.inputs }
  }

  /// The same model in another type.
  public func converted<T: Scalar>(to type: T.Type = T.self) -> Seq2Seq<T> {
    Seq2Seq<T>(
      encoder: encoder.converted(), start: start.converted(), attention: attention.converted(),
      decoder: decoder.converted(), output: output.converted())
  }
}

extension Seq2Seq {
  /// Stops unless what the encoder made and the input of a step fit.
  public func check(_ encoding: Seq2SeqEncoding<S>, input: [Int]) {
    let (outputs, leading) = (encoding.outputs.shape, encoding.outputs.leadingShape)
    require(
      outputs.count >= 2 && outputs.last == encoder.width
        && encoding.keep.shape == outputs.dropLast(),
      "an encoding must be … × s × \(encoder.width) with … × s flags: got \(described(outputs)) "
        + "and \(described(encoding.keep.shape))")
    require(
      input == leading + [inputs],
      "the input of a step must be \(described(leading + [inputs])): got \(described(input))")
  }

  /// Stops unless tokens can be fed back in so many steps.
  public func check(_ feedback: Feedback<S>, steps t: Int) {
    require(t >= 0, "a number of steps cannot be negative: got \(t)")
    let (v, width) = (output.outputs, inputs)
    switch feedback {
    case .oneHot:
      require(
        v == width, "a token's one-hot vector has \(v) elements, but a step's input has \(width)")
    case .table(let table):
      require(
        table.shape == [v, width],
        "a table of the \(v) tokens must be \(v) × \(width): got \(described(table.shape))")
    }
  }
}

/// Stops unless the inputs of all steps belong to the sources.
public func checkInputs<S: Scalar>(_ inputs: Tensor<S>, source: Tensor<S>) {
  require(
    inputs.rank == source.rank && inputs.rank >= 2 && inputs.leadingShape == source.leadingShape,
    "inputs must have the leading dimensions of the source, \(described(source.shape)): "
      + "got \(described(inputs.shape))")
}

extension DecoderScore {
  fileprivate func check(_ h: Int, _ e: Int) {
    guard case .tanhOfLinear(let map) = self else { return }
    require(
      map.weight.shape == [1, h + e],
      "the score of a state of \(h) and a context of \(e) numbers needs a weight 1 × \(h + e): "
        + "got \(described(map.weight.shape))")
  }
}

/// What the encoder makes of a source.
public struct Seq2SeqEncoding<S: Scalar>: Sendable {
  /// One vector for each position, 0 beyond a sequence's length: … × s × e.
  public var outputs: Tensor<S>
  /// Which positions are within the sequence's length: … × s.
  public var keep: Tensor<Bool>
  /// The state after the last step, of two networks that of the one which reads backwards.
  public var last: RecurrentState<S>

  /// Creates the record of one source.
  public init(outputs: Tensor<S>, keep: Tensor<Bool>, last: RecurrentState<S>) {
    self.outputs = outputs
    self.keep = keep
    self.last = last
  }

  /// Creates the record of sources of which so many positions count, … ; all if `nil`.
  public init(outputs: Tensor<S>, lengths: Tensor<Int>?, last: RecurrentState<S>) {
    let (leading, s) = (outputs.leadingShape, outputs.shape[outputs.rank - 2])
    let lengths = lengths ?? Tensor(shape: leading, repeating: s)
    let keep = lengths.storage.flatMap { length in (0..<s).map { $0 < length } }
    self.init(
      outputs: outputs, keep: Tensor(shape: leading + [s], storage: keep), last: last)
  }
}

/// What a decoder's step gives.
public struct Seq2SeqStep<S: Scalar>: Sendable {
  /// The state after the step.
  public var state: RecurrentState<S>
  /// The attention, its queries being one; `nil` without attention.
  public var attention: AttentionSteps<S>?
  /// What the logits are a map of: tanh(W [c; h] + b) after the step, h elsewhere: … × its width.
  public var combined: Tensor<S>
  /// A score for every token to come next: … × v.
  public var logits: Tensor<S>

  /// Creates the record of one step.
  public init(
    state: RecurrentState<S>, attention: AttentionSteps<S>?, combined: Tensor<S>,
    logits: Tensor<S>
  ) {
    self.state = state
    self.attention = attention
    self.combined = combined
    self.logits = logits
  }
}

/// Everything that encoder and decoder compute.
public struct Seq2SeqSteps<S: Scalar>: Sendable {
  /// What the encoder makes of the source.
  public var encoding: Seq2SeqEncoding<S>
  /// The state that the decoder begins with.
  public var first: RecurrentState<S>
  /// The attention of every step, … × t × s, its output being the contexts, … × t × e; `nil` without
  /// attention.
  public var attention: AttentionSteps<S>?
  /// The states after every step: … × t × h.
  public var hidden: Tensor<S>
  /// What the logits are a map of: … × t × its width.
  public var combined: Tensor<S>
  /// The scores: … × t × v.
  public var logits: Tensor<S>
  /// The likeliest token after every step: … × t.
  public var tokens: Tensor<Int>

  /// Creates the record of one pass.
  public init(
    encoding: Seq2SeqEncoding<S>, first: RecurrentState<S>, attention: AttentionSteps<S>?,
    hidden: Tensor<S>, combined: Tensor<S>, logits: Tensor<S>, tokens: Tensor<Int>
  ) {
    self.encoding = encoding
    self.first = first
    self.attention = attention
    self.hidden = hidden
    self.combined = combined
    self.logits = logits
    self.tokens = tokens
  }
}

/// What the next step gets of the token that the last one gave.
public enum Feedback<S: Scalar>: Sendable {
  /// 1 at the token, 0 elsewhere: what document 000's vectors ask for.
  case oneHot
  /// The token's row of a table: v × the width of y.
  case table(Tensor<S>)

  /// The same feedback in another type.
  public func converted<T: Scalar>(to type: T.Type = T.self) -> Feedback<T> {
    switch self {
    case .oneHot: .oneHot
    case .table(let table): .table(table.converted())
    }
  }
}
