import Equations
import ErrorBounds
import Notation
import TestSupport
import Testing

/// The documents' claims that are about one experiment and not about every input.
@Suite("Claims about layer norm")
struct LayerNormClaimTests {
  @Test("the scale of the weights before it does not matter", arguments: [3.7, 100, 0.01])
  func initialization(c: Double) throws {
    var stream = RandomStream(seed: 10)
    let (d, epsilon) = (32, 1e-12)
    let x = Tensor<Double>.normal([8, d], from: &stream)
    let w = Tensor<Double>.normal([d, d], from: &stream)
    func normalized(_ c: Double) -> (
      got: LayerNormSteps<Double>, bounds: LayerNormSteps<RunningError>
    ) {
      let y = affineMap(x, AffineMap(weight: w.map { c * $0 }))
      let tracked = affineMap(
        x.tracked, AffineMap(weight: w.tracked.map { RunningError(c) * $0 }))
      return (
        layerNormSteps(y, LayerNorm(width: d, epsilon: epsilon)),
        layerNormSteps(tracked, LayerNorm(width: d, epsilon: epsilon))
      )
    }
    let (plain, scaled) = (normalized(1), normalized(c))
    // √((v + ε) / (v + ε/c²)) is off 1 by at most ε/2v · |1 − 1/c²|.
    let smallest = plain.got.variance.storage.min()!
    let share = epsilon / (2 * smallest) * abs(1 - 1 / (c * c))
    try ErrorGauge(
      got: scaled.got.output, expected: plain.got.output,
      bound: plain.bounds.output.bounds + scaled.bounds.output.bounds
        + plain.got.output.map { share * abs($0) })
  }
}
