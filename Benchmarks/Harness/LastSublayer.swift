import Equations
import ErrorBounds
import Kernels
import Notation

/// What the equation says of a layer's last sublayer, its network, on what the kernels before it give.
///
/// Every part of a layer multiplies what the parts before may be off by: the bound of all of them would
/// allow anything. The attentions have rows of their own.
struct LastSublayer {
  let output: Tensor<Double>
  let bound: Tensor<Double>

  /// - Parameter a: What the sublayer gets.
  init(
    of a: Tensor<Float>, _ placement: NormPlacement, _ norm: LayerNorm<Float>,
    _ p: FeedForward<Float>
  ) {
    let (a, norm) = (a.converted(to: Double.self), norm.converted(to: Double.self))
    let p = p.converted(to: Double.self)
    output = Equations::residual(a, placement, norm) { Equations::feedForward($0, p) }.output
    bound = residualBound(a, (placement, norm), through: p)
  }
}

extension Verification {
  /// Compares rows of a layer's result with its last sublayer's.
  init(rows: [Int], of got: Tensor<Float>, _ last: LastSublayer) {
    self.init(rows: rows, of: got, expected: last.output, bound: last.bound)
  }
}
