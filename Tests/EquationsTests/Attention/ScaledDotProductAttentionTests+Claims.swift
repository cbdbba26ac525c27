import Equations
import Notation
import Testing

/// The documents' claims that are about one experiment and not about every input.
@Suite("Claims about attention")
struct AttentionClaimTests {
  @Test("self-attention keeps the shape of its input, at any length")
  func shape() {
    var stream = RandomStream(seed: 7)
    let maps = projections(width: 6, from: &stream)
    for t in [1, 2, 5, 19] {
      let x = Tensor<Double>.normal([2, t, 6], from: &stream)
      #expect(selfAttention(x, maps).shape == x.shape)
    }
  }

  @Test("every output position depends on every input position")
  func globalDependency() {
    var stream = RandomStream(seed: 8)
    let (t, d) = (6, 4)
    let maps = projections(width: d, from: &stream)
    // Small inputs keep the weights, and with them the slopes, away from 0.
    let x = Tensor<Double>.normal([t, d], from: &stream).map { $0 / 4 }
    let step = 1e-5  // the best for central differences in Double is about u^⅓
    for j in 0..<t {
      var (above, below) = (x, x)
      above[j, 0] += step
      below[j, 0] -= step
      let (y, z) = (selfAttention(above, maps), selfAttention(below, maps))
      for i in 0..<t {
        let slope = (0..<d).map { abs(y[i, $0] - z[i, $0]) / (2 * step) }.max()!
        #expect(slope > 1e-3, "position \(i) does not see position \(j)")
      }
    }
  }

  @Test("the variance of a score is dk, scaled it is 1", arguments: [16, 64, 256])
  func scoreVariance(dk: Int) {
    // 20,000 pairs: the standard deviation of a measured variance is √(2/20000) = 1 %.
    let raw = varianceOfScores(dk: dk, pairs: 20_000, scale: .factor(1))
    #expect(abs(raw / Double(dk) - 1) < 0.05)
    #expect(abs(varianceOfScores(dk: dk, pairs: 20_000, scale: .rootKeyWidth) - 1) < 0.05)
    // With eight heads √dModel is √8 times √dk, and the variance an eighth.
    #expect(
      abs(varianceOfScores(dk: dk, pairs: 20_000, scale: .rootModelWidth(8 * dk)) * 8 - 1) < 0.05)
  }

  @Test("scores of positive inputs have a mean that grows, which softmax does not see")
  func positiveInputs() {
    // Document 000 draws its example from 0 ..< 1: the mean is √dk / 4, the variance 7 / 144.
    var stream = RandomStream(seed: 9)
    let dk = 512
    let q = Tensor<Double>.uniform([200, dk], from: &stream)
    let k = Tensor<Double>.uniform([200, dk], from: &stream)
    let s = scaledDotProductAttentionSteps(
      queries: q, keys: k, values: Tensor(shape: [200, 0], repeating: 0)
    ).scores.storage
    #expect(abs(mean(s) / (Double(dk).squareRoot() / 4) - 1) < 0.01)
    #expect(abs(variance(s) / (7.0 / 144) - 1) < 0.1)
  }

  @Test(
    "without the scale softmax saturates as dk grows",
    arguments: [(16, 0.74), (64, 0.88), (256, 0.93), (1024, 0.97)])
  func saturation(dk: Int, largest: Double) {
    #expect(abs(largestWeight(dk: dk, scale: .factor(1)) - largest) < 0.02)
    #expect(abs(largestWeight(dk: dk, scale: .rootKeyWidth) - 0.32) < 0.02)
  }

  /// The variance of the scores of independent queries and keys.
  private func varianceOfScores(dk: Int, pairs: Int, scale: ScoreScale) -> Double {
    var stream = RandomStream(seed: UInt64(dk))
    let q = Tensor<Double>.normal([pairs, 1, dk], from: &stream)
    let k = Tensor<Double>.normal([pairs, 1, dk], from: &stream)
    return variance(
      scaledDotProductAttentionSteps(
        queries: q, keys: k, values: Tensor(shape: [pairs, 1, 0], repeating: 0), scale: scale
      ).scores.storage)
  }

  /// The mean of a query's largest weight among ten keys.
  private func largestWeight(dk: Int, scale: ScoreScale) -> Double {
    var stream = RandomStream(seed: UInt64(dk))
    let queries = 1000
    let q = Tensor<Double>.normal([queries, 1, dk], from: &stream)
    let k = Tensor<Double>.normal([queries, 10, dk], from: &stream)
    let weights = scaledDotProductAttentionSteps(
      queries: q, keys: k, values: Tensor(shape: [queries, 10, 0], repeating: 0), scale: scale
    ).weights
    return mean((0..<queries).map { weights.slice($0).storage.max()! })
  }
}

private func projections(
  width: Int, from stream: inout RandomStream
) -> AttentionProjections<Double> {
  var map: AffineMap<Double> {
    AffineMap(
      weight: .normal([width, width], from: &stream), bias: .normal([width], from: &stream))
  }
  return AttentionProjections(query: map, key: map, value: map)
}

private func mean(_ x: [Double]) -> Double { x.reduce(0, +) / Double(x.count) }

private func variance(_ x: [Double]) -> Double {
  let center = mean(x)
  return mean(x.map { ($0 - center) * ($0 - center) })
}
