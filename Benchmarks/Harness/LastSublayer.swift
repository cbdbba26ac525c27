import Equations
import ErrorBounds
import Kernels
import Notation

/// What the equation says of the end of a layer on what the kernels before it give: of the second map of
/// its network, the sum and the norm.
///
/// Every part of a layer multiplies what the parts before may be off by: the bound of all of them would
/// allow anything. The attentions and networks have rows of their own.
struct LastSublayer {
  let output: Tensor<Double>
  let bound: Tensor<Double>

  /// - Parameters:
  ///   - a: What the sublayer gets.
  ///   - placement: Whether x + F is normalised, or what F gets.
  ///   - norm: The normalisation.
  ///   - p: The network, packed as the layer has it.
  init(
    of a: Tensor<Float>, _ placement: NormPlacement, _ norm: LayerNorm<Float>,
    _ p: FeedForward<Float>
  ) {
    let entering = placement == .preNorm ? Kernels::layerNorm(a, norm) : a
    let h = Kernels::affineMap(entering, p.inner, activation: p.activation)
      .converted(to: Double.self)
    let (a, norm) = (a.converted(to: Double.self), norm.converted(to: Double.self))
    let outer = p.outer.converted(to: Double.self)
    output = Equations::residual(a, placement, norm) { _ in Equations::affineMap(h, outer) }.output
    bound = residualBound(a, (placement, norm), adding: outer, of: h)
  }
}

extension Verification {
  /// Compares rows of a layer's result with its last sublayer's.
  init(rows: [Int], of got: Tensor<Float>, _ last: LastSublayer) {
    self.init(rows: rows, of: got, expected: last.output, bound: last.bound)
  }
}
