import Notation

/// Everything in which a file of parameters differs from what was to be read of it.
///
///     missing: norm1.bias (12)
///     misshapen: linear1.weight is 12 × 20, not 20 × 12
///     extra: head.weight
public struct ParameterError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A tensor that a model needs and the file does not have.
  public struct Missing: Hashable, Sendable {
    /// Its name.
    public let name: String
    /// The shape that it should have.
    public let shape: [Int]
  }

  /// A tensor that has another shape than a model needs.
  public struct Misshapen: Hashable, Sendable {
    /// Its name.
    public let name: String
    /// The shape that it has.
    public let found: [Int]
    /// The shape that it should have.
    public let expected: [Int]
  }

  /// A tensor that holds no floating-point numbers.
  public struct NotNumbers: Hashable, Sendable {
    /// Its name.
    public let name: String
    /// The type of its elements.
    public let type: String
  }

  /// What is not there, in the order in which the model asked for it.
  public var missing: [Missing] = []
  /// What has the wrong shape, in the order in which the model asked for it.
  public var misshapen: [Misshapen] = []
  /// What holds no floating-point numbers, in the order in which the model asked for it.
  public var notNumbers: [NotNumbers] = []
  /// What the model did not ask for, by name.
  public var extra: [String] = []

  var isEmpty: Bool {
    missing.isEmpty && misshapen.isEmpty && notNumbers.isEmpty && extra.isEmpty
  }

  /// One line for each kind of fault, with all tensors concerned.
  public var description: String {
    [
      ("missing", missing.map { "\($0.name) (\(described($0.shape)))" }),
      (
        "misshapen",
        misshapen.map {
          "\($0.name) is \(described($0.found)), not \(described($0.expected))"
        }
      ),
      ("not floating-point numbers", notNumbers.map { "\($0.name) is \($0.type)" }),
      ("extra", extra),
    ]
    .filter { !$0.1.isEmpty }
    .map { "\($0.0): \($0.1.joined(separator: ", "))" }
    .joined(separator: "\n")
  }
}
