import Equations
import ErrorBounds
import Kernels
import Notation
import Specification
import TestSupport
import Testing

@Suite("Residual kernel")
struct ResidualKernelTests {
  @Test("the kernel agrees with the golden vectors", arguments: try GoldenCase.all(of: "residual"))
  func golden(_ vector: GoldenCase) throws {
    let x = try vector.input("x")!
    let map = AffineMap(weight: try vector.input("weight")!, bias: try vector.input("bias"))
    let drop =
      vector.attributes.number("probability").map {
        Dropout(probability: $0, seed: UInt64(vector.attributes.integer(needed: "seed")))
      } ?? .none
    func sublayer(_ x: Tensor<Float>) -> Tensor<Float> {
      Kernels::affineMap(x, map.converted(), activation: .relu)
    }
    guard let gain = try vector.input("gain") else {
      try ErrorGauge(
        got: fenced { Kernels::residual(x.converted(), sublayer) },
        expected: try vector.expected("output")!,
        bound: residualBound(x.finite, nil, through: map, activation: .relu))
      return
    }
    let placement: NormPlacement =
      vector.attributes.string("placement") == "preNorm" ? .preNorm : .postNorm
    let norm = LayerNorm(
      gain: gain, bias: try vector.input("normBias"),
      epsilon: vector.attributes.number("epsilon")!)
    try ErrorGauge(
      got: fenced {
        Kernels::residual(x.converted(), placement, norm.converted(), dropout: drop, sublayer)
          .output
      },
      expected: try vector.expected("output")!,
      bound: residualBound(
        x.finite, (placement, norm), dropout: drop, through: map, activation: .relu))
  }

  @Test("sums and normalised sums agree with the equation, whatever is dropped")
  func agreement() throws {
    try checkProperty("residual agreement", cases: 300) { draw in
      let (n, d) = (draw.size("n", upTo: 4), draw.size("d", upTo: 100, blocks: [32]))
      let (x, f) = (draw.tensor("x", [n, d], .ordinary), draw.tensor("f", [n, d], .ordinary))
      let (p, drop) = (draw.layerNorm(width: d), draw.dropout())
      let (wideX, wideF) = (x.converted(to: Double.self), f.converted(to: Double.self))
      let wideP = p.converted(to: Double.self)
      try ErrorGauge(
        got: fenced { Kernels::residual(x, .preNorm, p, dropout: drop) { _ in f }.output },
        expected: Equations::residual(wideX, .preNorm, wideP, dropout: drop) { _ in wideF }.output,
        bound: residualBound(wideX, adding: wideF, dropout: drop))
      try ErrorGauge(
        got: fenced { Kernels::residual(x, .postNorm, p, dropout: drop) { _ in f }.output },
        expected: Equations::residual(wideX, .postNorm, wideP, dropout: drop) { _ in wideF }.output,
        bound: layerNormBound(wideX, adding: wideF, dropout: drop, wideP))
    }
  }

  @Test("the sublayer gets x, or x normalised, and what it gives is handed on")
  func sublayer() throws {
    var stream = RandomStream(seed: 1)
    let (x, f) = (
      Tensor<Float>.normal([3, 21], from: &stream), Tensor<Float>.normal([3, 21], from: &stream)
    )
    let p = LayerNorm<Float>(width: 21, epsilon: 1e-5)
    for placement in NormPlacement.allCases {
      var entering: [Tensor<Float>] = []
      let drop = Dropout(probability: 0.5, seed: 1)
      let result = Kernels::residual(x, placement, p, dropout: drop) {
        entering.append($0)
        return f
      }
      #expect(result.sublayer == f)
      #expect(entering == [placement == .preNorm ? Kernels::layerNorm(x, p) : x])
    }
  }

  @Test("sums of integers are exact, and one pass has the bits of three", arguments: [0, 0.5])
  func exact(_ probability: Double) throws {
    for d in [1, 7, 8, 9, 31, 32, 33, 64, 67] {
      var stream = RandomStream(seed: UInt64(d))
      func integers(_ shape: [Int]) -> Tensor<Float> {
        Tensor<Float>.uniform(shape, from: &stream).map { ($0 * 17).rounded(.down) - 8 }
      }
      let (x, f) = (integers([5, d]), integers([5, d]))
      let drop = Dropout(probability: probability, seed: 3)
      let sum = Kernels::residual(x, adding: f, dropout: drop)
      try expectSameBits(sum, x + Equations::dropout(f, drop))
      let p = LayerNorm(gain: integers([d]), bias: integers([d]), epsilon: 1e-5)
      try expectSameBits(
        Kernels::layerNorm(x, adding: f, dropout: drop, p), Kernels::layerNorm(sum, p))
    }
  }

  @Test("NaN and infinities stay in their place, and under post-norm in their row")
  func poison() throws {
    var stream = RandomStream(seed: 2)
    let x = Tensor<Float>.normal([3, 37], from: &stream)
    var f = Tensor<Float>.normal([3, 37], from: &stream)
    let p = LayerNorm<Float>(width: 37, epsilon: 1e-5)
    let (sum, normalized) = (Kernels::residual(x, adding: f), Kernels::layerNorm(x, adding: f, p))
    f[1, 35] = .nan
    let (poisoned, poisonedRow) = (
      Kernels::residual(x, adding: f), Kernels::layerNorm(x, adding: f, p)
    )
    for i in 0..<3 {
      for j in 0..<37 {
        #expect(poisoned[i, j].isNaN ? (i, j) == (1, 35) : poisoned[i, j] == sum[i, j])
      }
    }
    for i in [0, 2] { try expectSameBits(poisonedRow.slice(i), normalized.slice(i)) }
    #expect(poisonedRow.slice(1).storage.allSatisfy { $0.isNaN })
  }

  @Test("any number of threads gives the same bits, and so does a row alone")
  func threads() throws {
    var stream = RandomStream(seed: 5)
    let (x, f) = (
      Tensor<Float>.normal([300, 257], from: &stream),
      Tensor<Float>.normal([300, 257], from: &stream)
    )
    let p = LayerNorm<Float>(width: 257, epsilon: 1e-5)
    let drop = Dropout(probability: 0.1, seed: 9)
    let results = [1, 2, 2, 5].map { count in
      Threads.$count.withValue(count) {
        (
          Kernels::residual(x, adding: f, dropout: drop),
          Kernels::layerNorm(x, adding: f, dropout: drop, p)
        )
      }
    }
    for (sum, normalized) in results {
      try expectSameBits(sum, results[0].0)
      try expectSameBits(normalized, results[0].1)
    }
    for i in [0, 1, 299] {
      try expectSameBits(
        Kernels::layerNorm(x.slice(i), adding: f.slice(i), p),
        Kernels::layerNorm(x, adding: f, p).slice(i))
    }
  }

  @Test("the kernel refuses what the equation refuses, in the same words")
  func shapes() async throws {
    let plain = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = Kernels::residual([[1, 2]] as Tensor<Float>) { $0.transposed } }
    expectSentence("the terms of a sum must have one shape: got [1, 2] and [2, 1]", from: plain)
    let normalized = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let x: Tensor<Float> = [[1, 2]]
      _ = Kernels::residual(x, .postNorm, LayerNorm(width: 2, epsilon: 1e-5)) { _ in [1, 2] }
    }
    expectSentence("the terms of a sum must have one shape: got [1, 2] and [2]", from: normalized)
    let width = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let x: Tensor<Float> = [[1, 2]]
      _ = Kernels::residual(x, .postNorm, LayerNorm(width: 3, epsilon: 1e-5)) { $0 }
    }
    expectSentence("x must be … × 3, the width of the gain: got 1 × 2", from: width)
  }
}
