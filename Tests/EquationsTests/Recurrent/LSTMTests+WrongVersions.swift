import Equations
import Foundation
import Notation
import TestSupport

let wrongLSTMs: [WrongVersion<RecurrentFunction<LSTMKind>>] =
  wrongRecurrences(of: LSTMKind.self) + permutedGates(4, of: LSTMKind.self)
  + permutedGates(3, of: LSTMKind.self) + [exchangedLast] + [
    wrong("ONNX's order for PyTorch's") { input in
      if input.form == .inputForgetCandidateOutput { input.form = .inputOutputForgetCandidate }
    },
    wrong("PyTorch's order for ONNX's") { input in
      if input.form == .inputOutputForgetCandidate { input.form = .inputForgetCandidateOutput }
    },
    wrongGates("the gates are cut out row by row") { network, form in
      let (n, h) = (LSTMKind.gates(form), network.width)
      let rows = (0..<n * h).map { $0 % h * n + $0 / h }
      func interleaved(_ map: AffineMap<Double>) -> AffineMap<Double> {
        AffineMap(
          weight: map.weight.rows(rows),
          bias: map.bias.map { b in Tensor(shape: b.shape, storage: rows.map { b[$0] }) })
      }
      (network.input, network.recurrent) = (
        interleaved(network.input), interleaved(network.recurrent)
      )
    },
    wrongGates("the first cell is taken as 0") { network, _ in network.cell = nil },
    wrongGates("the first state is the first cell, too") { network, _ in
      if network.cell != nil { network.hidden = network.cell }
    },
    wrongGates("the first state and the first cell are exchanged") { network, _ in
      (network.hidden, network.cell) = (network.cell, network.hidden)
    },
    wrongStep("tanh for the gates' σ") { gates, _ in
      gates.i = gates.i.map { 2 * $0 - 1 }
      gates.f = gates.f.map { 2 * $0 - 1 }
      gates.o = gates.o.map { 2 * $0 - 1 }
      return gates.result()
    },
    wrongStep("σ for the candidate's tanh") { gates, _ in
      gates.g = gates.g.map { logistic(atanh($0)) }
      return gates.result()
    },
    wrongStep("the cell is not forgotten") { gates, _ in
      gates.result(cell: gates.h.indices.map { gates.c[$0] + gates.i[$0] * gates.g[$0] })
    },
    wrongStep("there is always a forget gate, 1 − i if it has no parameters") { gates, form in
      if form == .inputCandidateOutput { gates.f = gates.i.map { 1 - $0 } }
      return gates.result()
    },
    wrongStep("the forget gate forgets what it should keep") { gates, _ in
      gates.f = gates.f.map { 1 - $0 }
      return gates.result()
    },
    wrongStep("the forget gate scales the new content as well") { gates, _ in
      gates.result(
        cell: gates.h.indices.map { gates.f[$0] * (gates.c[$0] + gates.i[$0] * gates.g[$0]) })
    },
    wrongStep("everything enters the cell") { gates, _ in
      gates.result(cell: gates.h.indices.map { gates.f[$0] * gates.c[$0] + gates.g[$0] })
    },
    wrongStep("the state before is kept, not the cell") { gates, _ in
      gates.result(
        cell: gates.h.indices.map { gates.f[$0] * gates.h[$0] + gates.i[$0] * gates.g[$0] })
    },
    wrongStep("the cell is read without tanh") { gates, _ in
      let c = gates.cell()
      return gates.result(hidden: c.indices.map { gates.o[$0] * c[$0] })
    },
    wrongStep("the cell is read without the output gate") { gates, _ in
      gates.result(hidden: gates.cell().map(Double.tanh))
    },
    wrongStep("the output gate is inside of tanh") { gates, _ in
      let c = gates.cell()
      return gates.result(hidden: c.indices.map { Double.tanh(gates.o[$0] * c[$0]) })
    },
    wrongStep("the cell before the step is read") { gates, _ in
      gates.result(hidden: gates.c.indices.map { gates.o[$0] * Double.tanh(gates.c[$0]) })
    },
    wrongStep("tanh of the cell goes on to the next step") { gates, _ in
      let result = gates.result()
      return (result.kept, [result.states[0], result.states[1].map(Double.tanh)])
    },
    wrongCell("the forget gate's bias is 1 more, as TensorFlow's cell had it") { step, form in
      var gates = LSTMGates(step, form)
      if form != .inputCandidateOutput {
        gates.f = gates.f.map { logistic(log($0 / (1 - $0)) + 1) }
      }
      return gates.result()
    },
    wrongCell("the gates see the cell, not the state") { step, form in
      let seen = CellStep(
        own: step.own, past: step.past, states: [step.states[1], step.states[1]])
      return LSTMKind.cell(seen, form)
    },
    wrongCell("the output gate sees the new cell (peepholes)") { step, form in
      var gates = LSTMGates(step, form)
      let c = gates.cell()
      gates.o = gates.o.indices.map { logistic(log(gates.o[$0] / (1 - gates.o[$0])) + c[$0]) }
      return gates.result()
    },
  ]

private let exchangedLast = WrongVersion<RecurrentFunction<LSTMKind>>(
  "the last state and the last cell are exchanged"
) { input in
  var results = LSTMKind.equation(input)
  (results["lastHidden"], results["lastCell"]) = (results["lastCell"], results["lastHidden"])
  return results
}

/// A network whose steps make something else of their gates.
private func wrongStep(
  _ name: String,
  _ step: @escaping @Sendable (inout LSTMGates<Double>, LSTMKind.Form) -> CellResult<Double>
) -> WrongVersion<RecurrentFunction<LSTMKind>> {
  wrongCell(name) { cell, form in
    var gates = LSTMGates(cell, form)
    return step(&gates, form)
  }
}
