import Foundation

/// A number type in which the equations can be evaluated.
///
/// In `Double` an equation is the oracle of its kernel, in `Float` the naive contender. Any other
/// type that has these operations will do: `ErrorBounds` evaluates equations on numbers that carry
/// their own error.
public protocol Scalar: SignedNumeric, Comparable, ExpressibleByFloatLiteral, Sendable {
  /// The number nearest to `value`.
  init(_ value: Double)
  /// The number as a `Double`, which holds every `Float`.
  var double: Double { get }

  /// A quotient, by the rules of IEEE 754.
  static func / (_ x: Self, _ y: Self) -> Self
  /// e to the power `x`.
  static func exp(_ x: Self) -> Self
  /// The natural logarithm of `x`.
  static func log(_ x: Self) -> Self
  /// The hyperbolic tangent of `x`.
  static func tanh(_ x: Self) -> Self
  /// The sine of `x`, in radians.
  static func sin(_ x: Self) -> Self
  /// The cosine of `x`, in radians.
  static func cos(_ x: Self) -> Self
  /// The square root of `x`.
  static func sqrt(_ x: Self) -> Self
  /// The complementary error function, 2/√π ∫ₓ^∞ exp(−t²) dt.
  static func erfc(_ x: Self) -> Self
  /// `x` to the power `y`.
  static func pow(_ x: Self, _ y: Self) -> Self
  /// The larger of `x` and `y`, `x` if one of them is NaN.
  static func max(_ x: Self, _ y: Self) -> Self
}

extension Scalar {
  /// The larger of `x` and `y`, `x` if one of them is NaN.
  @inlinable public static func max(_ x: Self, _ y: Self) -> Self { x < y ? y : x }
  /// Positive infinity.
  @inlinable public static var infinity: Self { Self(Double.infinity) }
  /// Whether this is no number.
  @inlinable public var isNaN: Bool { self != self }
}

extension Float: Scalar {
  /// The same number in twice the width.
  @inlinable public var double: Double { Double(self) }
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
  /// The complementary error function of `x`.
  @inlinable public static func erfc(_ x: Float) -> Float { Foundation.erfc(x) }
  /// `x` to the power `y`.
  @inlinable public static func pow(_ x: Float, _ y: Float) -> Float { Foundation.pow(x, y) }
}

extension Double: Scalar {
  /// The number itself.
  @inlinable public var double: Double { self }
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
  /// The complementary error function of `x`.
  @inlinable public static func erfc(_ x: Double) -> Double { Foundation.erfc(x) }
  /// `x` to the power `y`.
  @inlinable public static func pow(_ x: Double, _ y: Double) -> Double { Foundation.pow(x, y) }
}
