import Equations
import ErrorBounds
import Notation
import TestSupport

/// What holds for all recurrent networks.
func recurrentLaws<Kind: RecurrentKind>(
  of kind: Kind.Type
) -> [Law<RecurrentFunction<Kind>>] {
  [
    Law("every step is that of the equations as they are written") { network, draw in
      let input: RecurrentCase<Double, Kind> = draw.recurrentCase()
      let tracked = input.converted(to: RunningError.self)
      let (got, expected) = (network(input), unrolled(tracked))
      for (name, equation) in Kind.equation(tracked).sorted(by: { $0.key < $1.key }) {
        try expectSame(
          got[name]!, expected[name]!.map(\.value), bounds: equation.bounds,
          expected[name]!.bounds, name)
      }
    },
    Law("every sequence goes through the network on its own", cases: 30) { network, draw in
      let input: RecurrentCase<Double, Kind> = draw.recurrentCase()
      let results = network(input)
      for b in 0..<input.x.shape[0] {
        try expectSameResults(
          network(input.keeping(b)), results.mapValues { $0.keeping(b) }, "sequence \(b) alone")
      }
    },
    Law("what lies beyond a length may as well not be there, whatever it holds") { network, draw in
      var input: RecurrentCase<Double, Kind> = draw.recurrentCase()
      let (b, t) = (input.x.shape[0], input.x.shape[1])
      let poison = draw.poison()
      for g in 0..<b {
        let length = draw.integer("length", in: 0...t)
        var short = input.keeping(g)
        short.lengths = nil
        short.x = short.x.rows(Array(0..<length))
        var long = input.keeping(g)
        long.lengths = Tensor(shape: [1], storage: [length])
        long.x = long.x.poisoned(from: length, with: poison)
        let (expected, got) = (network(short), network(long))
        try expectSameResults(
          got.mapValues { $0.rank == 3 ? $0.rows(Array(0..<length)) : $0 }, expected,
          "length \(length) of \(t)")
        for (name, result) in got where result.rank == 3 {
          let rest = result.rows(Array(length..<t)).storage
          try expect(rest.allSatisfy { $0 == 0 }, "\(name) is not 0 beyond length \(length)")
        }
      }
      input.lengths = Tensor(shape: [b], repeating: t)
      var all = input
      all.lengths = nil
      try expectSameResults(network(input), network(all), "all lengths \(t)")
    },
    Law("a position knows nothing of what is read after it") { network, draw in
      var input: RecurrentCase<Double, Kind> = draw.recurrentCase()
      (input.reverse, input.lengths) = (nil, nil)
      let t = input.x.shape[1]
      let cut = draw.integer("cut", in: 0...t)
      let read = Array(input.direction == .forward ? 0..<cut : cut..<t)
      var first = input
      first.x = input.x.rows(read)
      let (expected, got) = (network(first), network(input))
      for name in Kind.kept {
        try expect(got[name]!.rows(read) == expected[name]!, "\(name) of \(read) has other bits")
      }
    },
    Law("a run may be interrupted: its last states are all that it goes on from") { network, draw in
      var input: RecurrentCase<Double, Kind> = draw.recurrentCase()
      (input.reverse, input.lengths) = (nil, nil)
      let t = input.x.shape[1]
      let cut = draw.integer("cut", in: 0...t)
      let parts = [Array(0..<cut), Array(cut..<t)]
      var (first, second) = (input, input)
      let isForward = input.direction == .forward
      first.x = input.x.rows(parts[isForward ? 0 : 1])
      second.x = input.x.rows(parts[isForward ? 1 : 0])
      let before = network(first)
      second.network.hidden = before[Kind.last[0]]
      second.network.cell = before[Kind.last.count > 1 ? Kind.last[1] : ""]
      let (after, whole) = (network(second), network(input))
      for name in Kind.kept {
        let (a, b) = isForward ? (before, after) : (after, before)
        try expect(whole[name]! == a[name]!.followed(by: b[name]!), "\(name) has other bits")
      }
      for name in Kind.last { try expect(whole[name] == after[name], "\(name) has other bits") }
    },
    Law("reading backwards is reading the reversed sequence") { network, draw in
      var input: RecurrentCase<Double, Kind> = draw.recurrentCase()
      (input.reverse, input.lengths, input.direction) = (nil, nil, .reverse)
      let reversed = Array((0..<input.x.shape[1]).reversed())
      var mirrored = input
      mirrored.x = input.x.rows(reversed)
      mirrored.direction = .forward
      try expectSameResults(
        network(input), network(mirrored).mapValues { $0.rank == 3 ? $0.rows(reversed) : $0 },
        "backwards")
    },
    Law("two directions are two networks side by side, the forward one first") { network, draw in
      var input: RecurrentCase<Double, Kind> = draw.recurrentCase()
      guard let other = input.reverse else { return }
      let both = network(input)["hidden"]!
      (input.reverse, input.direction) = (nil, .forward)
      let forward = network(input)["hidden"]!
      (input.network, input.direction) = (other, .reverse)
      try expect(
        both == sideBySide(forward, network(input)["hidden"]!), "the states have other bits")
    },
  ]
}

extension RecurrentCase {
  /// The sequence of one index, in a batch of its own.
  fileprivate func keeping(_ b: Int) -> RecurrentCase {
    var alone = self
    alone.x = x.keeping(b)
    alone.lengths = lengths?.keeping(b)
    alone.network = network.keeping(b)
    alone.reverse = reverse?.keeping(b)
    return alone
  }
}

extension StackedGates {
  fileprivate func keeping(_ b: Int) -> StackedGates {
    var alone = self
    (alone.hidden, alone.cell) = (hidden?.keeping(b), cell?.keeping(b))
    return alone
  }
}

private func expectSameResults(
  _ got: [String: Tensor<Double>], _ expected: [String: Tensor<Double>], _ what: String
) throws {
  for (name, tensor) in expected {
    try expect(got[name] == tensor, "\(name) of \(what) has other bits")
  }
}

extension Draw {
  /// A small network of one of the forms, and some sequences: generic numbers, each gate's parameters at a
  /// scale of their own.
  func recurrentCase<Kind: RecurrentKind>(
    of forms: [Kind.Form] = Array(Kind.Form.allCases)
  ) -> RecurrentCase<Double, Kind> {
    let form = element("form", of: forms)
    let (b, t) = (integer("b", in: 1...3), integer("t", in: 1...4))
    let d = integer("d", in: 1...4)
    let h = bool("square") ? d : integer("h", in: 1...4)
    let direction = element("direction", of: ["forward", "reverse", "both"])
    let (inputBias, recurrentBias) = (bool("input biased"), bool("recurrent biased"))
    let isStarted = bool("started", probability: 0.75)
    let lengths =
      bool("lengths") ? (0..<b).map { _ in integer("length", in: 0...t) } : nil
    var stream = RandomStream(seed: UInt64(integer("parameters", in: 0...0xFFFF)))
    func numbers(_ shape: [Int]) -> Tensor<Double> {
      Tensor<Float>.normal(shape, from: &stream).converted()
    }
    func stacked(_ extents: [Int]) -> Tensor<Double> {
      let gates = (0..<Kind.gates(form)).flatMap { k in
        let scale = Double(k + 2) / 4
        return numbers([h] + extents).storage.map { $0 * scale }
      }
      return Tensor(shape: [Kind.gates(form) * h] + extents, storage: gates)
    }
    func network() -> StackedGates<Double> {
      StackedGates(
        input: AffineMap(weight: stacked([d]), bias: inputBias ? stacked([]) : nil),
        recurrent: AffineMap(weight: stacked([h]), bias: recurrentBias ? stacked([]) : nil),
        hidden: isStarted ? numbers([b, h]) : nil,
        cell: isStarted && Kind.last.count > 1 ? numbers([b, h]) : nil)
    }
    return RecurrentCase(
      x: numbers([b, t, d]), lengths: lengths.map { Tensor(shape: [b], storage: $0) },
      direction: direction == "reverse" ? .reverse : .forward, network: network(),
      reverse: direction == "both" ? network() : nil, form: form)
  }
}
