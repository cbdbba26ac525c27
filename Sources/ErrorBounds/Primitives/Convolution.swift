import Equations
import Notation

/// The largest error that a convolution may have, element by element.
///
///     γ_d (Σ_j |W_j| |x_(t·stride + j·dilation − left)| + |b|) + d η,  d = k · inputs
///
/// The kernel's chain of fused multiply-adds begins with the bias and rounds once a step; the equation
/// adds the bias last, one rounding more. η, 2⁻¹²⁶ in `Float`, is for products that underflow.
///
/// - Parameters:
///   - x: … × t × inputs.
///   - p: The parameters.
///   - arithmetic: Whose convolution it is.
/// - Returns: … × t′ × outputs.
public func convolutionBound(
  _ x: Tensor<Double>, _ p: Convolution<Double>, in arithmetic: Arithmetic = .kernel
) -> Tensor<Double> {
  let absolute = Convolution(
    weight: p.weight.map(abs), bias: p.bias?.map(abs), stride: p.stride, dilation: p.dilation,
    padding: p.padding)
  let d = p.kernel * p.inputs
  let depth = arithmetic.isBlocked ? d : d + 1
  return convolution(x.map(abs), absolute).map { gauge in
    arithmetic.gamma(depth) * gauge + Double(d) * arithmetic.smallestNormal
  }
}
