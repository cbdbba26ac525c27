import Foundation
import Notation

/// A number computed in Double that carries a bound on its own error.
public typealias RunningError = Tracked<Double>

/// A number that carries a bound on the error which it has if it is computed in `Precision`.
///
/// Every equation, however composed, is evaluated on it as on any other scalar; what comes out is how
/// far the same evaluation in `Precision` is from the exact result: the equation itself, or a kernel that
/// takes the equation's steps in their order. Each operation adds half a unit in the last place of its
/// result to what its operands bring, and a function of the C library two units, which those of the
/// kernels keep to as well, but for tanh, which adds two and a half, and erfc, their normal tail, which
/// adds five. Multiplications and additions may be fused. Numbers that a `Float` holds count as exact,
/// others as rounded once.
///
/// Source: N. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition, section 3.3.
public struct Tracked<Precision: RoundedType>: Scalar, Hashable {
  /// The number.
  public var value: Double
  /// How far it may be from the exact one; 0 if it is not finite, since it is then compared by class.
  public var bound: Double

  private static var u: Double { Precision.unitRoundoff }

  private init(_ value: Double, _ bound: Double) {
    self.value = value
    // A bound that is NaN is 0 · ∞: the exact factor 0 of a number that may be anything.
    self.bound = value.isFinite ? (bound.isNaN ? .infinity : bound) : 0
  }

  /// A number that is off by something already.
  init(_ value: Double, offBy bound: Double) { self.init(value, bound) }

  /// The result of an operation that is rounded correctly; a tiny one may be flushed to 0.
  private init(rounded value: Double, _ bound: Double, units: Double = 1) {
    let (largest, tiny) = (abs(value) + bound, Precision.smallestNormal)
    let flushed = abs(value) < tiny ? min(largest, tiny) : 0
    self.init(value, bound + units * Self.u * largest + flushed)
  }

  /// The result of a function whose slope here is at most `slope`.
  private init(function value: Double, of x: Self, slope: Double, units: Double = 4) {
    self.init(rounded: value, slope * x.bound, units: units)
  }

  /// The number given.
  public init(_ value: Double) {
    self.init(value, Double(Float(value)) == value ? 0 : Self.u * abs(value))
  }

  /// The number given.
  public init(floatLiteral value: Double) { self.init(value) }
  /// The number given.
  public init(integerLiteral value: Int) { self.init(Double(value)) }
  /// The number given, if a Double holds it.
  public init?<T: BinaryInteger>(exactly source: T) {
    guard let value = Double(exactly: source) else { return nil }
    self.init(value, 0)
  }

  /// The number without its error.
  public var double: Double { value }
  /// The number without its sign.
  public var magnitude: Self { Self(abs(value), bound) }

  /// The smaller number, whatever the errors.
  public static func < (a: Self, b: Self) -> Bool { a.value < b.value }
  /// The same number, whatever the errors.
  public static func == (a: Self, b: Self) -> Bool { a.value == b.value }

  /// The sum.
  public static func + (a: Self, b: Self) -> Self {
    Self(rounded: a.value + b.value, a.bound + b.bound)
  }
  /// The difference.
  public static func - (a: Self, b: Self) -> Self {
    Self(rounded: a.value - b.value, a.bound + b.bound)
  }
  /// The product.
  public static func * (a: Self, b: Self) -> Self {
    Self(
      rounded: a.value * b.value,
      abs(a.value) * b.bound + abs(b.value) * a.bound + a.bound * b.bound)
  }
  /// The quotient.
  public static func / (a: Self, b: Self) -> Self {
    let quotient = a.value / b.value
    let smallest = abs(b.value) - b.bound
    return Self(
      rounded: quotient,
      smallest > 0 ? (a.bound + abs(quotient) * b.bound) / smallest : .infinity)
  }
  /// Multiplies in place.
  public static func *= (a: inout Self, b: Self) { a = a * b }

  /// e to the power x; where it may be flushed to 0, the bound is that of the largest exponent.
  public static func exp(_ x: Self) -> Self {
    let y = Foundation.exp(x.value)
    return y < Precision.smallestNormal
      ? Self(y, Foundation.exp(x.value + x.bound))
      : Self(rounded: y, y * expm1(x.bound), units: 4)
  }
  /// The natural logarithm of x.
  public static func log(_ x: Self) -> Self {
    let smallest = x.value - x.bound
    return Self(
      function: Foundation.log(x.value), of: x, slope: smallest > 0 ? 1 / smallest : .infinity)
  }
  /// The hyperbolic tangent of x, whose slope is largest where x may be nearest to 0.
  public static func tanh(_ x: Self) -> Self {
    let nearest = Foundation.tanh(Swift.max(abs(x.value) - x.bound, 0))
    return Self(
      function: Foundation.tanh(x.value), of: x, slope: 1 - nearest * nearest, units: 5)
  }
  /// The sine of x.
  public static func sin(_ x: Self) -> Self {
    Self(function: Foundation.sin(x.value), of: x, slope: 1)
  }
  /// The cosine of x.
  public static func cos(_ x: Self) -> Self {
    Self(function: Foundation.cos(x.value), of: x, slope: 1)
  }
  /// The larger of x and y: whichever it is of the exact ones, the larger error covers it.
  public static func max(_ x: Self, _ y: Self) -> Self {
    Self(x.value < y.value ? y.value : x.value, Swift.max(x.bound, y.bound))
  }
  /// The square root of x: |√(x + e) − √x| is at most |e| / √x, and at most √|e|.
  public static func sqrt(_ x: Self) -> Self {
    let y = x.value.squareRoot()
    return Self(rounded: y, min(x.bound.squareRoot(), y > 0 ? x.bound / y : .infinity))
  }
  /// The complementary error function of x, whose slope is −2/√π exp(−x²).
  public static func erfc(_ x: Self) -> Self {
    Self(function: Foundation.erfc(x.value), of: x, slope: 2 / Double.pi.squareRoot(), units: 10)
  }
  /// x to the power y, as exp(y log x).
  public static func pow(_ x: Self, _ y: Self) -> Self {
    let exponent = y * log(x)
    let power = Foundation.pow(x.value, y.value)
    return Self(rounded: power, abs(power) * expm1(exponent.bound), units: 4)
  }
}

/// A type that results are rounded to.
public protocol RoundedType: SendableMetatype {
  /// What one rounding may change, relative to the result.
  static var unitRoundoff: Double { get }
  /// The smallest normal number; a smaller result may be flushed to zero.
  static var smallestNormal: Double { get }
}

extension Float: RoundedType {
  /// 2⁻²⁴.
  public static var unitRoundoff: Double { Arithmetic.kernel.unitRoundoff }
  /// 2⁻¹²⁶.
  public static var smallestNormal: Double { Arithmetic.kernel.smallestNormal }
}

extension Double: RoundedType {
  /// 2⁻⁵³.
  public static var unitRoundoff: Double { Arithmetic.equationInDouble.unitRoundoff }
  /// 2⁻¹⁰²².
  public static var smallestNormal: Double { Arithmetic.equationInDouble.smallestNormal }
}

extension Tensor<Double> {
  /// The same numbers, each to carry its error from here on.
  public var tracked: Tensor<RunningError> { converted() }
}

extension Tensor<RunningError> {
  /// How far each number may be from the exact one.
  public var bounds: Tensor<Double> { map { $0.bound + Double.smallestNormal } }
}

extension Tensor<Tracked<Float>> {
  /// How far each number of a kernel may be from the exact one.
  public var bounds: Tensor<Double> { map { $0.bound + Float.smallestNormal } }
}
