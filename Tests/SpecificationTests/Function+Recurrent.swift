import Equations
import ErrorBounds
import Kernels
import Notation
import TestSupport

extension Function {
  static let recurrent: [String: Function] = cells.merging(runs) { word, _ in word }
    .merging(seq2Seq) { word, _ in word }

  /// Words for the parameters of recurrent networks.
  private static let cells: [String: Function] = [
    "gate": Function(0, maps) { (a) throws(Fault) in
      .option(
        Gate(input: try a.affineMap(named: "input"), recurrent: try a.affineMap(named: "recurrent"))
      )
    },
    "elmanParameters": Function(0, maps.union(["activation"])) { (a) throws(Fault) in
      .option(
        ElmanRNN(
          input: try a.affineMap(named: "input"), recurrent: try a.affineMap(named: "recurrent"),
          activation: try a.option("activation", Activation.tanh)))
    },
    "lstmParameters": Function(0, maps.union(["order"])) { (a) throws(Fault) in
      .option(
        LSTM(
          input: try a.affineMap(named: "input"), recurrent: try a.affineMap(named: "recurrent"),
          order: try a.option("order", GateOrder.inputForgetCandidateOutput)))
    },
    "lstmOfGates": Function(0, ["inputGate", "forgetGate", "candidate", "outputGate"]) {
      (a) throws(Fault) in
      .option(
        LSTM<Double>(
          inputGate: try a.option("inputGate"), forgetGate: try a.ifGiven("forgetGate"),
          candidate: try a.option("candidate"), outputGate: try a.option("outputGate")))
    },
    "gruParameters": Function(0, maps.union(["form"])) { (a) throws(Fault) in
      .option(
        GRU(
          input: try a.affineMap(named: "input"), recurrent: try a.affineMap(named: "recurrent"),
          form: try a.option("form", GRUForm.resetAfter)))
    },
  ]

  private static let runs: [String: Function] = [
    "elmanRNN": Function(
      nil, run,
      equation: { (a) throws(Fault) in
        if a.has("reverse") {
          return .numbers(
            elmanRNN(
              try a.numbers(0), forward: try a.option("forward"), reverse: try a.option("reverse"),
              initial: try a.state("initial"), reverseInitial: try a.state("reverseInitial"),
              lengths: try a.lengths()))
        }
        let steps = elmanRNNSteps(
          try a.numbers(0), try a.option(1), initial: try a.state("initial"),
          lengths: try a.lengths(), direction: try a.option("direction", Direction.forward))
        return .record(output: steps.hidden, parts: ["hidden": steps.hidden, "last": steps.last])
      },
      kernel: { (a) throws(Fault) in
        let (x, initial, lengths) = (
          try a.numbers(0), try a.state("initial"), try a.lengths()
        )
        if a.has("reverse") {
          let (p, q) = (
            try a.option("forward") as ElmanRNN<Double>, try a.option("reverse") as ElmanRNN<Double>
          )
          let reverseInitial = try a.state("reverseInitial")
          return KernelResult(
            value: elmanRNN(
              try exactFloats(x), forward: try p.exactFloats(), reverse: try q.exactFloats(),
              initial: try initial.map(exactFloats),
              reverseInitial: try reverseInitial.map(exactFloats), lengths: lengths),
            bound: elmanRNNBound(
              x, forward: p, reverse: q, initial: initial, reverseInitial: reverseInitial,
              lengths: lengths))
        }
        let (p, direction) = (
          try a.option(1) as ElmanRNN<Double>, try a.option("direction", Direction.forward)
        )
        return KernelResult(
          value: elmanRNN(
            try exactFloats(x), try p.exactFloats(), initial: try initial.map(exactFloats),
            lengths: lengths, direction: direction),
          bound: elmanRNNBounds(
            x, p, initial: initial, lengths: lengths, direction: direction
          ).hidden)
      }),
    "elmanRNNJacobian": Function(
      1, ["hidden"],
      equation: { (a) throws(Fault) in
        .numbers(
          elmanRNNJacobian(hidden: try a.numbers("hidden"), try a.option(0) as ElmanRNN<Double>))
      },
      kernel: { (a) throws(Fault) in
        let (hidden, p) = (try a.numbers("hidden"), try a.option(0) as ElmanRNN<Double>)
        guard let floats = try? exactFloats(hidden), let floatP = try? p.exactFloats() else {
          return nil
        }
        return KernelResult(
          value: elmanRNNJacobian(hidden: floats, floatP),
          bound: elmanRNNJacobianBound(hidden: hidden, p))
      }),
    "lstm": Function(
      nil, run.union(["initialCell", "reverseInitialCell"]),
      equation: { (a) throws(Fault) in
        if a.has("reverse") {
          return .numbers(
            lstm(
              try a.numbers(0), forward: try a.option("forward"), reverse: try a.option("reverse"),
              initial: try a.lstmState("initial"),
              reverseInitial: try a.lstmState("reverseInitial"), lengths: try a.lengths()))
        }
        let steps = lstmSteps(
          try a.numbers(0), try a.option(1), initial: try a.lstmState("initial"),
          lengths: try a.lengths(), direction: try a.option("direction", Direction.forward))
        return .record(
          output: steps.hidden,
          parts: [
            "inputGate": steps.inputGate, "forgetGate": steps.forgetGate,
            "candidate": steps.candidate, "outputGate": steps.outputGate, "cell": steps.cell,
            "hidden": steps.hidden, "lastHidden": steps.last.hidden, "lastCell": steps.last.cell,
          ])
      },
      kernel: { (a) throws(Fault) in
        let (x, initial, lengths) = (
          try a.numbers(0), try a.lstmState("initial"), try a.lengths()
        )
        if a.has("reverse") {
          let (p, q) = (
            try a.option("forward") as LSTM<Double>, try a.option("reverse") as LSTM<Double>
          )
          let reverseInitial = try a.lstmState("reverseInitial")
          return KernelResult(
            value: lstm(
              try exactFloats(x), forward: try p.exactFloats(), reverse: try q.exactFloats(),
              initial: try initial?.exactFloats(),
              reverseInitial: try reverseInitial?.exactFloats(), lengths: lengths),
            bound: lstmBound(
              x, forward: p, reverse: q, initial: initial, reverseInitial: reverseInitial,
              lengths: lengths))
        }
        let (p, direction) = (
          try a.option(1) as LSTM<Double>, try a.option("direction", Direction.forward)
        )
        return KernelResult(
          value: lstm(
            try exactFloats(x), try p.exactFloats(), initial: try initial?.exactFloats(),
            lengths: lengths, direction: direction),
          bound: lstmBounds(
            x, p, initial: initial, lengths: lengths, direction: direction
          ).hidden)
      }),
    "gru": Function(
      nil, run,
      equation: { (a) throws(Fault) in
        if a.has("reverse") {
          return .numbers(
            gru(
              try a.numbers(0), forward: try a.option("forward"), reverse: try a.option("reverse"),
              initial: try a.state("initial"), reverseInitial: try a.state("reverseInitial"),
              lengths: try a.lengths()))
        }
        let steps = gruSteps(
          try a.numbers(0), try a.option(1), initial: try a.state("initial"),
          lengths: try a.lengths(), direction: try a.option("direction", Direction.forward))
        return .record(
          output: steps.hidden,
          parts: [
            "reset": steps.reset, "update": steps.update, "candidate": steps.candidate,
            "hidden": steps.hidden, "last": steps.last,
          ])
      },
      kernel: { (a) throws(Fault) in
        let (x, initial, lengths) = (
          try a.numbers(0), try a.state("initial"), try a.lengths()
        )
        if a.has("reverse") {
          let (p, q) = (
            try a.option("forward") as GRU<Double>, try a.option("reverse") as GRU<Double>
          )
          let reverseInitial = try a.state("reverseInitial")
          return KernelResult(
            value: gru(
              try exactFloats(x), forward: try p.exactFloats(), reverse: try q.exactFloats(),
              initial: try initial.map(exactFloats),
              reverseInitial: try reverseInitial.map(exactFloats), lengths: lengths),
            bound: gruBound(
              x, forward: p, reverse: q, initial: initial, reverseInitial: reverseInitial,
              lengths: lengths))
        }
        let (p, direction) = (
          try a.option(1) as GRU<Double>, try a.option("direction", Direction.forward)
        )
        return KernelResult(
          value: gru(
            try exactFloats(x), try p.exactFloats(), initial: try initial.map(exactFloats),
            lengths: lengths, direction: direction),
          bound: gruBounds(
            x, p, initial: initial, lengths: lengths, direction: direction
          ).hidden)
      }),
  ]

  /// W, b, U and c.
  private static let maps: Set<String> = ["input", "inputBias", "recurrent", "recurrentBias"]

  /// One direction, or both.
  private static let run: Set<String> = [
    "initial", "lengths", "direction", "forward", "reverse", "reverseInitial",
  ]
}

extension Arguments {
  /// A state before the first step; without the label zeros.
  fileprivate func state(_ label: String) throws(Fault) -> Tensor<Double>? {
    try has(label) ? numbers(label) : nil
  }

  /// A state and the cell of the label with “Cell” behind, given together.
  fileprivate func lstmState(_ label: String) throws(Fault) -> LSTMState<Double>? {
    try has(label)
      ? LSTMState(hidden: numbers(label), cell: numbers(label + "Cell")) : nil
  }

  fileprivate func lengths() throws(Fault) -> Tensor<Int>? {
    try has("lengths") ? integers("lengths") : nil
  }
}

// The same parameters as the kernels get them.

extension Gate<Double> {
  fileprivate func exactFloats() throws(Fault) -> Gate<Float> {
    for map in [input, recurrent] {
      _ = try SpecificationTests.exactFloats(map.weight)
      if let bias = map.bias { _ = try SpecificationTests.exactFloats(bias) }
    }
    return converted()
  }
}

extension ElmanRNN<Double> {
  fileprivate func exactFloats() throws(Fault) -> ElmanRNN<Float> {
    _ = try gate.exactFloats()
    return converted()
  }
}

extension LSTM<Double> {
  fileprivate func exactFloats() throws(Fault) -> LSTM<Float> {
    for gate in [inputGate, candidate, outputGate] { _ = try gate.exactFloats() }
    _ = try forgetGate?.exactFloats()
    return converted()
  }
}

extension LSTMState<Double> {
  fileprivate func exactFloats() throws(Fault) -> LSTMState<Float> {
    LSTMState<Float>(
      hidden: try SpecificationTests.exactFloats(hidden),
      cell: try SpecificationTests.exactFloats(cell))
  }
}

extension GRU<Double> {
  fileprivate func exactFloats() throws(Fault) -> GRU<Float> {
    for gate in [reset, update, candidate] { _ = try gate.exactFloats() }
    return converted()
  }
}
