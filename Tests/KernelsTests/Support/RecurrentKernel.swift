import ErrorBounds
import Kernels
import Notation
import Specification
import TestSupport

/// A kind of recurrent network, as the tests of all three kernels know it; results go by the names that
/// the golden vectors have for them.
protocol RecurrentKernel: SendableMetatype {
  /// What one network of the kind differs in from another, by the vectors' name.
  associatedtype Form: CaseIterable & Hashable & Sendable
  /// The function's name in the golden vectors.
  static var function: String { get }
  /// The attribute that names the form.
  static var attribute: String { get }
  /// How many gates are stored one below the other.
  static func gates(_ form: Form) -> Int
  static func kernel(_ run: RecurrentRun<Float, Form>) -> [String: Tensor<Float>]
  /// The kernel of a network in one direction, its maps packed.
  static func packed(_ run: RecurrentRun<Float, Form>) -> [String: Tensor<Float>]
  /// The step function from position to position, every sequence being read forwards to its end.
  static func stepwise(_ run: RecurrentRun<Float, Form>) -> [String: Tensor<Float>]
  static func equation(_ run: RecurrentRun<Double, Form>) -> [String: Tensor<Double>]
  static func bounds(_ run: RecurrentRun<Double, Form>) -> [String: Tensor<Double>]
}

extension RecurrentRun {
  /// The run of one sequence, its other dimensions gone.
  fileprivate func keeping(_ g: Int) -> RecurrentRun {
    func alone(_ network: StackedGates<S>) -> StackedGates<S> {
      var network = network
      (network.hidden, network.cell) = (network.hidden?.slice(g), network.cell?.slice(g))
      return network
    }
    var run = self
    (run.x, run.network, run.reverse) = (x.slice(g), alone(network), reverse.map(alone))
    run.lengths = lengths.map { Tensor(shape: [], storage: [$0[g]]) }
    return run
  }
}

extension RecurrentKernel {
  /// The golden vectors of the kind.
  static var vectors: [GoldenCase] { get throws { try GoldenCase.all(of: function) } }

  /// What a golden vector gives to the network.
  static func run(_ vector: GoldenCase) throws -> RecurrentRun<Double, Form> {
    try vector.recurrentRun(form: attribute)
  }

  /// Throws unless the kernel agrees with a vector within its own bound and within the vector's.
  static func expectGolden(_ vector: GoldenCase) throws {
    let run = try run(vector)
    let (results, bounds) = (fenced { kernel(run.converted()) }, bounds(run))
    for name in vector.gaugedNames {
      try ErrorGauge(
        got: results[name]!, expected: try vector.expected(name)!, bound: bounds[name]!)
    }
    try vector.check(results.mapValues { $0.converted() }, unit: Float.unitRoundoff)
  }

  /// Throws unless the kernel agrees with the equation, whatever is given to both.
  static func expectAgreement() throws {
    try checkProperty("\(function) agreement", cases: 60) { draw in
      let run = draw.run(of: Self.self)
      let (results, wide) = (fenced { kernel(run) }, run.converted(to: Double.self))
      let (expected, bounds) = (equation(wide), bounds(wide))
      for (name, got) in results {
        try ErrorGauge(got: got, expected: expected[name]!, bound: bounds[name]!)
      }
    }
  }

  /// Throws unless a sequence has the same bits alone, without what lies beyond its length, from one
  /// thread or several, and from packed maps.
  static func expectSameBitsEverywhere() throws {
    for form in Form.allCases {
      for (b, t, d, h) in [(37, 3, 5, 17), (75, 2, 3, 4), (17, 9, 30, 70)] {
        var run = RecurrentRun<Float, Form>.drawn(
          self, form, b: b, t: t, d: d, h: h, seed: UInt64(b))
        run.lengths = Tensor(shape: [b], storage: (0..<b).map { $0 * 7 % (t + 1) })
        run.reverse = nil
        let one = Threads.$count.withValue(1) { kernel(run) }
        for count in [2, 5] {
          let several = Threads.$count.withValue(count) { kernel(run) }
          for (name, result) in several { try expectSameBits(result, one[name]!) }
        }
        for (name, result) in packed(run) { try expectSameBits(result, one[name]!) }
        for g in 0..<b {
          var alone = run.keeping(g)
          for i in run.lengths![g] * d..<t * d { alone.x.storage[i] = .nan }
          for (name, result) in kernel(alone) { try expectSameBits(result, one[name]!.slice(g)) }
        }
      }
    }
  }

  /// Throws unless steps taken one by one have the bits of the whole run.
  static func expectStepwise() throws {
    for form in Form.allCases {
      var run = RecurrentRun<Float, Form>.drawn(self, form, b: 8, t: 3, d: 5, h: 18, seed: 1)
      run.reverse = nil
      let whole = kernel(run)
      for (name, result) in stepwise(run) { try expectSameBits(result, whole[name]!) }
    }
  }
}

extension RecurrentRun where S == Float {
  /// A run in generic position, whose weights keep sums as large as their terms.
  fileprivate static func drawn<Kind: RecurrentKernel>(
    _ kind: Kind.Type, _ form: Form, b: Int, t: Int, d: Int, h: Int, seed: UInt64
  ) -> RecurrentRun where Kind.Form == Form {
    var stream = RandomStream(seed: seed)
    let rows = Kind.gates(form) * h
    func network() -> StackedGates<S> {
      StackedGates(
        input: .normal(rows, d, from: &stream), recurrent: .normal(rows, h, from: &stream),
        hidden: .normal([b, h], from: &stream),
        cell: .normal([b, h], from: &stream))
    }
    return RecurrentRun(
      x: .normal([b, t, d], from: &stream), network: network(), reverse: network(), form: form)
  }
}

extension Draw {
  /// A run of some sequences, of extents around lanes and blocks.
  fileprivate func run<Kind: RecurrentKernel>(
    of kind: Kind.Type
  ) -> RecurrentRun<Float, Kind.Form> {
    let form = element("form", of: Array(Kind.Form.allCases))
    let (b, t) = (size("b", upTo: 9), size("t", upTo: 4))
    let (d, h) = (size("d", upTo: 20), size("h", upTo: 40, blocks: [16]))
    var run = RecurrentRun.drawn(
      kind, form, b: b, t: t, d: d, h: h, seed: UInt64(integer("numbers", in: 0...0xFFFF)))
    if bool("lengths") {
      run.lengths = Tensor(
        shape: [b], storage: (0..<b).map { _ in integer("length", in: 0...t) })
    }
    if bool("from zeros") { (run.network.hidden, run.network.cell) = (nil, nil) }
    if !bool("both", probability: 0.25) {
      run.reverse = nil
      run.direction = element("direction", of: [.forward, .reverse])
    }
    return run
  }
}

extension Tensor {
  /// The inputs of one position of every sequence.
  func position(_ t: Int) -> Tensor {
    let sequences = (0..<shape[0]).flatMap { slice($0).slice(t).storage }
    return Tensor(shape: [shape[0], shape[2]], storage: sequences)
  }
}

/// Two results that must have the same bits; nothing fits in place of two that have not.
func sameBits(_ a: Tensor<Float>, _ b: Tensor<Float>) -> Tensor<Float> {
  a.map(\.bitPattern) == b.map(\.bitPattern) ? a : Tensor(shape: [0], storage: [])
}
