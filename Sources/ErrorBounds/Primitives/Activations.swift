import Equations
import Foundation
import Notation

/// The largest error that an activation may have, element by element.
///
///     identity, relu  0
///     sigmoid, tanh   5u |y|
///     gelu            10u |y|
///     geluTanh        (6 |a| + 8) u |y|,  a = √(8/π) (x + 0.044715 x³)
///
/// and η, 2⁻¹²⁶ in `Float`, where results underflow. The kernels' sigmoid and tanh are off by 2.5 ulp,
/// 5u, at most; the normal tail by 4.5 ulp, 9u, and its product with x is rounded once more. The
/// argument a takes six roundings, which σ, whose slope is at most its value, enlarges by |a|.
///
/// - Parameters:
///   - x: Any shape.
///   - activation: The function.
///   - arithmetic: Whose activation it is.
/// - Returns: The shape of x; of no meaning where the activation is NaN or infinite.
public func activationBound(
  _ x: Tensor<Double>, _ activation: Activation, in arithmetic: Arithmetic = .kernel
) -> Tensor<Double> {
  let y = activate(x, activation)
  let (u, tiny) = (arithmetic.unitRoundoff, arithmetic.smallestNormal)
  return Tensor(
    shape: x.shape,
    storage: zip(x.storage, y.storage).map { x, y in
      switch activation {
      case .identity, .relu: 0
      case .sigmoid, .tanh: 5 * u * abs(y) + tiny
      case .gelu: 10 * u * abs(y) + tiny
      case .geluTanh:
        // Beyond 2 · 10³ the result is x or underflows, and the cube would only overflow.
        (6 * min((8 / Double.pi).squareRoot() * abs(x + 0.044715 * x * x * x), 200) + 8) * u
          * abs(y)
          + tiny
      }
    })
}
