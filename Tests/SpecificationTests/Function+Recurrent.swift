import Equations
import Notation

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
    "elmanRNN": Function(nil, run) { (a) throws(Fault) in
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
    "elmanRNNJacobian": Function(1, ["hidden"]) { (a) throws(Fault) in
      .numbers(
        elmanRNNJacobian(hidden: try a.numbers("hidden"), try a.option(0) as ElmanRNN<Double>))
    },
    "lstm": Function(nil, run.union(["initialCell", "reverseInitialCell"])) { (a) throws(Fault) in
      if a.has("reverse") {
        return .numbers(
          lstm(
            try a.numbers(0), forward: try a.option("forward"), reverse: try a.option("reverse"),
            initial: try a.lstmState("initial"), reverseInitial: try a.lstmState("reverseInitial"),
            lengths: try a.lengths()))
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
    "gru": Function(nil, run) { (a) throws(Fault) in
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
