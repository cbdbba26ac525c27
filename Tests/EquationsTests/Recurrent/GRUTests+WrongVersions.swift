import Equations
import Notation
import TestSupport

let wrongGRUs: [WrongVersion<RecurrentFunction<GRUKind>>] =
  wrongRecurrences(of: GRUKind.self) + permutedGates(3, of: GRUKind.self) + [
    wrong("reset before for reset after") { input in
      if input.form == .resetAfter { input.form = .resetBefore }
    },
    wrong("reset after for reset before") { input in
      if input.form == .resetBefore { input.form = .resetAfter }
    },
    wrong("the update gate is exchanged") { input in
      if input.form == .resetBefore { input.form = .resetBeforeUpdateSwapped }
    },
    wrong("the update gate is not exchanged") { input in
      if input.form == .resetBeforeUpdateSwapped { input.form = .resetBefore }
    },
    wrongGates("the biases are exchanged") { network, _ in
      (network.input.bias, network.recurrent.bias) = (network.recurrent.bias, network.input.bias)
    },
    wrongGates("both biases are taken as one, the input's") { network, _ in
      guard let c = network.recurrent.bias else { return }
      network.input.bias = network.input.bias.map { $0 + c } ?? c
      network.recurrent.bias = nil
    },
    wrongGates("the gates are cut out row by row") { network, _ in
      let h = network.width
      let rows = (0..<3 * h).map { $0 % h * 3 + $0 / h }
      func interleaved(_ map: AffineMap<Double>) -> AffineMap<Double> {
        AffineMap(
          weight: map.weight.rows(rows),
          bias: map.bias.map { b in Tensor(shape: b.shape, storage: rows.map { b[$0] }) })
      }
      (network.input, network.recurrent) = (
        interleaved(network.input), interleaved(network.recurrent)
      )
    },
    wrongStep("tanh for the gates' σ") { gates, step, form in
      gates.r = gates.r.map { 2 * $0 - 1 }
      gates.z = gates.z.map { 2 * $0 - 1 }
      return gates.result(step, form)
    },
    wrongStep("σ for the candidate's tanh") { gates, step, form in
      gates.result(step, form, candidate: gates.inner(step, form).map(logistic))
    },
    wrongStep("the candidate is not activated") { gates, step, form in
      gates.result(step, form, candidate: gates.inner(step, form))
    },
    wrongStep("nothing is reset") { gates, step, form in
      gates.r = gates.r.map { _ in 1 }
      return gates.result(step, form)
    },
    wrongStep("1 − r resets") { gates, step, form in
      let r = gates.r
      gates.r = r.map { 1 - $0 }
      return gates.result(step, form)
    },
    wrongStep("the reset gate scales the input, too") { gates, step, form in
      let inner = gates.inner(step, form)
      return gates.result(
        step, form,
        candidate: inner.indices.map { j in
          Double.tanh(inner[j] + (gates.r[j] - 1) * step.own[2][j])
        })
    },
    wrongStep("the reset gate scales the candidate") { gates, step, form in
      let n = gates.inner(step, form).map(Double.tanh)
      return gates.result(step, form, candidate: n.indices.map { gates.r[$0] * n[$0] })
    },
    wrongStep("the update gate adds the candidate to all of the state") { gates, step, form in
      var result = gates.result(step, form)
      let n = result.kept[2]
      let next = n.indices.map { j in
        let share = form == .resetBeforeUpdateSwapped ? gates.z[j] : 1 - gates.z[j]
        return gates.h[j] + share * n[j]
      }
      (result.kept[3], result.states) = (next, [next])
      return result
    },
    wrongStep("the state is what is reset of it") { gates, step, form in
      var result = gates.result(step, form)
      let n = result.kept[2]
      let next = n.indices.map { j in
        let kept = gates.r[j] * gates.h[j]
        return form == .resetBeforeUpdateSwapped
          ? (1 - gates.z[j]) * kept + gates.z[j] * n[j]
          : (1 - gates.z[j]) * n[j] + gates.z[j] * kept
      }
      (result.kept[3], result.states) = (next, [next])
      return result
    },
    wrongStep("the update gate sees what is reset of the state") { gates, step, form in
      let past = step.past(1, gates.h.indices.map { gates.r[$0] * gates.h[$0] })
      gates.z = gates.h.indices.map { logistic(step.own[1][$0] + past[$0]) }
      return gates.result(step, form)
    },
  ]

/// A network whose steps make something else of their gates.
private func wrongStep(
  _ name: String,
  _ step:
    @escaping @Sendable (inout GRUGates<Double>, CellStep<Double>, GRUForm) -> CellResult<
      Double
    >
) -> WrongVersion<RecurrentFunction<GRUKind>> {
  wrongCell(name) { cell, form in
    var gates = GRUGates(cell)
    return step(&gates, cell, form)
  }
}
