import Equations
import Notation
import TestSupport
import Testing

/// The documents' claims that are about one experiment and not about every input.
@Suite("Claims about the LSTM and the GRU")
struct LSTMClaimTests {
  @Test("a forget gate with the bias 5 keeps 71 % of the cell for 50 steps")
  func mitigates() {
    let left = cellLeft(forgetBias: 5)
    #expect(abs(left - 0.714789329) <= 1e-9)
  }

  @Test("without a forget gate the cell keeps everything")
  func keepsEverything() { #expect(cellLeft(forgetBias: nil) == 1) }

  @Test("a forget gate with the bias 0 keeps 2 to the −50 of the cell for 50 steps")
  func vanishes() { #expect(cellLeft(forgetBias: 0) == 0x1p-50) }

  @Test("what is left of a GRU's state is the product of its update gates")
  func updateGates() {
    let z = 1 / (1 + Double.exp(-5))
    let gates = [0, 5, 0].map { constantGate($0) }
    let p = GRU(reset: gates[0], update: gates[1], candidate: gates[2])
    let x = Tensor<Double>(shape: [50, 1], repeating: 0)
    let left = gruSteps(x, p, initial: [1]).last[0] - gruSteps(x, p).last[0]
    let error = abs(left - Double.pow(z, 50))
    // 50 factors, each rounded in two operations, of a z that is off by four units.
    #expect(error <= 50 * 6 * 0x1p-53)
    #expect(abs(left - 0.714789329) <= 1e-9)
  }

  @Test("the states of LSTM and GRU after T positions wait for T steps")
  func depth() {
    var stream = RandomStream(seed: 44)
    let x = Tensor<Double>.normal([8, 2], from: &stream)
    func gate() -> Gate<DependencyDepth> {
      Gate(
        input: AffineMap(weight: Tensor<Double>.normal([2, 2], from: &stream)),
        recurrent: AffineMap(weight: .normal([2, 2], from: &stream))
      ).converted()
    }
    let lstm = LSTM(
      inputGate: gate(), forgetGate: gate(), candidate: gate(), outputGate: gate())
    let gru = GRU(reset: gate(), update: gate(), candidate: gate())
    let prefixes = (1...8).map { x.rows(Array(0..<$0)).converted(to: DependencyDepth.self) }
    let depths = [
      prefixes.map { lstmSteps($0, lstm).last.hidden.depth },
      prefixes.map { gruSteps($0, gru).last.depth },
    ]
    for depths in depths {
      let steps = zip(depths.dropFirst(), depths).map { $0 - $1 }
      #expect(Set(steps).count == 1 && steps[0] >= 1, "\(depths)")
    }
  }

  /// ∂c₅₀/∂c₀ of one number, whose gates do not look at the state: the cell is linear in c₀ then.
  private func cellLeft(forgetBias: Double?) -> Double {
    let p = LSTM(
      inputGate: constantGate(0), forgetGate: forgetBias.map(constantGate),
      candidate: constantGate(0), outputGate: constantGate(0))
    let x = Tensor<Double>(shape: [50, 1], repeating: 0)
    func cell(_ first: Double) -> Double {
      lstmSteps(x, p, initial: LSTMState(hidden: [0], cell: Tensor(shape: [1], storage: [first])))
        .last.cell[0]
    }
    return cell(1) - cell(0)
  }
}

/// A gate that has a bias and looks at nothing.
private func constantGate(_ bias: Double) -> Gate<Double> {
  Gate(
    input: AffineMap(weight: [[0]], bias: Tensor(shape: [1], storage: [bias])),
    recurrent: AffineMap(weight: [[0]]))
}
