import Equations
import Notation
import TestSupport

let lstmLaws: [Law<RecurrentFunction<LSTMKind>>] =
  recurrentLaws(of: LSTMKind.self) + [
    Law("gates lie between 0 and 1, candidate and state between −1 and 1") { network, draw in
      let input: RecurrentCase<Double, LSTMKind> = draw.recurrentCase()
      let results = network(input)
      for name in ["inputGate", "forgetGate", "outputGate"] {
        let gate = results[name]?.storage ?? []
        try expect(gate.allSatisfy { 0...1 ~= $0 }, "\(name) lies outside")
      }
      for name in ["candidate", "hidden"] {
        let numbers = results[name]?.storage ?? []
        try expect(numbers.allSatisfy { -1...1 ~= $0 }, "\(name) lies outside")
      }
    },
    Law("without a forget gate the cell is that of a gate that is held open") { network, draw in
      var input: RecurrentCase<Double, LSTMKind> = draw.recurrentCase(
        of: [.inputForgetCandidateOutput])
      (input.network, input.reverse) = (
        input.network.held(1, at: 1000), input.reverse?.held(1, at: 1000)
      )
      var without = input
      without.form = .inputCandidateOutput
      (without.network, without.reverse) = (
        input.network.picking([0, 2, 3], of: 4), input.reverse?.picking([0, 2, 3], of: 4)
      )
      try expect(network(without) == network(input), "the results have other bits")
    },
    Law("a cell that nothing enters and nothing leaves stays what it is") { network, draw in
      var input: RecurrentCase<Double, LSTMKind> = draw.recurrentCase(
        of: [.inputForgetCandidateOutput])
      input.reverse = nil
      input.network = input.network.held(0, at: -1000).held(1, at: 1000)
      let b = input.x.shape[0]
      let first = input.network.cell ?? Tensor(shape: [b, input.network.width], repeating: 0)
      try expect(network(input)["lastCell"] == first, "the cell has changed")
    },
    Law("the cell is read through tanh and the output gate") { network, draw in
      var input: RecurrentCase<Double, LSTMKind> = draw.recurrentCase()
      input.reverse = nil
      let results = network(input)
      let (o, c) = (results["outputGate"]!.storage, results["cell"]!.storage)
      try expect(
        results["hidden"]!.storage == zip(o, c).map { $0 * Double.tanh($1) },
        "the state has other bits")
    },
  ]

extension StackedGates<Double> {
  /// Some of the gates.
  fileprivate func picking(_ gates: [Int], of count: Int) -> StackedGates {
    func part(_ map: AffineMap<Double>) -> AffineMap<Double> {
      let rows = gates.flatMap { Array($0 * width..<($0 + 1) * width) }
      return AffineMap(
        weight: map.weight.rows(rows),
        bias: map.bias.map { b in Tensor(shape: [rows.count], storage: rows.map { b[$0] }) })
    }
    var picked = self
    (picked.input, picked.recurrent) = (part(input), part(recurrent))
    return picked
  }
}
