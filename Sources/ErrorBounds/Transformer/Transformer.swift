import Equations
import Notation

/// The largest errors that a Transformer may have, to first order, step by step and element by element.
///
///     2 · u / 2⁻⁵³ · e,  e the running error of the equation in Double
///
/// The bounds of layers cannot be put together: each takes errors as they come out of the one before,
/// multiplies them by sums of magnitudes, and at u = 2⁻²⁴ a norm behind the second layer gets a row that
/// may be missed by as much as it is. In Double no error is that large, and running errors grow in
/// proportion to u as long as a bound is small: where it is not, it says nothing.
///
/// A kernel rounds no oftener than the equation does, sum by sum, since a fused multiply-add rounds once;
/// but for a score, whose query is multiplied by scale and log₂ e before the sum, three times. Hence
/// the factor 2. It holds for one token after the other as well, with a cache or without: what a step
/// adds up is what the whole adds up.
///
/// - Parameters:
///   - source: b × s.
///   - target: b × t.
///   - p: The parameters, and what is hidden.
///   - arithmetic: Whose Transformer it is.
/// - Returns: The bound of each step; of no meaning where the step is not finite.
public func transformerBounds(
  source: Tensor<Int>, target: Tensor<Int>, _ p: Transformer<Double>,
  in arithmetic: Arithmetic = .kernel
) -> TransformerSteps<Double> {
  let steps = transformerSteps(source: source, target: target, p.converted(to: RunningError.self))
  func scaled(_ x: Tensor<RunningError>) -> Tensor<Double> {
    x.bounds.map { 2 * arithmetic.unitRoundoff / 0x1p-53 * $0 + arithmetic.smallestNormal }
  }
  return TransformerSteps(
    memory: scaled(steps.memory), decoded: scaled(steps.decoded), logits: scaled(steps.logits))
}
