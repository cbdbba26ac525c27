import Notation

/// A number that knows how many functions had to be computed one after the other to get it.
///
/// Sums and products count for nothing, since any number of terms can be added side by side; what
/// cannot be done before its operand is there is exp, tanh, a quotient and so on.
struct DependencyDepth: Scalar, Hashable {
  private let value: Double
  /// The length of the longest chain of functions behind the number.
  let depth: Int

  private init(_ value: Double, after operands: DependencyDepth..., adding step: Int = 0) {
    self.value = value
    depth = operands.map(\.depth).max()! + step
  }

  init(_ value: Double) { (self.value, depth) = (value, 0) }
  init(floatLiteral value: Double) { self.init(value) }
  init(integerLiteral value: Int) { self.init(Double(value)) }
  init?<T: BinaryInteger>(exactly source: T) { self.init(Double(source)) }

  var double: Double { value }
  var magnitude: DependencyDepth { DependencyDepth(abs(value), after: self) }

  static func < (a: Self, b: Self) -> Bool { a.value < b.value }
  static func == (a: Self, b: Self) -> Bool { a.value == b.value }
  static func + (a: Self, b: Self) -> Self { Self(a.value + b.value, after: a, b) }
  static func - (a: Self, b: Self) -> Self { Self(a.value - b.value, after: a, b) }
  static func * (a: Self, b: Self) -> Self { Self(a.value * b.value, after: a, b) }
  static func *= (a: inout Self, b: Self) { a = a * b }
  static func max(_ a: Self, _ b: Self) -> Self { Self(Swift.max(a.value, b.value), after: a, b) }

  static func / (a: Self, b: Self) -> Self { Self(a.value / b.value, after: a, b, adding: 1) }
  static func exp(_ x: Self) -> Self { of(Double.exp, x) }
  static func log(_ x: Self) -> Self { of(Double.log, x) }
  static func tanh(_ x: Self) -> Self { of(Double.tanh, x) }
  static func sin(_ x: Self) -> Self { of(Double.sin, x) }
  static func cos(_ x: Self) -> Self { of(Double.cos, x) }
  static func sqrt(_ x: Self) -> Self { of(Double.sqrt, x) }
  static func erfc(_ x: Self) -> Self { of(Double.erfc, x) }
  static func pow(_ x: Self, _ y: Self) -> Self {
    Self(Double.pow(x.value, y.value), after: x, y, adding: 1)
  }

  private static func of(_ function: (Double) -> Double, _ x: Self) -> Self {
    Self(function(x.value), after: x, adding: 1)
  }
}

extension Tensor<DependencyDepth> {
  /// The longest chain behind any of the numbers.
  var depth: Int { storage.map(\.depth).max() ?? 0 }
}
