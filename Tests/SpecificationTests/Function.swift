import Notation

/// A function that examples may call.
struct Function: Sendable {
  /// How many arguments have no label; `nil` for any number.
  let positional: Int?
  /// The labels that may be given.
  let labels: Set<String>
  /// The equation, in Double.
  let equation: @Sendable (Arguments) throws(Fault) -> Value
  /// The kernel, in Float, with what its rounding may come to; `nil` where there is none, or none for
  /// such arguments.
  let kernel: (@Sendable (Arguments) throws(Fault) -> KernelResult?)?

  init(
    _ positional: Int?, _ labels: Set<String> = [],
    equation: @escaping @Sendable (Arguments) throws(Fault) -> Value,
    kernel: (@Sendable (Arguments) throws(Fault) -> KernelResult?)? = nil
  ) {
    (self.positional, self.labels) = (positional, labels)
    (self.equation, self.kernel) = (equation, kernel)
  }
}

/// What a kernel computed, and how far from the exact result its bound lets it be.
struct KernelResult {
  let value: Tensor<Float>
  let bound: Tensor<Double>
}

extension Function {
  /// The functions by the names that Swift, too, has for them, and the words that take arguments.
  static let all = [
    primitives, attention, embedding, normalization, recurrent, transformer, wordVectors, vision,
    training,
  ].reduce(into: [:]) { all, family in
    all.merge(family) { _, _ in fatalError("two functions have one name") }
  }
}
