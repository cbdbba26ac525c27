import Equations
import Notation
import Specification
import TestSupport

/// A kind of recurrent network: what the tests of all three have to know of it.
protocol RecurrentKind: SendableMetatype {
  /// What one network of the kind differs in from another, by the name that the vectors have for it.
  associatedtype Form: CaseIterable & Hashable & Sendable
  /// The function's name in the golden vectors.
  static var function: String { get }
  /// The attribute that names the form.
  static var attribute: String { get }
  /// How many gates are stored one below the other.
  static func gates(_ form: Form) -> Int
  /// The names of what is kept at every position; the state is the last.
  static var kept: [String] { get }
  /// The names of the last states.
  static var last: [String] { get }
  /// The equation, by those names; of two directions `hidden` alone.
  static func equation<S: Scalar>(_ input: RecurrentCase<S, Self>) -> [String: Tensor<S>]
  /// One step as SPEC.md writes it, number by number.
  static func cell<S: Scalar>(_ step: CellStep<S>, _ form: Form) -> CellResult<S>
}

/// What a cell has at one position.
struct CellStep<S: Scalar> {
  /// W x + b of every gate.
  let own: [[S]]
  /// U h + c of a gate, of any h.
  let past: (_ gate: Int, _ h: [S]) -> [S]
  /// The states before.
  let states: [[S]]

  /// W x + b + U h + c of a gate.
  func gate(_ k: Int) -> [S] { zip(own[k], past(k, states[0])).map { $0 + $1 } }
}

/// What a cell makes of it: everything to be kept, and the states after.
typealias CellResult<S> = (kept: [[S]], states: [[S]])

/// What is given to a recurrent network.
struct RecurrentCase<S: Scalar, Kind: RecurrentKind>: Sendable {
  var x: Tensor<S>
  var lengths: Tensor<Int>?
  var direction = Direction.forward
  var network: StackedGates<S>
  /// The network that reads backwards beside the first.
  var reverse: StackedGates<S>?
  var form: Kind.Form

  func converted<T: Scalar>(to type: T.Type = T.self) -> RecurrentCase<T, Kind> {
    RecurrentCase<T, Kind>(
      x: x.converted(), lengths: lengths, direction: direction, network: network.converted(),
      reverse: reverse?.converted(), form: form)
  }
}

typealias RecurrentFunction<Kind: RecurrentKind> =
  @Sendable (RecurrentCase<Double, Kind>) -> [String: Tensor<Double>]

// MARK: - Golden vectors

extension RecurrentKind {
  /// The golden vectors of the kind.
  static var vectors: [GoldenCase] { get throws { try GoldenCase.all(of: function) } }

  /// What a golden vector gives to the network.
  static func input(_ vector: GoldenCase) throws -> RecurrentCase<Double, Self> {
    let run = try vector.recurrentRun(form: attribute) as RecurrentRun<Double, Form>
    return RecurrentCase(
      x: run.x, lengths: run.lengths, direction: run.direction, network: run.network,
      reverse: run.reverse, form: run.form)
  }

  /// Throws unless an implementation agrees with a golden vector.
  static func compare(
    _ network: RecurrentFunction<Self>, with vector: GoldenCase
  ) throws {
    try vector.check(network(try input(vector)))
  }
}

// MARK: - The definition

/// A network's states and whatever else is kept, one position after the other.
func unrolled<S: Scalar, Kind: RecurrentKind>(
  _ input: RecurrentCase<S, Kind>,
  cell: (CellStep<S>, Kind.Form) -> CellResult<S> = Kind.cell
) -> [String: Tensor<S>] {
  let first = unrolled(input, input.network, input.direction, cell)
  guard let reverse = input.reverse else { return first }
  return [
    "hidden": sideBySide(
      first["hidden"]!, unrolled(input, reverse, .reverse, cell)["hidden"]!)
  ]
}

private func unrolled<S: Scalar, Kind: RecurrentKind>(
  _ input: RecurrentCase<S, Kind>, _ network: StackedGates<S>, _ direction: Direction,
  _ cell: (CellStep<S>, Kind.Form) -> CellResult<S>
) -> [String: Tensor<S>] {
  let (x, leading, h) = (input.x.matrices, input.x.leadingShape, network.width)
  let (b, t) = (x.shape[0], x.shape[1])
  func map(_ map: AffineMap<S>, _ gate: Int, _ x: [S]) -> [S] {
    (gate * h..<(gate + 1) * h).map { row in
      x.indices.reduce(map.bias?[row] ?? 0) { $0 + map.weight[row, $1] * x[$1] }
    }
  }
  var kept = Kind.kept.map { _ in Tensor<S>(shape: [b, t, h], repeating: 0) }
  var last = Kind.last.map { _ in Tensor<S>(shape: [b, h], repeating: 0) }
  for g in 0..<b {
    var states = [network.hidden, network.cell].prefix(last.count).map { state in
      state.map { $0.rows.slice(g).storage } ?? Array(repeating: 0, count: h)
    }
    let read = Array(0..<(input.lengths?.storage[g] ?? t))
    for at in direction == .forward ? read : read.reversed() {
      let position = x.slice(g).slice(at).storage
      let own = (0..<Kind.gates(input.form)).map { map(network.input, $0, position) }
      let result = cell(
        CellStep(own: own, past: { map(network.recurrent, $0, $1) }, states: states), input.form)
      for (k, values) in result.kept.enumerated() {
        for j in 0..<h { kept[k][g, at, j] = values[j] }
      }
      states = result.states
    }
    for (k, state) in states.enumerated() {
      for j in 0..<h { last[k][g, j] = state[j] }
    }
  }
  let positions = zip(Kind.kept, kept.map { $0.reshaped(leading + [t, h]) })
  let ends = zip(Kind.last, last.map { $0.reshaped(leading + [h]) })
  return Dictionary(uniqueKeysWithValues: Array(positions) + Array(ends))
}

/// The rows of both, one after the other.
func sideBySide<S: Scalar>(_ a: Tensor<S>, _ b: Tensor<S>) -> Tensor<S> {
  a.transposed.followed(by: b.transposed).transposed
}

/// 1 / (1 + exp(−x)).
func logistic<S: Scalar>(_ x: S) -> S {
  activate(Tensor(shape: [], storage: [x]), .sigmoid).storage[0]
}

extension StackedGates<Double> {
  /// The same parameters with one of the gates without weights, its bias being the number given: far
  /// from 0 it is open or closed.
  func held(_ gate: Int, at bias: Double) -> StackedGates {
    var held = self
    let rows = gate * width..<(gate + 1) * width
    for row in rows {
      for column in 0..<input.inputs { held.input.weight[row, column] = 0 }
      for column in 0..<width { held.recurrent.weight[row, column] = 0 }
      held.recurrent.bias?[row] = 0
    }
    held.input.bias = Tensor(
      shape: [input.outputs],
      storage: (0..<input.outputs).map { rows ~= $0 ? bias : input.bias?[$0] ?? 0 })
    return held
  }
}
