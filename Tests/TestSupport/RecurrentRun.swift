import Notation
import Specification

/// What is given to a recurrent network, which differs from others of its kind in its form.
public struct RecurrentRun<S: Scalar, Form: Hashable & Sendable>: Sendable {
  /// … × t × d.
  public var x: Tensor<S>
  /// How many positions of each sequence count; all unless given.
  public var lengths: Tensor<Int>?
  /// From which end a network in one direction reads.
  public var direction: Direction
  /// The network, or the one that reads forwards of two.
  public var network: StackedGates<S>
  /// The network that reads backwards beside the first.
  public var reverse: StackedGates<S>?
  /// What it differs in from others of its kind.
  public let form: Form

  /// A run of all positions, forwards, unless it says otherwise.
  public init(
    x: Tensor<S>, lengths: Tensor<Int>? = nil, direction: Direction = .forward,
    network: StackedGates<S>, reverse: StackedGates<S>?, form: Form
  ) {
    (self.x, self.lengths, self.direction) = (x, lengths, direction)
    (self.network, self.reverse, self.form) = (network, reverse, form)
  }

  /// The same run in other numbers.
  public func converted<T: Scalar>(to type: T.Type = T.self) -> RecurrentRun<T, Form> {
    RecurrentRun<T, Form>(
      x: x.converted(), lengths: lengths, direction: direction, network: network.converted(),
      reverse: reverse?.converted(), form: form)
  }
}

/// The parameters of all gates, one below the other, and the states before the first step.
public struct StackedGates<S: Scalar>: Sendable {
  /// W and b.
  public var input: AffineMap<S>
  /// U and c.
  public var recurrent: AffineMap<S>
  /// h_0; zeros if `nil`.
  public var hidden: Tensor<S>?
  /// c_0; zeros if `nil`.
  public var cell: Tensor<S>?

  /// Parameters, and the states before the first step.
  public init(
    input: AffineMap<S>, recurrent: AffineMap<S>, hidden: Tensor<S>?, cell: Tensor<S>?
  ) {
    (self.input, self.recurrent, self.hidden, self.cell) = (input, recurrent, hidden, cell)
  }

  /// h, the width of the state.
  public var width: Int { recurrent.inputs }

  /// One of the gates.
  public func gate(_ k: Int, of count: Int) -> Gate<S> {
    func part(_ map: AffineMap<S>) -> AffineMap<S> {
      AffineMap(
        weight: map.weight.reshaped([count, width, map.inputs]).slice(k),
        bias: map.bias?.reshaped([count, width]).slice(k))
    }
    return Gate(input: part(input), recurrent: part(recurrent))
  }

  /// The same parameters in other numbers.
  public func converted<T: Scalar>(to type: T.Type = T.self) -> StackedGates<T> {
    StackedGates<T>(
      input: input.converted(), recurrent: recurrent.converted(), hidden: hidden?.converted(),
      cell: cell?.converted())
  }
}

/// Which gates long short-term memory has, in which order.
public enum LSTMForm: CaseIterable, Sendable {
  case inputForgetCandidateOutput, inputOutputForgetCandidate, inputCandidateOutput

  /// How many gates there are.
  public var gates: Int { self == .inputCandidateOutput ? 3 : 4 }

  /// The network that stacked gates make in this order.
  public func parameters<S: Scalar>(_ gates: StackedGates<S>) -> LSTM<S> {
    switch self {
    case .inputForgetCandidateOutput:
      return LSTM(input: gates.input, recurrent: gates.recurrent)
    case .inputOutputForgetCandidate:
      return LSTM(
        input: gates.input, recurrent: gates.recurrent, order: .inputOutputForgetCandidate)
    case .inputCandidateOutput:
      let three = (0..<3).map { gates.gate($0, of: 3) }
      return LSTM(inputGate: three[0], forgetGate: nil, candidate: three[1], outputGate: three[2])
    }
  }
}

extension GoldenCase {
  /// What the case gives to a network whose form an attribute names.
  public func recurrentRun<Form: CaseIterable>(
    form attribute: String
  ) throws -> RecurrentRun<Double, Form> {
    func gates(_ prefix: String) throws -> StackedGates<Double> {
      func input(_ name: String) throws -> Tensor<Double>? {
        let capital = name.prefix(1).uppercased() + name.dropFirst()
        return try self.input(prefix.isEmpty ? name : prefix + capital)
      }
      return StackedGates(
        input: AffineMap(weight: try input("inputWeight")!, bias: try input("inputBias")),
        recurrent: AffineMap(
          weight: try input("recurrentWeight")!, bias: try input("recurrentBias")),
        hidden: try input("initialHidden"), cell: try input("initialCell"))
    }
    let direction = attributes.string(needed: "direction")
    return RecurrentRun(
      x: try input("x")!, lengths: try integers("lengths"),
      direction: direction == "reverse" ? .reverse : .forward, network: try gates(""),
      reverse: direction == "both" ? try gates("reverse") : nil,
      form: attributes.dialect(attribute, of: Array(Form.allCases)))
  }
}
