import Equations
import Notation
import TestSupport
import Testing

/// The documents' claims that are about one experiment and not about every input.
@Suite("Claims about Elman's network")
struct ElmanRNNClaimTests {
  @Test(
    "at states of 0 and with U = ρ times an orthogonal matrix, what is left of h₀ is ρ to the T",
    arguments: [(0.9, 5.153775207e-3), (1, 1), (1.1, 117.3908529)])
  func vanishingAndExploding(rho: Double, left: Double) {
    let p = rotation(by: rho)
    let jacobian = elmanRNNJacobian(hidden: Tensor(shape: [50, 2], repeating: 0), p)
    // Of a rotation times a factor every column has that length, which is the norm.
    for j in 0..<2 {
      let norm = (jacobian[0, j] * jacobian[0, j] + jacobian[1, j] * jacobian[1, j]).squareRoot()
      #expect(abs(norm - left) <= 1e-9 * left)
    }
    // The states themselves tell the same: they are 0 without h₀, and nearly linear in a small one.
    let tiny = 0x1p-40
    let first = Tensor(shape: [2], storage: [tiny, 0])
    let moved = elmanRNNSteps(Tensor(shape: [50, 1], repeating: 0), p, initial: first).last
    let length = (moved[0] * moved[0] + moved[1] * moved[1]).squareRoot()
    #expect(abs(length / tiny - left) <= 1e-9 * left)
  }

  @Test("inputs make it no better: under tanh every slope is at most 1")
  func driven() {
    var stream = RandomStream(seed: 41)
    let p = rotation(by: 0.9)
    let x = Tensor<Double>.normal([80, 1], from: &stream)
    let hidden = elmanRNN(x, p)
    let jacobian = elmanRNNJacobian(hidden: hidden, p)
    let bound = Double.pow(0.9, 80)
    for j in 0..<2 {
      let norm = (jacobian[0, j] * jacobian[0, j] + jacobian[1, j] * jacobian[1, j]).squareRoot()
      #expect(norm <= bound && norm > 0)
    }
  }

  @Test("the state after T positions waits for T steps, attention for as many as after one")
  func depth() {
    var stream = RandomStream(seed: 42)
    let x = Tensor<Double>.normal([8, 2], from: &stream)
    let p = ElmanRNN(
      input: AffineMap(weight: Tensor<Double>.normal([2, 2], from: &stream)),
      recurrent: AffineMap(weight: .normal([2, 2], from: &stream))
    ).converted(to: DependencyDepth.self)
    let prefixes = (1...8).map {
      x.rows(Array(0..<$0)).converted(to: DependencyDepth.self)
    }
    #expect(prefixes.map { elmanRNNSteps($0, p).last.depth } == Array(1...8))
    let attended = prefixes.map {
      scaledDotProductAttention(queries: $0, keys: $0, values: $0).depth
    }
    #expect(Set(attended).count == 1)
  }

  @Test("each position's attention can be computed alone and in any order, to the same bits")
  func anyOrder() {
    var stream = RandomStream(seed: 43)
    let x = Tensor<Double>.normal([7, 3], from: &stream)
    let whole = scaledDotProductAttention(queries: x, keys: x, values: x)
    for i in [4, 0, 6, 2, 5, 1, 3] {
      let alone = scaledDotProductAttention(queries: x.rows([i]), keys: x, values: x)
      #expect(alone.slice(0) == whole.slice(i))
    }
  }

  @Test("attention without preferences hands on 1/T of every input", arguments: [10, 100, 1000])
  func longRange(positions: Int) {
    // Queries of 0 score every key 0; a change of one value by T comes through as 1.
    let zeros = Tensor<Double>(shape: [positions, 1], repeating: 0)
    func last(_ first: Double) -> Double {
      var values = zeros
      values[0, 0] = first
      return scaledDotProductAttention(queries: zeros, keys: zeros, values: values)
        .storage[positions - 1]
    }
    let slope = last(1) - last(0)
    #expect(abs(slope - 1 / Double(positions)) <= 0x1p-50 / Double(positions))
    let recurrent = elmanRNNJacobian(
      hidden: Tensor(shape: [positions, 2], repeating: 0), rotation(by: 0.9))
    #expect(recurrent.storage.allSatisfy { abs($0) <= Double.pow(0.9, Double(positions)) * 1.001 })
  }
}

/// A network of two numbers whose U turns by an angle with the sine 4/5, times ρ.
private func rotation(by rho: Double) -> ElmanRNN<Double> {
  ElmanRNN(
    input: AffineMap(weight: [[1], [-0.5]]),
    recurrent: AffineMap(
      weight: Tensor(shape: [2, 2], storage: [0.6, -0.8, 0.8, 0.6].map { $0 * rho })))
}
