import Equations
import ErrorBounds
import Kernels
import Notation
import TestSupport

/// What stands in a residual connection: a kernel, its equation, and how far apart they may be.
///
/// Every part of a layer multiplies what the parts before may be off by, so that the bound of all of them
/// soon is as large as the numbers, and allows anything. Here each part is compared on what the kernels
/// gave it, which for its bound is exact; the layer must have the bits of its sublayers, one after the
/// other.
struct Sublayer {
  let kernel: (Tensor<Float>) -> Tensor<Float>
  let equation: (Tensor<Double>) -> Tensor<Double>
  let bound: (Tensor<Double>) -> Tensor<Double>

  /// Attention to a memory, or to what comes in.
  static func attention(
    _ p: MultiHeadAttention<Float>, to memory: Tensor<Float>? = nil,
    mask: AttentionMask<Float> = .none, fill: MaskFill = .excluded
  ) -> Sublayer {
    let (wide, wideMask) = (p.converted(to: Double.self), mask.converted(to: Double.self))
    let wideMemory = memory?.converted(to: Double.self)
    return Sublayer { x in
      Kernels::multiHeadAttention(
        queries: x, keys: memory ?? x, values: memory ?? x, p, mask: mask, fill: fill)
    } equation: { x in
      Equations::multiHeadAttention(
        queries: x, keys: wideMemory ?? x, values: wideMemory ?? x, wide, mask: wideMask,
        fill: fill)
    } bound: { x in
      multiHeadAttentionBound(
        queries: x, keys: wideMemory ?? x, values: wideMemory ?? x, wide, mask: wideMask,
        fill: fill)
    }
  }

  /// Attention to keys and values that are there.
  static func attention(
    _ p: MultiHeadAttention<Float>, _ cache: KeyValueCache<Float>,
    mask: AttentionMask<Float> = .none, fill: MaskFill = .excluded
  ) -> Sublayer {
    let (wide, wideMask) = (p.converted(to: Double.self), mask.converted(to: Double.self))
    let wideCache = cache.converted(to: Double.self)
    return Sublayer { x in
      Kernels::multiHeadAttention(queries: x, cache, p, mask: mask, fill: fill)
    } equation: { x in
      multiHeadAttentionSteps(queries: x, wideCache, wide, mask: wideMask, fill: fill).output
    } bound: { x in
      multiHeadAttentionBound(queries: x, wideCache, wide, mask: wideMask, fill: fill)
    }
  }

  static func feedForward(_ p: FeedForward<Float>) -> Sublayer {
    let wide = p.converted(to: Double.self)
    return Sublayer {
      Kernels::feedForward($0, p)
    } equation: {
      Equations::feedForward($0, wide)
    } bound: {
      feedForwardBound($0, wide)
    }
  }

  /// What the residual connection gives; throws unless the sublayer, sum and norm are within their bounds.
  func joined(
    to x: Tensor<Float>, _ placement: NormPlacement, _ norm: LayerNorm<Float>
  ) throws -> Tensor<Float> {
    let (wideX, wideNorm) = (x.converted(to: Double.self), norm.converted(to: Double.self))
    let (f, output) = Kernels::residual(x, placement, norm, kernel)
    let wideF = f.converted(to: Double.self)
    var entering = x
    var boundOfOutput = layerNormBound(wideX, adding: wideF, wideNorm)
    if placement == .preNorm {
      entering = Kernels::layerNorm(x, norm)
      try ErrorGauge(
        got: entering, expected: Equations::layerNorm(wideX, wideNorm),
        bound: layerNormBound(wideX, wideNorm))
      boundOfOutput = residualBound(wideX, adding: wideF)
    }
    let wide = entering.converted(to: Double.self)
    try ErrorGauge(got: f, expected: equation(wide), bound: bound(wide))
    try ErrorGauge(
      got: output, expected: Equations::residual(wideX, placement, wideNorm) { _ in wideF }.output,
      bound: boundOfOutput)
    return output
  }
}
