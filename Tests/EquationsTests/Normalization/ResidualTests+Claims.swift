import Equations
import Notation
import Testing

/// The documents' claims that are about stacks of layers.
@Suite("Claims about residual connections")
struct ResidualClaimTests {
  @Test("twenty residual layers keep a gradient that twenty plain ones lose")
  func gradient() {
    // F is linear, so that what becomes of a vector is what becomes of a gradient along it. An
    // orthogonal matrix changes no length: |F(x)| = a |x|, and |x + F(x)| lies within (1 ± a) |x|.
    var stream = RandomStream(seed: 11)
    let (a, d, layers) = (0.1, 16, 20)
    let maps = (0..<layers).map { _ in orthogonal(d, from: &stream) }
    let x = Tensor<Double>.normal([50, d], from: &stream)
    func growth(through maps: [Tensor<Double>], connected: Bool) -> [Double] {
      let y = maps.reduce(x) { x, map in
        let f = AffineMap(weight: map.map { a * $0 })
        return connected ? residual(x) { affineMap($0, f) } : affineMap(x, f)
      }
      return zip(lengths(y), lengths(x)).map(/)
    }
    // Each layer rounds sums of 16 terms, and its matrix is orthogonal up to as many roundings:
    // 20 · 2 · 18 · 2⁻⁵³ is below 2⁻⁴³.
    let slack = 0x1p-43
    let (least, most) = (pow(1 - a, layers), pow(1 + a, layers))
    for ratio in growth(through: maps, connected: false) {
      #expect(abs(ratio / pow(a, layers) - 1) < slack)
    }
    for ratio in growth(through: maps, connected: true) {
      #expect(ratio > least * (1 - slack) && ratio < most * (1 + slack))
    }
    // Both limits are reached: by the turn that turns everything around, and by none.
    let unit = Tensor<Double>.unit(d)
    for (turn, limit) in [(unit.map { -$0 }, least), (unit, most)] {
      for ratio in growth(through: Array(repeating: turn, count: layers), connected: true) {
        #expect(abs(ratio / limit - 1) < slack)
      }
    }
    #expect(abs(least - 0.12157665459) <= 0.5e-11)  // to the digits printed
  }

  @Test("through 24 random layers the variance grows under preNorm and stays 1 under postNorm")
  func variance() {
    var stream = RandomStream(seed: 12)
    let (d, dFF, epsilon) = (32, 128, 1e-5)
    let x = Tensor<Double>.normal([40, d], from: &stream)
    let networks = (0..<24).map { _ in
      // Weights of variance 1/d and 1/dFF: what comes out is of the size of what goes in.
      FeedForward(
        inner: AffineMap(
          weight: .normal([dFF, d], from: &stream).map { $0 / Double(d).squareRoot() }),
        outer: AffineMap(
          weight: .normal([d, dFF], from: &stream).map { $0 / Double(dFF).squareRoot() }))
    }
    func variances(_ placement: NormPlacement) -> [Double] {
      var y = x
      return networks.map { network in
        y =
          residual(y, placement, LayerNorm(width: d, epsilon: epsilon)) {
            feedForward($0, network)
          }.output
        return layerNormSteps(y, LayerNorm(width: d, epsilon: 0)).variance.storage.reduce(0, +) / 40
      }
    }
    for v in variances(.postNorm) { #expect(v < 1 && v > 1 - epsilon) }
    let grown = variances(.preNorm)
    // The variance of F is 1/2, half of what relu leaves, so that 24 layers add 12. Covariances of x
    // and F, in 40 rows of 32 numbers, are 0 on average and move this by less than a quarter.
    #expect(abs(grown[23] / 13 - 1) < 0.25)
    #expect(grown[5] < grown[11] && grown[11] < grown[17] && grown[17] < grown[23])
  }
}

/// A random orthogonal matrix: the rows of a random one made orthonormal by Gram and Schmidt, twice,
/// since the second time there are only rounding errors left to remove.
private func orthogonal(_ d: Int, from stream: inout RandomStream) -> Tensor<Double> {
  var rows = (0..<d).map { _ in (0..<d).map { _ in stream.normal() as Double } }
  func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
  for i in 0..<d {
    for j in [Array(0..<i), Array(0..<i)].joined() {
      let share = dot(rows[i], rows[j])
      rows[i] = zip(rows[i], rows[j]).map { $0 - share * $1 }
    }
    let length = dot(rows[i], rows[i]).squareRoot()
    rows[i] = rows[i].map { $0 / length }
  }
  return Tensor(shape: [d, d], storage: Array(rows.joined()))
}

private func lengths(_ x: Tensor<Double>) -> [Double] {
  (0..<x.shape[0]).map { x.slice($0).storage.reduce(0) { $0 + $1 * $1 }.squareRoot() }
}

private func pow(_ x: Double, _ n: Int) -> Double { (0..<n).reduce(1) { y, _ in x * y } }

extension Tensor<Double> {
  /// The unit matrix.
  fileprivate static func unit(_ d: Int) -> Tensor {
    Tensor(shape: [d, d], storage: (0..<d * d).map { $0 % (d + 1) == 0 ? 1 : 0 })
  }
}
