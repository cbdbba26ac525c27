import Foundation

/// A floating-point type in which the equations can be evaluated: `Float` or `Double`.
///
/// In `Double` an equation is the oracle of its kernel; in `Float` it is the naive contender.
public protocol Scalar: BinaryFloatingPoint, Sendable {
  /// Returns e to the power `x`.
  static func exp(_ x: Self) -> Self
  /// Returns the natural logarithm of `x`.
  static func log(_ x: Self) -> Self
  /// Returns the hyperbolic tangent of `x`.
  static func tanh(_ x: Self) -> Self
  /// Returns the sine of `x`, in radians.
  static func sin(_ x: Self) -> Self
  /// Returns the cosine of `x`, in radians.
  static func cos(_ x: Self) -> Self
  /// Returns the square root of `x`.
  static func sqrt(_ x: Self) -> Self
}

extension Float: Scalar {
  /// e to the power `x`.
  @inlinable public static func exp(_ x: Float) -> Float { Foundation.exp(x) }
  /// The natural logarithm of `x`.
  @inlinable public static func log(_ x: Float) -> Float { Foundation.log(x) }
  /// The hyperbolic tangent of `x`.
  @inlinable public static func tanh(_ x: Float) -> Float { Foundation.tanh(x) }
  /// The sine of `x`, in radians.
  @inlinable public static func sin(_ x: Float) -> Float { Foundation.sin(x) }
  /// The cosine of `x`, in radians.
  @inlinable public static func cos(_ x: Float) -> Float { Foundation.cos(x) }
  /// The square root of `x`.
  @inlinable public static func sqrt(_ x: Float) -> Float { x.squareRoot() }
}

extension Double: Scalar {
  /// e to the power `x`.
  @inlinable public static func exp(_ x: Double) -> Double { Foundation.exp(x) }
  /// The natural logarithm of `x`.
  @inlinable public static func log(_ x: Double) -> Double { Foundation.log(x) }
  /// The hyperbolic tangent of `x`.
  @inlinable public static func tanh(_ x: Double) -> Double { Foundation.tanh(x) }
  /// The sine of `x`, in radians.
  @inlinable public static func sin(_ x: Double) -> Double { Foundation.sin(x) }
  /// The cosine of `x`, in radians.
  @inlinable public static func cos(_ x: Double) -> Double { Foundation.cos(x) }
  /// The square root of `x`.
  @inlinable public static func sqrt(_ x: Double) -> Double { x.squareRoot() }
}
